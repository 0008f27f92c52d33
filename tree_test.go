// Package hyperplane_test holds what must be true of the whole tree.
package hyperplane_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hyperplane/telemetry/drop"
)

// order lists the folders from the top of the house to its ground. A package
// may import only what stands in a later row, or below its own folder.
var order = [][]string{
	{"cmd"},
	{"bench"},
	{"testnet"},
	{"conformance", "sim"},
	{"natgw", "nitrosim", "blackfoot"},
	{"flowtrack", "decider", "resolver"},
	{"membership", "liveness"},
	{"chain", "flowtable"},
	{"cellstate"},
	{"shard"},
	{"tun", "wire"},
	{"loop"},
	{"packet"},
	{"telemetry"},
	{"golden"},
}

// budget is what the data path's packages may import besides the standard
// library and this module. Whatever is added here runs in every node.
var budget = map[string]bool{
	"golang.org/x/sys": true, "golang.org/x/net": true, "golang.zx2c4.com/wireguard": true,
	"github.com/vishvananda/netlink": true, "github.com/vishvananda/netns": true,
	"github.com/rs/zerolog": true, "github.com/prometheus/client_golang": true,
	"github.com/gaissmai/bart": true, "go.yaml.in/yaml/v3": true,
	"github.com/miekg/dns": true,
}

var dataPath = []string{"natgw", "nitrosim", "blackfoot", "flowtrack", "decider", "resolver", "membership", "chain", "flowtable", "liveness", "cellstate", "shard", "tun", "wire", "loop", "packet", "telemetry"}

// pure lists the packages that decide. They get time and seeds as arguments.
var pure = []string{"flowtrack", "decider", "membership", "chain", "flowtable", "liveness", "shard", "packet"}

// impure is what a package that decides must not import or name.
var impure = map[string]bool{"os": true, "net": true, "net/http": true, "sync": true, "math/rand": true, "crypto/rand": true, "log": true, "github.com/rs/zerolog": true}

type listedPackage struct {
	ImportPath, Dir  string
	GoFiles, Imports []string
	Module           *struct{ Path string }
}

// packages lists this module's packages.
func packages(t *testing.T, args ...string) (list []listedPackage) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// folder is the top-level folder of a package of this module.
func folder(importPath string) string {
	rest, _ := strings.CutPrefix(importPath, "hyperplane/")
	return strings.Split(rest, "/")[0]
}

func row(folder string) int {
	return slices.IndexFunc(order, func(r []string) bool { return slices.Contains(r, folder) })
}

func TestImportOrder(t *testing.T) {
	for _, p := range packages(t, "./...") {
		from := folder(p.ImportPath)
		if from == "hyperplane" {
			continue // this package
		}
		if row(from) < 0 {
			t.Errorf("folder %s has no place in the order of the house", from)
		}
		for _, i := range p.Imports {
			to, ours := strings.CutPrefix(i, "hyperplane/")
			if to = folder(to); ours && to != from && row(to) <= row(from) {
				t.Errorf("%s imports %s, which does not stand below it", p.ImportPath, i)
			}
		}
	}
}

func TestDependencyBudget(t *testing.T) {
	var roots []string
	for _, f := range dataPath {
		roots = append(roots, "./"+f)
	}
	for _, p := range packages(t, roots...) {
		for _, i := range p.Imports {
			if !strings.Contains(strings.Split(i, "/")[0], ".") || allowed(i) {
				continue
			}
			t.Errorf("%s imports %s, which is not in the data path's budget", p.ImportPath, i)
		}
	}
}

func allowed(importPath string) bool {
	for b := range budget {
		if importPath == b || strings.HasPrefix(importPath, b+"/") {
			return true
		}
	}
	return false
}

// What decides has no clock, randomness, socket, lock, goroutine or log.
func TestPurity(t *testing.T) {
	for _, f := range pure {
		for _, p := range packages(t, "./"+f) {
			for _, i := range p.Imports {
				if impure[i] {
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
			}
			for _, file := range p.GoFiles {
				checkPure(t, filepath.Join(p.Dir, file))
			}
		}
	}
}

func checkPure(t *testing.T, path string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%v: a goroutine", set.Position(n.Pos()))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Sleep", "After", "NewTimer", "NewTicker", "Tick"}, n.Sel.Name) {
				t.Errorf("%v: time.%s", set.Position(n.Pos()), n.Sel.Name)
			}
		}
		return true
	})
}

