package cellstate

import (
	"path/filepath"
	"testing"
)

// FuzzParse: whatever the file, Parse returns: either a State that is sound, or
// problems in the order of their lines.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.[yj]*")
	for _, file := range files {
		f.Add(readFile(f, file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("fuzz.yaml", data)
		if (s == nil) == (err == nil) {
			t.Fatalf("state %v with error %v", s, err)
		}
		if s != nil {
			checkState(t, s)
		}
		checkProblems(t, data, err)
	})
}
