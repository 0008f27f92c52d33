package packet_test

import (
	"bytes"
	"net/netip"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// checked6 is an answer's header and transport part, after the plain checks that every answer must pass.
func checked6(t testing.TB, b []byte, src, dst string, proto uint8) (packet.IPv6, []byte) {
	t.Helper()
	if err := plainCheck(b, false); err != nil {
		t.Fatalf("%v: %s", err, packettest.Line(b))
	}
	ip := packet.IPv6(b)
	if ip.Src().String() != src || ip.Dst().String() != dst || ip.HopLimit() != 64 || ip.NextHeader() != proto || ip.FlowLabel() != 0 {
		t.Fatal(packettest.Line(b))
	}
	return ip, b[packet.IPv6HeaderLen:]
}

// An error quotes the packet as the wire would have carried it, and is at most 1280 bytes (RFC 4443, section 2.4 (c)).
func TestBuildICMPv6Error(t *testing.T) {
	body := packettest.Payload(9000)
	long := packettest.TCP6(in6, out6, "A", body[:1400])
	short := packettest.UDP6(in6, out6, []byte("x"))
	chain := func(data []byte) []byte {
		return packettest.Extend(packettest.Extend(data, destOpts, options(3)...), hopByHop, options(1)...)
	}
	super := func(p packet.Packet, wrap func([]byte) []byte) packet.Packet {
		p.Data = wrap(p.Data)
		return p
	}
	superTCP := packettest.SuperTCP6(in6, out6, "FAP", body, 301, packettest.WithSeq(77), packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))
	segmentTCP := packettest.TCP6(in6, out6, "A", body[:301], packettest.WithSeq(77), packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))
	for _, c := range []struct {
		name string
		p    packet.Packet
		want []byte // the quote
	}{
		{"short", packet.Packet{Data: short}, short},
		{"long", packet.Packet{Data: long}, long[:1232]},
		{"partial checksum", unfinished(t, packettest.TCP6(in6, out6, "A", body[:300])), packettest.TCP6(in6, out6, "A", body[:300])},
		{"partial checksum of UDP", unfinished(t, packettest.UDP6(in6, out6, body[:301])), packettest.UDP6(in6, out6, body[:301])},
		{"partial checksum of a long one", unfinished(t, long), long[:1232]},
		{"partial checksum behind extensions", unfinished(t, chain(long)), chain(long)[:1232]},
		{"superpacket", superTCP, segmentTCP},
		{"superpacket behind extensions", super(superTCP, chain), chain(segmentTCP)},
		{"superpacket of long segments", packettest.SuperTCP6(in6, out6, "A", body, 1400), long[:1232]},
		{"superpacket of UDP", packettest.SuperUDP6(in6, out6, body, 301), packettest.UDP6(in6, out6, body[:301])},
		{"checksum beyond the quote", unfinished(t, packettest.Extend(short, destOpts, options(149)...)), packettest.Extend(short, destOpts, options(149)...)[:1232]},
		{"echo", packet.Packet{Data: echo6(128, 1, 2, nil)}, echo6(128, 1, 2, nil)},
		{"first fragment", packet.Packet{Data: packettest.Fragment6(long, 0, 80, 1)}, packettest.Fragment6(long, 0, 80, 1)},
		{"first fragment of an echo", packet.Packet{Data: packettest.Fragment6(echo6(128, 1, 2, body[:99]), 0, 80, 1)}, packettest.Fragment6(echo6(128, 1, 2, body[:99]), 0, 80, 1)},
		{"link-local", packet.Packet{Data: packettest.UDP6("[fe80::1]:1", out6, nil)}, packettest.UDP6("[fe80::1]:1", out6, nil)},
		{"to a group", packet.Packet{Data: packettest.UDP6(in6, "[ff0e::1]:1", nil)}, packettest.UDP6(in6, "[ff0e::1]:1", nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, src := bytes.Clone(c.p.Data), packet.IPv6(c.p.Data).Src().String()
			v := decode6(t, &c.p)
			dst := bytes.Repeat([]byte{0xee}, 1500)
			n := packet.BuildICMPv6Error(dst, packet.ICMPv6PacketTooBig, 0, 1400, packettest.Addr6(router6), &c.p, &v)
			if n != 48+len(c.want) || n > 1280 {
				t.Fatalf("%d bytes, want %d", n, 48+len(c.want))
			}
			ip, l4 := checked6(t, dst[:n], router6, src, packet.ProtoICMPv6)
			if m := packet.ICMPv6(l4); m.Type() != 2 || m.Code() != 0 || m.Info() != 1400 || ip.TrafficClass() != 0 {
				t.Error(packettest.Line(dst[:n]))
			}
			if got := dst[48:n]; !bytes.Equal(got, c.want) {
				t.Errorf("quote:\n got % x\nwant % x", headOf(got), headOf(c.want))
			}
			if !bytes.Equal(before, c.p.Data) {
				t.Error("the packet itself was changed")
			}
			if packet.BuildICMPv6Error(dst[:n-1], 2, 0, 0, packet.Addr6{}, &c.p, &v) != 0 {
				t.Error("an answer in a buffer that is too short")
			}
		})
	}
}

