package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"hyperplane/cellstate"
)

// execute runs a command line and returns its exit code and output.
func execute(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	root := newRootCommand()
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetErr(&b)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		b.WriteString(err.Error())
	}
	return report(err), b.String()
}

// Wrong use exits with 2 and says what is right.
func TestWrongUse(t *testing.T) {
	const example = "../../cellstate/testdata/example.yaml"
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"nonsense", "unknown command", 2},
		{"node", `required flag(s) "name", "state" not set; see`, 2},
		{"node --bad", "see 'hyperplane node --help'", 2},
		{"node extra --name n --state s", "see 'hyperplane node --help'", 2},
		{"node --name node-1 --state " + example + " --max-flows 0", "want 1 to", 2},
		{"node --name node-9 --state " + example, "it has: node-1, node-2, node-3", 2},
		{"nitro --name host-9 --state " + example, "it has: host-1, host-2", 2},
		{"blackfoot --name edge-9 --state " + example, "it has: edge-1, edge-2", 2},
		{"node --name node-1 --log-level loud --state " + example, "want trace, debug", 2},
		{"node --name node-1 --state /does/not/exist", "no such file", 1},
		{"gateway --state " + example, "a gateway is one host, one node and one edge; the state has 2, 3 and 2", 1},
		{"explain --vpc blue tcp 10.0.1.10:1 nowhere --admin x", "want ADDRESS:PORT", 2},
		{"explain tcp 10.0.1.10:1 203.0.113.10:80", `required flag(s) "vpc" not set; see`, 2},
		{"doctor -o xml", "want text or json", 2},
		{"bench --rounds 0", "--rounds", 2},
		{"testnet up -f /does/not/exist.yaml", "/does/not/exist.yaml", 1},
	} {
		t.Run(c.line, func(t *testing.T) {
			code, out := execute(t, strings.Fields(c.line)...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d; output lacks %q:\n%s", code, c.code, c.want, out)
			}
		})
	}
}

// Every command that people call says what it is for and shows an example.
func TestHelpHasExamples(t *testing.T) {
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		if c.Short == "" {
			t.Errorf("%s: no description", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s: no example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	root := newRootCommand()
	check(root)
	if code, out := execute(t); code != 0 || !strings.Contains(out, "Usage:") {
		t.Errorf("without arguments: exit code %d\n%s", code, out)
	}
}

// A service keeps its mapping: its flows are found by it.
func TestMappingStays(t *testing.T) {
	b, err := os.ReadFile("../../cellstate/testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	current, err := cellstate.Parse("s.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	r := &role{flags: roleFlags{name: "node-1", state: filepath.Join(t.TempDir(), "s.yaml")}, log: zerolog.Nop()}
	other := strings.Replace(strings.Replace(string(b), "version: 1 ", "version: 2 ", 1), "    service: 1\n", "    service: 1\n    profile: rfc\n", 1)
	if _, err := r.accept(current, []byte(other)); err == nil || !strings.Contains(err.Error(), "take another service number") {
		t.Errorf("another mapping of a service: %v", err)
	}
	if _, err := r.accept(current, []byte(strings.Replace(other, "service: 1\n", "service: 7\n", 1))); err != nil {
		t.Errorf("another service: %v", err)
	}
}

// A new state has to be good, newer and of the same cell; otherwise the last
// good one stays (I14).
func TestStateNeverGoesBack(t *testing.T) {
	b, err := os.ReadFile("../../cellstate/testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := func(edits ...string) []byte {
		s := string(b)
		for i := 0; i+1 < len(edits); i += 2 {
			if !strings.Contains(s, edits[i]) {
				t.Fatalf("the example has no %q", edits[i])
			}
			s = strings.Replace(s, edits[i], edits[i+1], 1)
		}
		return []byte(s)
	}
	const one = "version: 1 "
	current, err := cellstate.Parse("s.yaml", text(one, "version: 5 "))
	if err != nil {
		t.Fatal(err)
	}
	r := &role{flags: roleFlags{name: "node-1", state: filepath.Join(t.TempDir(), "s.yaml")}, log: zerolog.Nop()}
	for _, c := range []struct {
		edits []string
		want  string
	}{
		{[]string{one, "version: 6 "}, ""},
		{[]string{one, "version: 5 "}, "version 5 is not above 5"},
		{[]string{one, "version: 4 "}, "version 4 is not above 5"},
		{[]string{one, "version: nine "}, "version"},
		{[]string{one, "version: 6 ", "cell: demo", "cell: other"}, `cell "other"`},
		{[]string{one, "version: 6 ", "{mtu: 9001}", "{mtu: 9000}"}, "takes a restart of every role"},
		{[]string{one, "version: 6 ", "172.31.0.11", "172.31.0.99"}, "node-1 is now node 172.31.0.99 and was node 172.31.0.11"},
		{[]string{one, "version: 6 ", "172.31.0.12", "172.31.0.99"}, ""},
	} {
		_, err := r.accept(current, text(c.edits...))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.edits, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: error %v, want %q", c.edits, err, c.want)
		}
	}
}
