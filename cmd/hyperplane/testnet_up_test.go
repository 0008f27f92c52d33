package main

import (
	"strings"
	"testing"

	"hyperplane/testnet"
)

// --copies is written into the state that the roles read, and nothing else of
// it changes.
func TestCopies(t *testing.T) {
	for _, name := range testnet.Builtin() {
		top, err := testnet.LoadTopology(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 1} { // the first adds the line, the others find it
			text, err := withCopies(top.Text, n)
			if err != nil {
				t.Fatal(err)
			}
			old := top
			if top, err = testnet.ParseTopology(name, text); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			if top.State.Copies != n || strings.Count(string(top.StateText), "copies:") != 1 {
				t.Errorf("%s: %d copies, want %d:\n%s", name, top.State.Copies, n, top.StateText)
			}
			without := func(s []byte) string {
				return strings.NewReplacer("copies: 1\n", "", "copies: 2\n", "").Replace(string(s))
			}
			if without(old.StateText) != without(top.StateText) {
				t.Errorf("%s: more than the copies has changed:\n%s", name, top.StateText)
			}
		}
	}
	for _, line := range []string{"demo --copies 3", "demo --copies 0", "testnet up --copies -1"} {
		if code, out := execute(t, strings.Fields(line)...); code != 2 || !strings.Contains(out, "want 1 or 2") {
			t.Errorf("%s: exit code %d\n%s", line, code, out)
		}
	}
}