// "Packet too big" never says less than every link has; no other error's word is touched.
func TestBuildICMPv6ErrorInfo(t *testing.T) {
	p := packet.Packet{Data: packettest.UDP6(in6, out6, nil)}
	v := decode6(t, &p)
	dst := make([]byte, 1280)
	for _, c := range []struct {
		typ        uint8
		info, want uint32
	}{{2, 0, 1280}, {2, 1279, 1280}, {2, 1281, 1281}, {4, 40, 40}, {1, 0, 0}} {
		packet.BuildICMPv6Error(dst, c.typ, 0, c.info, packettest.Addr6(router6), &p, &v)
		if got := packet.ICMPv6(dst[40:]).Info(); got != c.want {
			t.Errorf("type %d: %d, want %d", c.typ, got, c.want)
		}
	}
}

// What is never answered with an error (RFC 4443, section 2.4 (e)).
func TestBuildICMPv6ErrorNever(t *testing.T) {
	udp := packettest.UDP6(in6, out6, packettest.Payload(100))
	icmpError := packettest.ICMP6(inAddr6, outAddr6, 1, 4, 0, packettest.UDP6(out6, in6, packettest.Payload(100)))
	mapped := bytes.Clone(udp)
	packet.IPv6(mapped).SetSrc(netip.MustParseAddr("::ffff:192.0.2.1").As16())
	for _, typ := range []uint8{packet.ICMPv6Unreachable, packet.ICMPv6PacketTooBig} {
		for name, data := range map[string][]byte{
			"error":                   icmpError,
			"first fragment of error": packettest.Fragment6(icmpError, 0, 40, 1),
			"first fragment of solicitation": packettest.Fragment6(
				packettest.ICMP6(inAddr6, outAddr6, 135, 0, 0, make([]byte, 100)), 0, 40, 1),
			"later fragment":  packettest.Fragment6(udp, 8, 40, 1),
			"from nobody":     packettest.UDP6("[::]:1", out6, nil),
			"from a group":    packettest.UDP6("[ff02::1]:1", out6, nil),
			"from loopback":   packettest.UDP6("[::1]:1", out6, nil),
			"from no address": mapped,
			"to nobody":       packettest.UDP6(in6, "[::]:1", nil),
			"to loopback":     packettest.UDP6(in6, "[::1]:1", nil),
		} {
			p := packet.Packet{Data: data}
			v := decode6(t, &p)
			if n := packet.BuildICMPv6Error(make([]byte, 1500), typ, 0, 0, packettest.Addr6(router6), &p, &v); n != 0 {
				t.Errorf("%s: answered with %d bytes", name, n)
			}
		}
	}
	p := packet.Packet{Data: packettest.UDP6(in6, "[ff0e::1]:1", nil)}
	v := decode6(t, &p)
	for _, typ := range []uint8{1, 3, 4} {
		if packet.BuildICMPv6Error(make([]byte, 1500), typ, 0, 0, packettest.Addr6(router6), &p, &v) != 0 {
			t.Errorf("type %d about a packet to a group", typ)
		}
	}
	if packet.BuildICMPv6Error(make([]byte, 1500), 1, 0, 0, packettest.Addr6(router6), &p, new(packet.View6)) != 0 {
		t.Error("an answer to nothing")
	}
}

