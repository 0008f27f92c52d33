package cellstate

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the expected problems anew")

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestProblems reads every state file in testdata and holds what is said about
// it to the .txt beside it. Each file opens with the property it guards.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/*.[yj]*")
	if err != nil || len(files) < 10 {
		t.Fatalf("testdata has %d files: %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			got := "no problem\n"
			state, err := Parse(name, readFile(t, file))
			if err != nil {
				got = err.Error() + "\n"
			}
			if (state == nil) == (err == nil) {
				t.Errorf("state %v with error %v", state, err)
			}
			golden := strings.TrimSuffix(file, filepath.Ext(file)) + ".txt"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(readFile(t, golden)), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestProblemsAreByLine: whatever is wrong, it is told from top to bottom, each
// with a line of the file.
func TestProblemsAreByLine(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		data := readFile(t, file)
		_, err := Parse(file, data)
		checkProblems(t, data, err)
	}
}

// checkProblems holds what is true of every refusal.
func checkProblems(t *testing.T, data []byte, err error) {
	t.Helper()
	if err == nil {
		return
	}
	p, ok := err.(*Problems)
	if !ok || len(p.List) == 0 || len(p.List) > problemsMax || p.More > 0 && len(p.List) < problemsMax {
		t.Fatalf("not a list of problems: %#v", err)
	}
	last, lines := 1, 2 // the parser may blame the end of the file
	for _, c := range string(data) {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", c) { // what YAML takes for the end of a line
			lines++
		}
	}
	for _, q := range p.List {
		if q.Line < last || q.Line > lines || q.Text == "" {
			t.Fatalf("line %d after %d, of %d: %s", q.Line, last, lines, q)
		}
		last = q.Line
	}
}

func TestTooManyProblemsAreCounted(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\ncell: demo\n")
	for i := range problemsMax + 7 {
		fmt.Fprintf(&b, "unknown-%d: 1\n", i)
	}
	_, err := Parse("many.yaml", []byte(b.String()))
	p, ok := err.(*Problems)
	if !ok || len(p.List) != problemsMax || p.More != 7 {
		t.Fatalf("got %v", err)
	}
	if !strings.HasSuffix(err.Error(), "many.yaml: and 7 more") {
		t.Errorf("the rest is not told: %q", err.Error()[len(err.Error())-60:])
	}
}

func TestFileTooLarge(t *testing.T) {
	_, err := Parse("large.yaml", make([]byte, fileBytesMax+1))
	if err == nil || !strings.Contains(err.Error(), "larger than 2097152 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestHostileList(t *testing.T) {
	_, err := Parse("long.yaml", []byte("version: 1\ncell: a\nhosts: ["+strings.Repeat("{},", 100000)+"]"))
	if want := "long.yaml:3: hosts: has 100000 entries; no list may have more than 4096"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoadMissingFile(t *testing.T) {
	if _, err := Read("testdata/none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that wraps the system's", err)
	}
}
