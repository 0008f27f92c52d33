package sim

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/sim/simtest"
	"hyperplane/telemetry/drop"

	"hyperplane/cellstate"
)

// dualStack is a network of two VPCs: of blue, a has both kinds of address, and b and c
// one of IPv6 only; c is on the other host. Green has one instance.
const dualStack = `
version: 1
cell: demo
internet: {mtu: 1500}
nodes: [{name: node-1, address: 172.31.0.11}, {name: node-2, address: 172.31.0.12}, {name: node-3, address: 172.31.0.13}]
edges: [{name: edge-1, address: 172.31.0.21}, {name: edge-2, address: 172.31.0.22}]
hosts: [{name: host-1, address: 172.31.0.31}, {name: host-2, address: 172.31.0.32}]
nat_gateways:
  - {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}
  - {name: nat-green, service: 2, vpc: green, profile: rfc, address: 10.0.0.5, public_addresses: [198.51.100.2]}
vpcs:
  - name: blue
    vni: 100
    cidrs: [10.0.0.0/16]
    ipv6_cidrs: ["2001:db8:1::/56"]
    route_tables:
      - name: main
        routes:
          - {destination: 0.0.0.0/0, nat_gateway: nat-blue}
          - {destination: "64:ff9b::/96", nat_gateway: nat-blue}
          - {destination: "::/0", egress_only_gateway: true}
          - {destination: "2001:db8:dead::/48", blackhole: true}
    subnets: [{name: s, cidr: 10.0.0.0/24, ipv6_cidr: "2001:db8:1:1::/64", route_table: main}, {name: lonely, cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:1:2::/64"}]
  - name: green
    vni: 200
    cidrs: [10.0.0.0/16]
    ipv6_cidrs: ["2001:db8:2::/56"]
    nat64_prefix: 2001:db8:64::/96
    route_tables:
      - name: main
        routes:
          - {destination: "2001:db8:64::/96", nat_gateway: nat-green}
          - {destination: "::/0", egress_only_gateway: true}
    subnets: [{name: s, cidr: 10.0.0.0/24, ipv6_cidr: "2001:db8:2:1::/64", route_table: main}]
instances:
  - {name: a, vpc: blue, address: 10.0.0.10, ipv6_address: "2001:db8:1:1::a", host: host-1}
  - {name: b, vpc: blue, ipv6_address: "2001:db8:1:1::b", host: host-1}
  - {name: c, vpc: blue, ipv6_address: "2001:db8:1:1::c", host: host-2, mtu: 1400}
  - {name: far, vpc: blue, ipv6_address: "2001:db8:1:2::f", host: host-2}
  - {name: g, vpc: green, ipv6_address: "2001:db8:2:1::d", host: host-2}
`

const (
	addrA, addrB, addrC, addrFar, addrG = "2001:db8:1:1::a", "2001:db8:1:1::b", "2001:db8:1:1::c", "2001:db8:1:2::f", "2001:db8:2:1::d"
	web6                                = "2001:db8:ffff::80"
)

// newDualStack builds that network.
func newDualStack(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, spec: dualStack}
	s, err := cellstate.Parse("dual.yaml", []byte(dualStack))
	if err != nil {
		t.Fatal(err)
	}
	c, err := simtest.New(s, 1<<17)
	if err != nil {
		t.Fatal(err)
	}
	w.Cell = c
	t.Cleanup(c.Close)
	return w
}

// six decodes an IPv6 packet and holds that its checksum is right.
func (w *world) six(b []byte) *packet.View6 {
	w.t.Helper()
	var v packet.View6
	p := plain(b)
	if r := v.Decode(&p); r != drop.None {
		w.t.Fatalf("%v: %s", r, Line(b))
	}
	if v.Kind != packet.KindFragment && !v.VerifyL4(&p) {
		w.t.Fatalf("bad checksum: %s", Line(b))
	}
	return &v
}

// to6 is "[address]:port".
func to6(address string, port int) string { return fmt.Sprintf("[%s]:%d", address, port) }

// Instances of a VPC reach each other by IPv6, untouched, on one host or two.
func TestIPv6InsideTheVPC(t *testing.T) {
	w := newDualStack(t)
	for _, to := range []struct{ name, address string }{{"b", addrB}, {"c", addrC}} {
		p := TCP6(to6(addrA, 4000), to6(to.address, 80), "S", nil, WithMSS(1440), WithTTL(64))
		w.must(w.Send("a", plain(clone(p))))
		if got := w.one(to.name, w.Received(to.name)); !bytes.Equal(got, p) {
			t.Errorf("to %s:\n%s\n%s", to.name, Line(got), Line(p))
		}
	}
	fragment := Fragment6(UDP6(to6(addrA, 1), to6(addrC, 2), make([]byte, 2000)), 0, 1000, 7)
	w.must(w.Send("a", plain(clone(fragment))))
	if got := w.one("c", w.Received("c")); !bytes.Equal(got, fragment) {
		t.Errorf("a fragment: %s", Line(got))
	}
	w.dropped(drop.None, 0)
	w.silence()
}

