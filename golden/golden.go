package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the golden files instead of comparing")

// Scripts plays each file that matches the pattern as a subtest of its name. play
// sets what happened in each step of the script. A script has to begin with head,
// the words by which its first line says what it is there for.
func Scripts(t *testing.T, pattern, head string, play func(t *testing.T, s *Script)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(Name(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(data), head) {
				t.Errorf("%s does not open with %q and the property that it guards", file, head)
			}
			s := Parse(string(data))
			play(t, s)
			File(t, file, s.String())
		})
	}
}

// Name is that of a script by its path: without testdata and the ending.
func Name(path string) string {
	return strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "testdata/"), ".txt")
}

// File compares a file with what it should be, or writes it by -rewrite.
func File(t *testing.T, path, want string) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err == nil && string(have) == want {
		return
	}
	if !*rewrite {
		t.Fatalf("%s does not match; renew with -rewrite if this is right:\n%s", path, want)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
