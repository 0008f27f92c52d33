package testnet

import (
	"strings"
	"testing"
)

// Who sends what does not fit, and forbids to cut it, is told what does; both
// kernels learn it (I11).
func TestTooBigIsAnswered(t *testing.T) {
	t.Run("jumbo instances, an ordinary internet", func(t *testing.T) {
		dir := bringUp(t, "jumbo")
		out, err := insideErr(t, "blue-1", "ping", "-nc1", "-W5", "-Mdo", "-s", "4000", web)
		if err == nil || !strings.Contains(out, "mtu = 1500") || !strings.Contains(out, "10.0.0.5") {
			t.Errorf("ping -M do -s 4000: %v, want an answer by the gateway\n%s", err, out)
		}
		learnt(t, "blue-1", web, "1500")
		inside(t, "blue-1", "ping", "-nc1", "-W5", "-Mdo", "-s", "1472", web)
		inside(t, "blue-1", "ping", "-nc1", "-W5", "-Mdo", "-s", "8472", "10.0.1.11") // inside the VPC it fits
		checkAccounts(t, dir)
	})
	t.Run("an instance with a smaller MTU than the internet", func(t *testing.T) {
		dir := bringUp(t, variant(t, "host: host-1, mtu: 1500, netns: hp-blue-1", "host: host-1, mtu: 1200, netns: hp-blue-1"))
		for _, direction := range []string{"-4", "-R"} {
			runIperf(t, "blue-1", "-C", "cubic", "-n", "8M", "-c", web, direction)
		}
		echoSizes(t)
		learnt(t, "web", "198.51.100.1", "1200")
		checkAccounts(t, dir)
	})
}

// learnt demands that a kernel knows the MTU of the path to an address.
func learnt(t *testing.T, name, to, mtu string) {
	t.Helper()
	if out := inside(t, name, "ip", "route", "get", to); !strings.Contains(out, "mtu "+mtu) {
		t.Errorf("%s does not know that %s bytes fit the path to %s: %s", name, mtu, to, out)
	}
}
