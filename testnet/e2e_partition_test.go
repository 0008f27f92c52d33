package testnet

import (
	"net"
	"strings"
	"testing"
	"time"
)

// What is cut off is cut off in the direction that was named, only there, and
// until it is healed.
func TestPartitionAndHeal(t *testing.T) {
	dir := bringUp(t, "default")
	const both, forth, back, none = "both ways", "forth", "back", "no way"
	between := func(a, b string) string {
		t.Helper()
		switch f, r := arrives(t, dir, a, b), arrives(t, dir, b, a); {
		case f && r:
			return both
		case f:
			return forth
		case r:
			return back
		}
		return none
	}
	for _, step := range []struct{ command, nodes, edge string }{
		{"heal", both, both},
		{"partition node-1 node-2", none, both},
		{"partition node-1 node-2", none, both},
		{"partition edge-1 node-1 --one-way", none, back},
		{"heal node-2 node-1", both, back},
		{"partition node-1 node-2 --one-way", back, back},
		{"heal", both, both},
	} {
		if r := hyperplane(t, dir, append([]string{"testnet"}, strings.Fields(step.command)...)...); r.code != 0 {
			t.Fatalf("%s: code %d, %s", step.command, r.code, r.stderr)
		}
		if got := between("node-1", "node-2"); got != step.nodes {
			t.Errorf("%s: between node-1 and node-2 %s, want %s", step.command, got, step.nodes)
		}
		if got := between("edge-1", "node-1"); got != step.edge {
			t.Errorf("%s: between edge-1 and node-1 %s, want %s", step.command, got, step.edge)
		}
		if got := between("node-2", "node-3"); got != both {
			t.Errorf("%s: between node-2 and node-3 %s", step.command, got)
		}
	}
	for command, says := range map[string]string{
		"partition node-1 nobody": "there are node-1", "partition blue-1 node-1": "there are node-1", "partition node-1 node-1": "want two",
		"heal web node-1": "there are node-1",
	} {
		if r := hyperplane(t, dir, append([]string{"testnet"}, strings.Fields(command)...)...); r.code == 0 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: code %d, %s", command, r.code, r.stderr)
		}
	}
}

// arrives reports whether a datagram from one part on the underlay gets to a
// socket in another.
func arrives(t *testing.T, dir Dir, from, to string) bool {
	t.Helper()
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := top.peer(to)
	if err != nil {
		t.Fatal(err)
	}
	var in *net.UDPConn
	err = InNamespace(to, func() (err error) {
		in, err = net.ListenUDP("udp4", &net.UDPAddr{IP: p.Address.AsSlice()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := dialFrom(t.Context(), from, "udp", "", in.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	in.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, err = in.Read(make([]byte, 16))
	return err == nil
}
