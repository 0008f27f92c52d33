package testnet

import (
	"testing"
)

// ping gets an answer of 10,000 bytes, which travels in fragments both ways,
// and with DF set is told the MTU that fits: by the gateway what the internet
// takes, by a router behind it what a narrower link does. One byte less passes. Of
// three packets one has to arrive: on a busy machine a node may be taken for dead.
func judgedByPing(t *testing.T, _ Dir) {
	narrow(t)
	for _, name := range []string{"blue-1", "green-1"} {
		for _, server := range []string{web, peer} {
			want(t, inside(t, name, "ping", "-nc3", "-i0.1", "-W5", "-s", "10000", "-M", "dont", server), "10008 bytes from "+server)
		}
		want(t, inside(t, name, "ping", "-nc3", "-i0.1", "-W5", "-s", "1372", "-M", "do", peer), "1380 bytes from "+peer)
	}
	want(t, inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "-s", "1472", "-M", "do", web), "1480 bytes from "+web)
	for _, tt := range []struct{ name, size, server, says string }{
		{"blue-1", "1473", web, "From 10.0.0.5 icmp_seq=1 Frag needed and DF set (mtu = 1500)"},
		{"blue-2", "1373", peer, "From 203.0.113.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)"},
	} {
		forgetPaths(t, tt.name)
		out, err := insideErr(t, tt.name, "ping", "-nc1", "-W5", "-s", tt.size, "-M", "do", tt.server)
		if want(t, out, tt.says); err == nil {
			t.Errorf("%s bytes from %s to %s: answered", tt.size, tt.name, tt.server)
		}
	}
}