// What an instance may not send, or cannot reach, goes nowhere.
func TestIPv6SourceAndRoute(t *testing.T) {
	w := newDualStack(t)
	for _, c := range []struct {
		from string
		p    []byte
		want drop.Reason
	}{
		{"a", UDP6(to6(addrB, 9), to6(web6, 9), nil), drop.SpoofedSource},
		{"a", UDP6(to6(addrG, 9), to6(web6, 9), nil), drop.SpoofedSource},
		{"a", UDP6(to6("fe80::1", 9), to6(addrB, 9), nil), drop.SpoofedSource},
		{"b", UDP("0.0.0.0:9", web+":9", nil), drop.SpoofedSource},
		{"b", UDP("10.0.0.10:9", web+":9", nil), drop.SpoofedSource},
		{"a", UDP6(to6(addrA, 9), to6("2001:db8:1:1::99", 9), nil), drop.NoInstance},
		{"a", UDP6(to6(addrA, 9), to6("2001:db8:dead::1", 9), nil), drop.Blackhole},
		{"a", UDP6(to6(addrA, 9), to6("ff02::1", 9), nil), drop.BadAddress},
		{"a", UDP6(to6(addrA, 9), to6("::1", 9), nil), drop.BadAddress},
		{"a", UDP6(to6(addrA, 9), to6("fd00:ec2::253", 53), nil), drop.NoInstance},
		{"a", UDP("10.0.0.10:9", "10.0.0.2:53", nil), drop.NoInstance},
		{"a", ICMP6(addrA, "ff02::2", 133, 0, 0, nil), drop.UnsupportedICMP},
	} {
		w.must(w.Send(c.from, plain(c.p)))
		w.dropped(c.want, 1)
		w.silence()
	}
	// An instance's NAT64 side is nobody's to send from, nor to.
	side := w.State.Instances[1].NAT64.Addr.String()
	w.must(w.Send("a", plain(UDP("10.0.0.10:9", side+":9", nil))))
	w.dropped(drop.BadAddress, 1)
}

// Where no route leads, and where a packet does not fit, the subnet's router says so.
func TestIPv6RouterAnswers(t *testing.T) {
	w := newDualStack(t)
	for _, c := range []struct {
		name, from string
		p          []byte
		router     string
		typ, code  uint8
		info       uint32
		why        drop.Reason
	}{
		{"no route", "far", UDP6(to6(addrFar, 9), to6(web6, 9), []byte("x")), "2001:db8:1:2::1", packet.ICMPv6Unreachable, 0, 0, drop.NoRoute},
		{"too big for an instance", "a", UDP6(to6(addrA, 9), to6(addrC, 9), make([]byte, 1420)), "2001:db8:1:1::1", packet.ICMPv6PacketTooBig, 0, 1400, drop.TooBig},
		{"the hop limit", "a", UDP6(to6(addrA, 9), to6(web6, 9), nil, WithTTL(1)), "2001:db8:1:1::1", packet.ICMPv6TimeExceeded, 0, 0, drop.TTLExpired},
	} {
		w.must(w.Send(c.from, plain(clone(c.p))))
		got := w.six(w.one(c.from, w.Received(c.from)))
		m := packet.ICMPv6(got.L4)
		if got.Kind != packet.KindICMPError || got.IP.Src() != Addr6(c.router) || m.Type() != c.typ || m.Code() != c.code || m.Info() != c.info || !bytes.HasPrefix(c.p, m.Payload()) {
			t.Errorf("%s: %s", c.name, Line(got.IP))
		}
		w.dropped(c.why, 1)
		w.silence()
	}
	w.must(w.Send("a", plain(ICMP6(addrA, "2001:db8:1:1::1", packet.ICMPv6EchoRequest, 0, 7<<16|1, []byte("hello")))))
	if got := w.six(w.one("a", w.Received("a"))); packet.ICMPv6(got.L4).Type() != packet.ICMPv6EchoReply || got.IP.Src() != Addr6("2001:db8:1:1::1") {
		t.Errorf("ping: %s", Line(got.IP))
	}
}

