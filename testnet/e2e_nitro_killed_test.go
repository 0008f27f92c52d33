package testnet

import (
	"strings"
	"testing"
)

// A host's Nitro takes its instances' interfaces with it, and brings them back;
// other hosts do not notice.
func TestNitroKilled(t *testing.T) {
	dir := bringUp(t, "default")
	address := func(name string) string {
		out, _ := insideErr(t, name, "ip", "-o", "-4", "address", "show", "dev", "eth0", "up")
		return out
	}
	if !strings.Contains(address("blue-1"), "10.0.1.10/24") {
		t.Fatalf("no interface: %s", address("blue-1"))
	}
	killHard(t, dir, "host-1")
	for _, name := range []string{"blue-1", "green-1"} {
		if out := address(name); strings.Contains(out, "10.0.1.10") {
			t.Errorf("%s still has its interface: %s", name, out)
		}
	}
	inside(t, "blue-2", "curl", "-sfm", "10", "http://"+web+"/")
	if err := Start(t.Context(), dir, binary(t), "host-1"); err != nil {
		t.Fatal(err)
	}
	for name, twin := range twins {
		if out := address(name); !strings.Contains(out, "10.0.1.10/24") {
			t.Errorf("%s: %s", name, out)
		}
		if out := inside(t, name, "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are "+twin.public+":") {
			t.Errorf("%s: %s", name, out)
		}
	}
	inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.11")
	inside(t, "blue-2", "ping", "-nc1", "-W5", "10.0.1.10")
	balanced(t, dir)
}
