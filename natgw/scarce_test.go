package natgw

import (
	"testing"

	"hyperplane/decider"
)

// A node warns when ports run out, and not again before there were enough.
func TestScarce(t *testing.T) {
	scarce := false
	for i, c := range []struct {
		living int
		want   bool
	}{{0, false}, {79, false}, {80, true}, {71, true}, {100, true}, {70, true}, {69, false}, {75, false}, {80, true}} {
		if scarce = isScarce(decider.Usage{Living: c.living, Limit: 100}, scarce); scarce != c.want {
			t.Errorf("step %d, %d of 100: %v", i, c.living, scarce)
		}
	}
}