// Through the egress-only gateway goes what an instance sends, as it is but for its hop
// limit, and comes what answers it. Nothing else comes.
func TestEgressOnlyGateway(t *testing.T) {
	w := newDualStack(t)
	w.pass(360 * time.Second) // the grace after a start is over
	w.must(w.Reply(plain(TCP6(to6(web6, 443), to6(addrB, 4000), "S", nil))))
	w.dropped(drop.Unsolicited, 1)
	for name, c := range map[string]struct{ out, back, forged []byte }{
		"tcp": {
			TCP6(to6(addrB, 4000), to6(web6, 443), "S", nil), TCP6(to6(web6, 443), to6(addrB, 4000), "SA", nil),
			TCP6(to6(web6, 444), to6(addrB, 4000), "SA", nil),
		},
		"udp": {
			UDP6(to6(addrB, 4000), to6(web6, 53), []byte("q")), UDP6(to6(web6, 53), to6(addrB, 4000), []byte("a")),
			UDP6(to6(web6, 53), to6(addrB, 4001), []byte("a")),
		},
		"ping": {
			ICMP6(addrB, web6, packet.ICMPv6EchoRequest, 0, 7<<16|1, []byte("x")), ICMP6(web6, addrB, packet.ICMPv6EchoReply, 0, 7<<16|1, []byte("x")),
			ICMP6(web6, addrB, packet.ICMPv6EchoReply, 0, 8<<16|1, []byte("x")),
		},
	} {
		w.must(w.Reply(plain(clone(c.back))))
		w.dropped(drop.Unsolicited, 1)
		got := w.out("b", clone(c.out))
		if w.six(got); got[7] != c.out[7]-1 {
			t.Errorf("%s: hop limit %d of %d", name, got[7], c.out[7])
		}
		if got[7]++; !bytes.Equal(got, c.out) {
			t.Errorf("%s: out\n%s\n%s", name, Line(got), Line(c.out))
		}
		got = w.in("b", clone(c.back))
		if got[7]++; !bytes.Equal(got, c.back) {
			t.Errorf("%s: back\n%s\n%s", name, Line(got), Line(c.back))
		}
		w.dropped(drop.None, 0)
		w.must(w.Reply(plain(c.forged)))
		w.dropped(drop.Unsolicited, 1)
	}
	// An error about a flow belongs to it, whoever sends it.
	quoted := UDP6(to6(addrB, 4000), to6(web6, 53), []byte("q"))
	w.in("b", ICMP6("2001:db8:fff0::1", addrB, packet.ICMPv6TimeExceeded, 0, 0, quoted))
	w.must(w.Reply(plain(ICMP6("2001:db8:fff0::1", addrB, packet.ICMPv6TimeExceeded, 0, 0, UDP6(to6(addrB, 4000), to6(web6, 54), []byte("q"))))))
	w.dropped(drop.Unsolicited, 1)
	w.silence()
}

// What the cell's own networks send does not come from the internet, nor what nobody has
// an address for; a host speaks for its own instances alone.
func TestEgressSpoofing(t *testing.T) {
	w := newDualStack(t)
	for _, c := range []struct {
		p    []byte
		want drop.Reason
	}{
		{UDP6(to6(addrG, 9), to6(addrB, 9), nil), drop.SpoofedSource},
		{UDP6(to6("ff02::1", 9), to6(addrB, 9), nil), drop.BadAddress},
		{UDP6(to6(web6, 9), to6("2001:db8:1:1::99", 9), nil), drop.NoInstance},
		{UDP6(to6(web6, 9), to6("2001:db8:9999::1", 9), nil), drop.NoInstance},
	} {
		w.must(w.Reply(plain(c.p)))
		w.dropped(c.want, 1)
	}
	host1, host2, edge, node := w.State.Hosts[0].Addr, w.State.Hosts[1].Addr, w.State.Edges[0].Addr, w.State.Nodes[0].Addr
	p := func(src, dst string) packet.Packet { return plain(UDP6(to6(src, 9), to6(dst, 9), nil)) }
	for _, c := range []struct {
		from, to packet.Addr4
		vni      uint32
		p        packet.Packet
		want     drop.Reason
	}{
		{host2, edge, 100, p(addrA, web6), drop.SpoofedSource}, // a is not on host-2
		{host1, edge, 200, p(addrA, web6), drop.SpoofedSource}, // nor in green
		{host1, edge, 0, p(addrA, web6), drop.UnknownVNI},      // nor in none
		{node, edge, 100, p(addrA, web6), drop.WrongTenant},    // nodes have no part in it
		{host1, host2, 100, p(addrC, addrC), drop.SpoofedSource},
		{host1, host2, 200, p(addrA, addrG), drop.SpoofedSource},
		{host1, host2, 100, p(addrA, addrG), drop.NoInstance}, // in another VPC
		{edge, host2, 200, p(web6, addrG), drop.Unsolicited},
		{edge, host2, 100, p(web6, addrG), drop.NoInstance},
		{node, host2, 100, p(web6, addrC), drop.WrongTenant},
	} {
		w.must(w.Inject(c.from, c.to, packet.Tunnel{VNI: c.vni, Hops: 8}, c.p))
		w.dropped(c.want, 1)
		w.silence()
	}
}

