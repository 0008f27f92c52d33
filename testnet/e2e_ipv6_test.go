package testnet

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
)

const (
	six1, six2    = "2001:db8:100:2::10", "2001:db8:100:2::11" // blue, IPv6 only, on two hosts
	resolver6     = "fd00:ec2::253"
	web64, peer64 = "64:ff9b::cb00:710a", "64:ff9b::cb00:7114" // web and peer by NAT64
)

// Programs that are not ours judge IPv6: what has only that reaches IPv4 by DNS64 and
// NAT64, as well as IPv6 by the egress-only gateway, through which nobody comes in.
func TestIPv6(t *testing.T) {
	dir := bringUp(t, "dual-stack")
	for _, p := range []struct {
		name  string
		judge func(*testing.T, Dir)
	}{
		{"dns64", judgedByDNS64},
		{"egress", judgedByEgress},
		{"curl", judgedByCurl64},
		{"ping", judgedByPing6},
		{"tracepath", judgedByTracepath6},
		{"iperf3", judgedByIperf6},
		{"ftp", judgedByFTP64},
		{"quic", judgedByQUIC64},
		{"explain", explains64},
	} {
		t.Run(p.name, func(t *testing.T) { p.judge(t, dir) })
	}
	checkAccounts(t, dir)
	t.Run("ssh", func(t *testing.T) { sshGoesOn(t, dir, "six-1", web64) }) // kills a node
	t.Run("host", func(t *testing.T) { hostComesBack(t, dir) })            // kills a host
	balanced(t, dir)
}

// dig asks a resolver for records of a name, from an instance.
func digs(t *testing.T, instance, resolver, typ, name string, options ...string) string {
	t.Helper()
	argv := append([]string{"dig", "+short", "+tries=3", "+time=2", "@" + resolver, typ, name}, options...)
	return strings.Join(strings.Fields(inside(t, instance, argv...)), " ")
}

// The resolver is there at all its addresses, by UDP and TCP; where the subnet has DNS64,
// a name without IPv6 addresses has those of its IPv4 addresses, there and back.
func judgedByDNS64(t *testing.T, dir Dir) {
	for _, c := range []struct{ instance, resolver, typ, name, want string }{
		{"blue-1", "10.0.0.2", "A", "web.example", web},
		{"blue-1", "169.254.169.253", "A", "web.example", web},
		{"blue-1", resolver6, "A", "web.example", web},
		{"blue-2", resolver6, "AAAA", "web.example", web6},
		{"blue-2", resolver6, "AAAA", "web.v4.example", ""}, // a subnet without DNS64
		{"green-1", "10.0.0.2", "A", "peer.example", peer},
		{"six-1", resolver6, "AAAA", "web.example", web6}, // has IPv6 addresses
		{"six-1", resolver6, "AAAA", "web.v4.example", web64},
		{"six-2", resolver6, "AAAA", "peer.v4.example", peer64},
		{"six-2", resolver6, "A", "web.v4.example", web},
		{"six-1", resolver6, "AAAA", "nobody.example", ""},
	} {
		for _, by := range []string{"+notcp", "+tcp"} {
			if got := digs(t, c.instance, c.resolver, c.typ, c.name, by); got != c.want {
				t.Errorf("%s asks %s for %s of %s (%s): %q, want %q", c.instance, c.resolver, c.typ, c.name, by, got, c.want)
			}
		}
	}
	// RFC 7050: how a client finds the prefix.
	if got := digs(t, "six-1", resolver6, "AAAA", "ipv4only.arpa"); !strings.Contains(got, "64:ff9b::c000:aa") {
		t.Errorf("ipv4only.arpa: %q", got)
	}
	// What does not fit a datagram is asked for again by TCP.
	out := inside(t, "six-1", "dig", "+tries=3", "+time=2", "@"+resolver6, "big.example", "TXT")
	want(t, out, "Truncated, retrying in TCP mode", "status: NOERROR", fmt.Sprintf("%03d-", 18))
	counted := scrape(t, dir, "host-1")
	for _, transport := range []string{"udp", "tcp"} {
		if key := "resolver_queries_total{transport=" + transport + "}"; counted[key] == 0 {
			t.Errorf("%s is 0", key)
		}
	}
}