// Each package says once what it is, in doc.go (main.go for a command): what,
// why, a drawing, its limits.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t, "./...") {
		var documented []string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc == nil {
				continue
			}
			documented = append(documented, name)
			text := file.Doc.Text()
			if !strings.Contains(text, "Limits") || len(text) < 300 {
				t.Errorf("%s: its documentation is short of what, why and limits", p.ImportPath)
			}
			if !strings.ContainsAny(text, "▶─│┌") && !strings.Contains(p.ImportPath, "/cmd/") {
				t.Errorf("%s: its documentation has no drawing", p.ImportPath)
			}
		}
		if len(p.GoFiles) > 0 && len(documented) != 1 {
			t.Errorf("%s: documented in %v, want exactly one file", p.ImportPath, documented)
		}
	}
}

// docs/drops.md lists exactly the reasons that the code has.
func TestDropsAreDocumented(t *testing.T) {
	doc := read(t, "docs/drops.md")
	for _, r := range drop.All() {
		if line := fmt.Sprintf("| `%s` | %s |", r, r.Meaning()); !strings.Contains(doc, line) {
			t.Errorf("docs/drops.md lacks the line %s", line)
		}
	}
	if rows := regexp.MustCompile("(?m)^\\| `").FindAllString(doc, -1); len(rows) != drop.N-1 {
		t.Errorf("docs/drops.md has %d rows, the code %d reasons", len(rows), drop.N-1)
	}
}

// Each reason is given by some code: a reason that nothing gives is a lie in
// the table.
func TestDropsAreUsed(t *testing.T) {
	used := map[string]bool{}
	name := regexp.MustCompile(`\bdrop\.([A-Z]\w+)`)
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range name.FindAllStringSubmatch(read(t, file), -1) {
			used[m[1]] = true
		}
	}
	names := regexp.MustCompile(`(?m)^\t([A-Z]\w+):\s+\{"`).FindAllStringSubmatch(read(t, "telemetry/drop/reason.go"), -1)
	if len(names) != drop.N {
		t.Fatalf("found %d names of reasons, want %d", len(names), drop.N)
	}
	for _, m := range names {
		if m[1] != "None" && !used[m[1]] {
			t.Errorf("drop.%s is given by nothing", m[1])
		}
	}
}

// Each promise of SPECIFICATION.md names a test that exists, or says that none
// holds it yet.
func TestSpecification(t *testing.T) {
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(read(t, file), -1) {
				tests[m[1]] = true
			}
		}
	}
	promise := regexp.MustCompile(`(?m)^\| (S\d+) \|.*$`)
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`")
	lines := promise.FindAllStringSubmatch(read(t, "SPECIFICATION.md"), -1)
	if len(lines) == 0 {
		t.Fatal("SPECIFICATION.md has no promises")
	}
	for i, l := range lines {
		if want := fmt.Sprintf("S%d", i+1); l[1] != want {
			t.Errorf("promise %s stands where %s should", l[1], want)
		}
		holders := named.FindAllStringSubmatch(l[0], -1)
		if len(holders) == 0 && !strings.Contains(l[0], "not enforced") {
			t.Errorf("%s names no test and does not say \"not enforced\"", l[1])
		}
		for _, h := range holders {
			if !tests[h[1]] {
				t.Errorf("%s names %s, which does not exist", l[1], h[1])
			}
		}
	}
}

// Relative links in the documents lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, doc := range tracked(t, "*.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			}
		}
	}
}

func goFiles(t *testing.T) []string { return tracked(t, "*.go") }

// tracked lists files of the tree by a pattern, those not yet committed included.
func tracked(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", pattern).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	return slices.DeleteFunc(files, func(f string) bool {
		_, err := os.Stat(f) // deleted, and that not yet committed
		return errors.Is(err, os.ErrNotExist)
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