// One VPC's instances reach another's by their public IPv6 addresses, as the internet
// does: they may answer, and not begin.
func TestBetweenVPCs(t *testing.T) {
	w := newDualStack(t)
	w.pass(360 * time.Second) // the grace after a start is over
	w.must(w.Send("b", plain(TCP6(to6(addrB, 4000), to6(addrG, 80), "S", nil))))
	w.dropped(drop.Unsolicited, 1)
	w.must(w.Send("g", plain(TCP6(to6(addrG, 80), to6(addrB, 4000), "SA", nil))))
	got := w.one("b", w.Received("b"))
	if v := w.six(got); v.IP.Src() != Addr6(addrG) || v.IP.HopLimit() != 62 {
		t.Errorf("%s", Line(got))
	}
	w.dropped(drop.None, 0)
	w.silence()
}

// Fragments are put together where the ports are needed and cut again for the way on.
func TestEgressFragments(t *testing.T) {
	w := newDualStack(t)
	whole := UDP6(to6(addrC, 4000), to6(web6, 53), bytes.Repeat([]byte("0123456789abcdef"), 300))
	var pieces []packet.Packet
	for off := 0; off < len(whole)-40; off += 1200 {
		pieces = append(pieces, plain(Fragment6(whole, off, 1200, 99)))
	}
	w.must(w.Send("c", pieces...))
	if got := w.together(w.Internet(), 1500); !bytes.Equal(got, hopsTaken(whole, 1)) {
		t.Errorf("out: %s", Line(got))
	}
	back := UDP6(to6(web6, 53), to6(addrC, 4000), bytes.Repeat([]byte("fedcba9876543210"), 300))
	for off := 0; off < len(back)-40; off += 1400 {
		w.must(w.Reply(plain(Fragment6(back, off, 1400, 77)))) // each by another edge
	}
	if got := w.together(w.Received("c"), 1400); !bytes.Equal(got, hopsTaken(back, 1)) {
		t.Errorf("back: %s", Line(got))
	}
	w.dropped(drop.None, 0)
}

// hopsTaken is a packet n hops later.
func hopsTaken(b []byte, n byte) []byte {
	b = clone(b)
	b[7] -= n
	return b
}

// together puts fragments together, none of which is longer than mtu.
func (w *world) together(ps []packet.Packet, mtu int) []byte {
	w.t.Helper()
	var drops drop.Counts
	r := packet.NewReassembler(packet.ReassemblerLimits{}, &drops)
	if len(ps) < 2 {
		w.t.Fatalf("%d packets, want fragments; drops: %v", len(ps), w.reasons())
	}
	for i := range ps {
		if len(ps[i].Data) > mtu {
			w.t.Errorf("a fragment of %d bytes", len(ps[i].Data))
		}
		if whole, done, reason := r.Add(0, 0, &ps[i]); done {
			return clone(whole)
		} else if reason != drop.None {
			w.t.Fatal(reason)
		}
	}
	w.t.Fatal("fragments are missing")
	return nil
}

// Superpackets pass whole, of TCP and UDP, both ways.
func TestIPv6Superpackets(t *testing.T) {
	w := newDualStack(t)
	w.out("b", TCP6(to6(addrB, 4000), to6(web6, 443), "S", nil))
	payload := bytes.Repeat([]byte("superpacket "), 3000)
	for _, c := range []struct {
		name string
		out  packet.Packet
	}{
		{"tcp", SuperTCP6(to6(addrB, 4000), to6(web6, 443), "A", payload, 1440)},
		{"udp", SuperUDP6(to6(addrB, 4000), to6(web6, 443), payload, 1400)},
	} {
		p := c.out
		p.Data = clone(p.Data)
		w.must(w.Send("b", p))
		got := w.Internet()
		if len(got) != 1 || got[0].Offload.GSOSize != c.out.Offload.GSOSize || !bytes.Equal(got[0].Data, hopsTaken(c.out.Data, 1)) {
			t.Errorf("%s: %d packets", c.name, len(got))
		}
	}
	big := SuperTCP6(to6(addrB, 4000), to6(web6, 443), "A", payload, 1441)
	w.must(w.Send("b", big))
	if m := packet.ICMPv6(w.six(w.one("b", w.Received("b"))).L4); m.Type() != packet.ICMPv6PacketTooBig || m.Info() != 1500 {
		t.Errorf("a segment that does not fit: type %d, %d", m.Type(), m.Info())
	}
}
