package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// A seed that fails makes the command fail, and its report says how to see it again.
func TestSimCommand(t *testing.T) {
	code, out := execute(t, strings.Fields("sim --seeds 60 --sabotage 1 --duration 20s --shrink 0s -o json")...)
	var many simCampaign
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&many); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code != 1 || len(many.Failed) == 0 {
		t.Fatalf("exit code %d with a bug built in: %s", code, out)
	}
	again := strings.Fields(many.Failed[0].Again)
	if again[0] != "hyperplane" {
		t.Fatalf("%q", again)
	}
	code, out = execute(t, again[1:]...)
	if code != 1 || !strings.Contains(out, "sequenceDiagram") || !strings.Contains(out, many.Failed[0].Failure.Invariant) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out = execute(t, "sim", "--seed", "7", "--duration", "3s"); code != 0 || !strings.Contains(out, "seed 7: ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	for line, want := range map[string]string{
		"sim --seed 1 --seeds 2": "want one seed or many",
		"sim --only earthquake":  "there are [crash",
		"sim --nodes 1":          "want 2 to 9",
		"sim --sabotage 9":       "want 0 to 3",
		"sim --seconds -1":       "want at least 1",
		"sim -o xml":             "want text or json",
		"sim --drop one":         "see 'hyperplane sim --help'",
		"sim seven":              "see 'hyperplane sim --help'",
	} {
		if code, out := execute(t, strings.Fields(line)...); code != 2 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d: %s", line, code, out)
		}
	}
}