func TestBuildEchoReply6(t *testing.T) {
	for _, size := range []int{0, 1, 56, 1452, 60000} {
		p := packet.Packet{Data: packettest.ICMP6(inAddr6, router6, 128, 0, 7<<16|9, packettest.Payload(size), packettest.WithTTL(3), packettest.WithTOS(4), packettest.WithFlowLabel(5))}
		v := decode6(t, &p)
		dst := make([]byte, len(p.Data))
		n := packet.BuildEchoReply6(dst, &p, &v)
		if want := packettest.ICMP6(router6, inAddr6, 129, 0, 7<<16|9, packettest.Payload(size), packettest.WithTOS(4)); !bytes.Equal(dst[:n], want) {
			t.Errorf("%d bytes: got %s, want %s", size, packettest.Line(dst[:n]), packettest.Line(want))
		}
		checked6(t, dst[:n], router6, inAddr6, packet.ProtoICMPv6)
		if packet.BuildEchoReply6(dst[:len(dst)-1], &p, &v) != 0 {
			t.Error("a reply in a buffer that is too short")
		}
	}
	extended := packet.Packet{Data: packettest.Extend(echo6(128, 7, 9, nil), destOpts, options(3)...)}
	v := decode6(t, &extended)
	dst := make([]byte, 100)
	if n := packet.BuildEchoReply6(dst, &extended, &v); !bytes.Equal(dst[:n], packettest.ICMP6(outAddr6, inAddr6, 129, 0, 7<<16|9, nil)) {
		t.Error(packettest.Line(dst[:n]))
	}
	linkLocal := packet.Packet{Data: packettest.ICMP6("fe80::2", "fe80::1", 128, 0, 0, nil)}
	v = decode6(t, &linkLocal)
	checked6(t, dst[:packet.BuildEchoReply6(dst, &linkLocal, &v)], "fe80::1", "fe80::2", packet.ProtoICMPv6)

	damaged := echo6(128, 7, 9, []byte("x"))
	damaged[48]++
	for name, data := range map[string][]byte{
		"reply":       echo6(129, 7, 9, nil),
		"damaged":     damaged,
		"to a group":  packettest.ICMP6(inAddr6, "ff02::1", 128, 0, 0, nil),
		"from nobody": packettest.ICMP6("::", outAddr6, 128, 0, 0, nil),
		"TCP":         packettest.TCP6(in6, out6, "S", nil),
		"fragment":    packettest.Fragment6(echo6(128, 7, 9, packettest.Payload(100)), 0, 64, 1),
	} {
		p := packet.Packet{Data: data}
		v := decode6(t, &p)
		if packet.BuildEchoReply6(make([]byte, 1500), &p, &v) != 0 {
			t.Errorf("%s: answered", name)
		}
	}
}

func TestAddr6Routable(t *testing.T) {
	for addr, want := range map[string]bool{
		"::": false, "::1": false, "::2": true, "1::": true, "1::1": true, "64:ff9b::1": true, "2001:db8::1": true, "fc00::1": true,
		"fe7f::1": true, "fe80::": false, "febf:ffff::1": false, "fec0::1": true, "feff::": true, "ff00::": false, "ff0e::1": false,
		"::ffff:1.2.3.4": false, "::1:0:1": true, "::fffe:1.2.3.4": true, "0:0:0:1::ffff:1.2.3.4": true,
	} {
		if got := packet.Addr6(netip.MustParseAddr(addr).As16()).Routable(); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestAnswers6AllocateNothing(t *testing.T) {
	p := packettest.SuperTCP6(in6, out6, "AP", packettest.Payload(9000), 1000)
	echo := packet.Packet{Data: echo6(128, 7, 9, packettest.Payload(56))}
	v, w := decode6(t, &p), decode6(t, &echo)
	dst, from := make([]byte, 1500), packettest.Addr6(router6)
	if n := testing.AllocsPerRun(100, func() {
		if packet.BuildICMPv6Error(dst, 2, 0, 1400, from, &p, &v) == 0 || packet.BuildEchoReply6(dst, &echo, &w) == 0 {
			t.Error("no answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever decodes gets an answer that is valid and bounded, or none; and no answer is answered again: an error is
// final (I10).
func FuzzAnswers6(f *testing.F) {
	for _, p := range seedPackets6() {
		f.Add(p, false, uint8(0), uint16(0), true)
		f.Add(p, true, uint8(4), uint16(4), true)
		f.Add(p, true, uint8(5), uint16(4), false)
	}
	f.Fuzz(tryAnswers6)
}

func tryAnswers6(t *testing.T, data []byte, partial bool, gso uint8, size uint16, mend bool) {
	p := packet.Packet{Data: bytes.Clone(data), Offload: offloadOf(partial, gso, size, 9)}
	if mend {
		repair6(p.Data)
	}
	var v packet.View6
	if v.Decode(&p) != 0 {
		return
	}
	given := bytes.Clone(p.Data)
	dst := make([]byte, max(len(p.Data), packet.IPv6MTUMin))
	from := packettest.Addr6(router6)
	for _, build := range []func(*packet.Packet, *packet.View6) int{
		func(p *packet.Packet, v *packet.View6) int {
			return packet.BuildICMPv6Error(dst, 2, 0, 1400, from, p, v)
		},
		func(p *packet.Packet, v *packet.View6) int { return packet.BuildEchoReply6(dst, p, v) },
	} {
		n := build(&p, &v)
		if !bytes.Equal(given, p.Data) {
			t.Fatal("the packet itself was changed")
		}
		if n == 0 {
			continue
		}
		if err := plainCheck(dst[:n], false); err != nil {
			t.Fatalf("%v: %s", err, packettest.Line(dst[:n]))
		}
		answer := packet.Packet{Data: bytes.Clone(dst[:n])}
		var w packet.View6
		if w.Decode(&answer) != 0 {
			continue // an error about a packet that quotes too little is not for us
		}
		if w.Kind == packet.KindICMPError && (n > packet.IPv6MTUMin || packet.BuildICMPv6Error(dst, 2, 0, 0, from, &answer, &w) != 0) ||
			packet.BuildEchoReply6(dst, &answer, &w) != 0 {
			t.Fatal("an answer was answered")
		}
	}
}
