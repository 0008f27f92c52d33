package hyperplane_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/telemetry/drop"
)

// rewrite renews the parts of docs/ that are made from the code:
//
//	go test . -run TestDocuments -rewrite
var rewrite = flag.Bool("rewrite", false, "write the generated parts of docs/ anew")

// The tables of docs/drops.md and docs/limits.md are made from the code, so
// that they cannot say anything else.
func TestDocumentsAreGenerated(t *testing.T) {
	for path, made := range map[string]string{
		"docs/drops.md":  dropTables(t),
		"docs/limits.md": limitTables(t),
	} {
		const begin, end = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
		old := read(t, path)
		i, j := strings.Index(old, begin), strings.Index(old, end)
		if i < 0 || j < i {
			t.Errorf("%s lacks the marks %q and %q", path, begin, end)
			continue
		}
		fresh := old[:i] + begin + "\n" + made + "\n" + old[j:]
		if fresh == old {
			continue
		}
		if !*rewrite {
			t.Errorf("%s is not what the code says; renew it with: go test . -run TestDocumentsAreGenerated -rewrite", path)
			continue
		}
		if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dropTables lists the reasons under the headings that reason.go gives them.
func dropTables(t *testing.T) string {
	names := map[string]drop.Reason{} // by Go name
	order := regexp.MustCompile(`(?m)^\t([A-Z]\w+):\s+\{"(\w+)"`).FindAllStringSubmatch(read(t, "telemetry/drop/reason.go"), -1)
	for _, m := range order {
		for _, r := range drop.All() {
			if r.String() == m[2] {
				names[m[1]] = r
			}
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "telemetry/drop/reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	ast.Inspect(file, func(n ast.Node) bool {
		d, ok := n.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST || len(d.Specs) < 2 {
			return true
		}
		for _, s := range d.Specs {
			v := s.(*ast.ValueSpec)
			if v.Doc != nil {
				fmt.Fprintf(&b, "\n## %s\n\n| reason | meaning |\n|---|---|\n", strings.TrimSuffix(oneLine(v.Doc.Text()), "."))
			}
			if r, ok := names[v.Names[0].Name]; ok {
				fmt.Fprintf(&b, "| `%s` | %s |\n", r, r.Meaning())
			}
		}
		return false
	})
	return strings.TrimPrefix(b.String(), "\n")
}

// limitFolders are the folders whose limits are listed, in the order of the
// house, and single constants that bound something but stand elsewhere.
var limitFolders = []string{
	"natgw", "nitrosim", "blackfoot", "flowtrack", "decider", "resolver", "membership", "liveness", "chain", "flowtable",
	"cellstate", "shard", "tun", "wire", "loop", "packet", "telemetry", "cmd/hyperplane", "testnet",
}

var limitsElsewhere = map[string][]string{
	"natgw/pages.go":           {"flowsListedDefault", "flowsListedMax", "pageWaitMax"},
	"chain/portclass.go":       {"PortBlock", "PortsAnyone"},
	"shard/slot.go":            {"Slots"},
	"telemetry/collector.go":   {"snapshotWaitMax"},
	"cmd/hyperplane/reload.go": {"reloadPeriod"},
}

// notLimits are constants of a limits.go that bound nothing.
var notLimits = []string{"ProtoICMP", "ProtoTCP", "ProtoUDP", "ProtoICMPv6", "deviceDefault"}

// limitTables evaluates the constants by the compiler's own type checker and
// takes the text from their comments.
func limitTables(t *testing.T) string {
	load := exportData(t)
	var b strings.Builder
	for _, folder := range limitFolders {
		rows := limitRows(t, folder, load)
		if len(rows) == 0 {
			t.Errorf("%s has no limits; take it off the list", folder)
		}
		fmt.Fprintf(&b, "## %s\n\n| name | value | what it bounds, and what happens there |\n|---|---|---|\n%s\n", folder, strings.Join(rows, ""))
	}
	for path, names := range limitsElsewhere {
		for _, n := range names {
			if !strings.Contains(b.String(), "| `"+n+"` |") {
				t.Errorf("%s has no %s any more; take it off the list", path, n)
			}
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func limitRows(t *testing.T, folder string, load types.Importer) (rows []string) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	chosen := map[*ast.File]func(name string) bool{}
	paths, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		if strings.HasPrefix(filepath.Base(path), "limits") {
			chosen[f] = func(name string) bool { return !slices.Contains(notLimits, name) }
		} else if some := limitsElsewhere[path]; some != nil {
			chosen[f] = func(name string) bool { return slices.Contains(some, name) }
		}
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	check := types.Config{Importer: load, IgnoreFuncBodies: true, Error: func(error) {}}
	_, _ = check.Check(folder, set, files, info) // what does not concern constants may be wrong
	for _, f := range files {
		if chosen[f] == nil {
			continue
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				rows = append(rows, constantRows(t, g, info, chosen[f])...)
			}
		}
	}
	return rows
}

// constantRows lists the constants of one declaration. A constant without a
// comment of its own shares one above it that names it, or else the declaration's.
func constantRows(t *testing.T, g *ast.GenDecl, info *types.Info, chosen func(string) bool) (rows []string) {
	t.Helper()
	above, first := "", map[string]string{} // text → the constant under which it stands
	for _, s := range g.Specs {
		v := s.(*ast.ValueSpec)
		own := strings.TrimSpace(oneLine(v.Doc.Text()) + " " + oneLine(v.Comment.Text()))
		if own != "" {
			above = own
		}
		for _, n := range v.Names {
			text := own
			if own == "" && regexp.MustCompile(`\b`+n.Name+`\b`).MatchString(above) {
				text = above
			} else if own == "" {
				text = oneLine(g.Doc.Text())
			}
			c, ok := info.Defs[n].(*types.Const)
			if !chosen(n.Name) {
				continue
			}
			if !ok || c.Val().Kind() == constant.Unknown {
				t.Errorf("%s: its value is not known", n.Name)
				continue
			}
			if text == "" {
				t.Errorf("%s: has no comment that says why and what happens there", n.Name)
			}
			shown := strings.ReplaceAll(text, "|", `\|`)
			if other, seen := first[text]; seen {
				shown = "see `" + other + "`"
			} else {
				first[text] = n.Name
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", n.Name, value(c), shown))
		}
	}
	return rows
}

// value writes a constant as people read it: durations with their unit, whole
// numbers in groups of three digits.
func value(c *types.Const) string {
	if c.Type().String() == "time.Duration" {
		n, _ := constant.Int64Val(c.Val())
		return time.Duration(n).String()
	}
	n, exact := constant.Int64Val(constant.ToInt(c.Val()))
	if !exact {
		return c.Val().String()
	}
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

var docLink = regexp.MustCompile(`\[([\w.]+)\]`)

func oneLine(s string) string {
	return docLink.ReplaceAllString(strings.Join(strings.Fields(s), " "), "`$1`")
}

// exportData finds compiled packages where the go command keeps them.
func exportData(t *testing.T) types.Importer {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
}

// docs/metrics.md has exactly the metrics that the code exposes, with their type.
func TestMetricsAreDocumented(t *testing.T) {
	made := map[string]string{}
	counter := regexp.MustCompile(`\bcounter\("([a-z_]+)"`)
	gauge := regexp.MustCompile(`\bgauge\("([a-z_]+)"`)
	metric := regexp.MustCompile(`(?m)\{?Name: "([a-z_]+)", Help: (.*)$`)
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || !slices.Contains(dataPath, folder("hyperplane/"+filepath.Dir(file))) {
			continue
		}
		source := read(t, file)
		for _, m := range gauge.FindAllStringSubmatch(source, -1) {
			made["hyperplane_"+m[1]] = "gauge"
		}
		for _, m := range counter.FindAllStringSubmatch(source, -1) {
			made["hyperplane_"+m[1]] = "counter"
		}
		for _, m := range metric.FindAllStringSubmatch(source, -1) {
			made["hyperplane_"+m[1]] = "gauge"
			if strings.Contains(m[2], "Counter: true") {
				made["hyperplane_"+m[1]] = "counter"
			}
		}
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(hyperplane_[a-z_]+)[^`]*` \\| (\\w+) \\|").FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		documented[m[1]] = m[2]
	}
	for name, kind := range made {
		if documented[name] != kind {
			t.Errorf("docs/metrics.md says of %s: %q; the code: %q", name, documented[name], kind)
		}
	}
	for name := range documented {
		if made[name] == "" {
			t.Errorf("docs/metrics.md names %s, which nothing exposes", name)
		}
	}
	if len(made) < 20 {
		t.Errorf("found only %d metrics in the code", len(made))
	}
}

// docs/state-file.md has exactly the fields that the state file has.
func TestStateFileIsDocumented(t *testing.T) {
	fields := map[string]bool{}
	listFields(reflect.TypeFor[cellstate.Spec](), "", fields)
	doc := read(t, "docs/state-file.md")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.\\[\\]]+)` \\|").FindAllStringSubmatch(doc, -1) {
		documented[m[1]] = true
		if !fields[m[1]] {
			t.Errorf("docs/state-file.md describes %s, which is no field", m[1])
		}
	}
	for f := range fields {
		if !documented[f] {
			t.Errorf("docs/state-file.md does not describe %s", f)
		}
	}
}

// listFields collects the paths of a struct's values as the file spells them.
func listFields(typ reflect.Type, path string, fields map[string]bool) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		at, inner := path+name, f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice {
			inner, at = inner.Elem(), at+"[]"
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() == typ.PkgPath() {
			listFields(inner, at+".", fields)
			continue
		}
		fields[strings.TrimSuffix(at, "[]")] = true
	}
}

// Every state file that a document shows is accepted as it stands.
func TestDocumentedStatesAreGood(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	found := 0
	for _, doc := range tracked(t, "*.md") {
		for _, m := range block.FindAllStringSubmatch(read(t, doc), -1) {
			if !strings.HasPrefix(m[1], "version:") {
				continue // a part of one
			}
			found++
			if _, err := cellstate.Parse(doc, []byte(m[1])); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d state files in the documents, want at least 2", found)
	}
}

// docs/protocol.md draws the tunnel header as packet.Tunnel's comment does.
func TestTunnelDrawing(t *testing.T) {
	source, doc := read(t, "packet/tunnel.go"), read(t, "docs/protocol.md")
	drawing := regexp.MustCompile(`(?m)^//\t( 0 .*|\+-.*|\|.*)$`).FindAllStringSubmatch(source, -1)
	if len(drawing) < 10 {
		t.Fatal("packet/tunnel.go has no drawing")
	}
	for _, line := range drawing {
		if !strings.Contains(doc, line[1]) {
			t.Errorf("docs/protocol.md lacks the line %s", line[1])
		}
	}
}
