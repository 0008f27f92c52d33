package testnet

import (
	"encoding/json"
	"testing"
)

// explanation is what the tests read of hyperplane explain -o json.
type explanation struct {
	Slot, Slots uint32
	Owner, Node string
	Tracked     bool
	Public      string
	State       string
	LastDrop    *struct{ Reason string } `json:"last_drop"`
}

// explain asks the product about a flow.
func explain(t *testing.T, dir Dir, vpc, protocol, inside, remote string) (x explanation) {
	t.Helper()
	r := hyperplane(t, dir, "explain", "--vpc", vpc, "-o", "json", protocol, inside, remote)
	if err := json.Unmarshal([]byte(r.stdout), &x); r.code != 0 || err != nil {
		t.Fatalf("explain: code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return x
}
