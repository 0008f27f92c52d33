package testnet

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Two tenants with the same address send the same 5-tuples at the same time:
// each has its own public address, and gets its own answers (I7).
func TestTenantsApart(t *testing.T) {
	dir := bringUp(t, "default")
	t.Run("TCP and UDP", func(t *testing.T) { equalTuples(t, dir) })
	t.Run("what the server sees", func(t *testing.T) { equalRequests(t) })
	t.Run("ping", func(t *testing.T) { equalPings(t, dir) })
	t.Run("many flows", func(t *testing.T) { manyFlows(t) })
	checkAccounts(t, dir)
}

// The tenants whose instances have the same address.
var twins = map[string]struct{ vpc, public string }{
	"blue-1":  {"blue", "198.51.100.1"},
	"green-1": {"green", "198.51.100.2"},
}

// equalTuples holds every pair of connections open at once, and writes to both
// before it reads from either.
func equalTuples(t *testing.T, dir Dir) {
	const first, count = 20000, 20
	conns := map[string]*echoConn{}
	for i := range count {
		for _, network := range []string{"tcp", "udp"} {
			for name := range twins {
				c := dialEcho(t, name, network, fmt.Sprintf("10.0.1.10:%d", first+i), web+":7")
				conns[fmt.Sprint(name, network, first+i)] = c
			}
		}
	}
	for who, c := range conns {
		if err := c.send("I am " + who); err != nil {
			t.Fatal(err)
		}
	}
	for who, c := range conns {
		if err := c.expect("I am " + who); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	list := flows(t, dir)
	for _, network := range []string{"tcp", "udp"} {
		for i := range count {
			for _, twin := range twins {
				checkFlow(t, list, network, fmt.Sprintf("10.0.1.10:%d", first+i), twin.vpc, twin.public)
			}
		}
	}
}

// checkFlow demands one flow of this kind, with this public address.
func checkFlow(t *testing.T, list []flowLine, protocol, inside, vpc, public string) {
	t.Helper()
	f := flowsOf(list, vpc, protocol, inside)
	if len(f) != 1 || f[0].Inside != inside || !strings.HasPrefix(f[0].Public, public+":") {
		t.Errorf("%s %s of %s: %+v, want one flow as %s", protocol, inside, vpc, f, public)
	}
}

// equalRequests asks the web server from equal addresses and ports at once.
func equalRequests(t *testing.T) {
	conns := map[string]*echoConn{}
	for name := range twins {
		conns[name] = dialEcho(t, name, "tcp", "10.0.1.10:30000", web+":80")
	}
	for name, c := range conns {
		if err := c.send("GET / HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for name, c := range conns {
		page, err := c.rest()
		_, you, _ := strings.Cut(page, "You are ")
		you, _, _ = strings.Cut(you, "\n")
		seen, parseErr := netip.ParseAddrPort(strings.TrimRight(you, "."))
		if err != nil || parseErr != nil || seen.Addr().String() != twins[name].public {
			t.Errorf("%s: the server saw %q (%v, %v), want %s", name, you, err, parseErr, twins[name].public)
		}
	}
}

// equalPings lets both ping with one identifier at once. ping compares every
// byte of what comes back, and says if an answer came that it did not ask for.
func equalPings(t *testing.T, dir Dir) {
	type answer struct {
		name, out string
		err       error
	}
	answers := make(chan answer)
	for name, pattern := range map[string]string{"blue-1": "b1b1b1b1", "green-1": "9e9e9e9e"} {
		go func() {
			out, err := insideErr(t, name, "ping", "-nc10", "-i0.05", "-W5", "-e4242", "-p"+pattern, web)
			answers <- answer{name, out, err}
		}()
	}
	for range twins {
		a := <-answers
		if a.err != nil || !strings.Contains(a.out, "10 received") || strings.Contains(a.out, "DUP") || strings.Contains(a.out, "wrong") {
			t.Errorf("%s: %v\n%s", a.name, a.err, a.out)
		}
	}
	list := flows(t, dir)
	for _, twin := range twins {
		checkFlow(t, list, "icmp", "10.0.1.10:4242", twin.vpc, twin.public)
	}
}