// Nobody comes in through the egress-only gateway: no connection, no datagram, no echo.
// What is asked for does, whatever it is asked from.
func judgedByEgress(t *testing.T, dir Dir) {
	server := startProgram(t, "six-1", nil, "iperf3", "-s", "-p", "5202") // somebody who would answer
	listens(t, "six-1", "tcp", "5202")
	inside(t, "six-2", "iperf3", "-c", six1, "-p", "5202", "-t", "1") // as inside the VPC
	server.stop()
	before := scrape(t, dir, "host-1").dropped("unsolicited")
	for _, argv := range [][]string{
		{"curl", "-gsm", "1", "http://[" + six1 + "]:5202/"},
		{"ping", "-nc1", "-W1", six1},
		{"dig", "+tries=1", "+time=1", "+notcp", "@" + six1, "web.example"},
	} {
		if out, err := insideErr(t, "web", argv...); err == nil {
			t.Errorf("%q came in:\n%s", argv, out)
		}
	}
	if now := scrape(t, dir, "host-1").dropped("unsolicited"); now < before+3 {
		t.Errorf("unsolicited packets: %v, then %v", before, now)
	}
	for _, name := range []string{"six-1", "six-2", "blue-1", "green-1"} {
		out := inside(t, name, "curl", "-gsfm", "10", "http://["+web6+"]/")
		address := strings.Fields(inside(t, name, "ip", "-o", "-6", "address", "show", "dev", "eth0", "scope", "global"))[3]
		if ours := "[" + netip.MustParsePrefix(address).Addr().String() + "]:"; !strings.Contains(out, "You are "+ours) {
			t.Errorf("%s is not who it is (%s) for web: %s", name, ours, out)
		}
		want(t, inside(t, name, "ping", "-nc3", "-i0.1", "-W5", web6), "bytes from "+web6)
		if got := digs(t, name, web6, "A", "web.example", "+notcp"); got != web {
			t.Errorf("%s asks web by IPv6: %q", name, got)
		}
	}
}

// By NAT64 a server of IPv4 sees the gateway's public address.
func judgedByCurl64(t *testing.T, _ Dir) {
	for name, public := range map[string]string{"six-1": "198.51.100.1", "six-2": "198.51.100.1", "blue-1": "198.51.100.1", "green-1": "198.51.100.2"} {
		if out := inside(t, name, "curl", "-gsfm", "10", "http://["+web64+"]/"); !strings.Contains(out, "You are "+public+":") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// ping gets answers of 10,000 bytes, in fragments both ways, and with a size that a
// narrower link behind the internet's router does not take is told by that router.
func judgedByPing6(t *testing.T, _ Dir) {
	narrow(t)
	for _, name := range []string{"six-1", "six-2"} {
		for _, server := range []string{web6, web64, peer64} {
			want(t, inside(t, name, "ping", "-nc3", "-i0.1", "-W5", "-s", "10000", "-M", "dont", server), "10008 bytes from "+server)
		}
	}
	for _, tt := range []struct{ name, size, server, says string }{
		{"six-2", "1453", web6, "local error: message too long, mtu: 1500"},
		{"six-1", "1400", peer64, "From 64:ff9b::cb00:7101 icmp_seq=1 Packet too big: mtu=1420"},
	} {
		forgetPaths(t, tt.name)
		out, err := insideErr(t, tt.name, "ping", "-nc1", "-W5", "-s", tt.size, "-M", "do", tt.server)
		if want(t, out, tt.says); err == nil {
			t.Errorf("%s bytes from %s to %s: answered", tt.size, tt.name, tt.server)
		}
	}
}

// tracepath finds every router: by NAT64 those of IPv4 under the prefix, the gateway
// first; by the egress-only gateway the subnet's router first.
func judgedByTracepath6(t *testing.T, _ Dir) {
	answerAll(t)
	for server, hops := range map[string]string{
		web64: "64:ff9b::a00:5 64:ff9b::c612:[23] 64:ff9b::cb00:7101 " + web64,
		web6:  "2001:db8:100:2::1 2001:db8:fffe::[23] 2001:db8:fffe::1 " + web6,
	} {
		out := inside(t, "six-1", "tracepath", "-6n", server)
		want(t, out, "Resume: pmtu 1500 hops 4 back 4")
		var found []string
		for _, m := range regexp.MustCompile(`(?m)^ *\d+: +([0-9a-f:]+) `).FindAllStringSubmatch(out, -1) {
			if len(found) == 0 || found[len(found)-1] != m[1] {
				found = append(found, m[1])
			}
		}
		if got := strings.Join(found, " "); !regexp.MustCompile("^" + hops + "$").MatchString(got) {
			t.Errorf("hops %s, want %s:\n%s", got, hops, out)
		}
	}
}

// iperf3 moves data both ways over each path.
func judgedByIperf6(t *testing.T, _ Dir) {
	for _, server := range []string{web64, web6} {
		for _, way := range []string{"-i1", "-R"} {
			out := inside(t, "six-1", "iperf3", "-6", "-c", server, "-t", "1", way)
			if want(t, out, "receiver"); !regexp.MustCompile(`[1-9]\d*(\.\d+)? [GM]Bytes .* receiver`).MatchString(out) {
				t.Errorf("%s %s:\n%s", server, way, out)
			}
		}
	}
}

// curl fetches a file byte for byte from vsftpd, which speaks IPv4, by EPSV: it names no
// address (RFC 2428), which no translator would have to know.
func judgedByFTP64(t *testing.T, _ Dir) {
	dir := folder(t)
	for _, d := range []string{"/files", "/empty"} {
		if err := os.Mkdir(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := randomFile(3 << 20)
	put(t, dir+"/files/blob", string(file))
	startProgram(t, "web", nil, "vsftpd", put(t, dir+"/conf", vsftpdConf(dir)))
	listens(t, "web", "tcp", "21")
	out := inside(t, "six-1", "curl", "-gsSvm", "20", "--ftp-pasv", "-o", dir+"/got", "ftp://["+web64+"]/blob")
	want(t, out, "229 Entering Extended Passive Mode", "226 Transfer complete.")
	if got, err := os.ReadFile(dir + "/got"); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes (%v), want the %d that the server has", len(got), err, len(file))
	}
}

// A QUIC connection by NAT64 outlives a change of its client's port.
func judgedByQUIC64(t *testing.T, _ Dir) {
	for _, how := range []string{"migration", "rebinding"} {
		t.Run(how, func(t *testing.T) { quicMoves(t, "six-2", web64, how) })
	}
}

// explain knows a flow by its IPv6 addresses, and the list of flows shows them.
func explains64(t *testing.T, dir Dir) {
	inside(t, "six-2", "curl", "-gsfm", "10", "--local-port", "45678", "http://["+peer64+"]/")
	x := explain(t, dir, "blue", "tcp", "["+six2+"]:45678", "["+peer64+"]:80")
	if !x.Tracked || !strings.HasPrefix(x.Public, "198.51.100.1:") {
		t.Errorf("%+v", x)
	}
	if ours := flowsOf(flows(t, dir), "blue", "tcp", "["+six2+"]:45678"); len(ours) != 1 || ours[0].Remote != peer+":80" {
		t.Errorf("%+v", ours)
	}
	r := hyperplane(t, dir, "explain", "--vpc", "blue", "tcp", "["+six2+"]:45678", "["+web6+"]:80")
	if want(t, r.stderr, "not under 64:ff9b::/96", "host-2"); r.code == 0 {
		t.Error("a node explains a flow that it knows nothing of")
	}
}

// A host that was killed brings its instances' IPv6 back, and their resolver.
func hostComesBack(t *testing.T, dir Dir) {
	killHard(t, dir, "host-1")
	want(t, inside(t, "six-2", "ping", "-nc3", "-i0.1", "-W5", web6), "bytes from "+web6)
	if err := Start(t.Context(), dir, binary(t), "host-1"); err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{web6, web64} {
		inside(t, "six-1", "curl", "-gsfm", "10", "http://["+server+"]/")
	}
	if got := digs(t, "six-1", resolver6, "AAAA", "web.v4.example"); got != web64 {
		t.Errorf("its resolver says %q", got)
	}
}
