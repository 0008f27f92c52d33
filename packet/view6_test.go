package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// The ends of the test flow on the IPv6 side, and the router between them.
const (
	in6, out6             = "[2001:db8::10]:4000", "[64:ff9b::cb00:710a]:80"
	inAddr6, outAddr6     = "2001:db8::10", "64:ff9b::cb00:710a"
	router6               = "2001:db8:ffff::1"
	hopByHop, routing     = 0, 43
	fragmentExt, destOpts = 44, 60
)

// options is an extension header of n times 8 bytes, padded by PadN.
func options(n int) []byte {
	h := make([]byte, 8*n)
	h[1], h[2], h[3] = byte(n-1), 1, byte(8*n-4)
	return h
}

func decode6(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *packet.Packet) packet.View6 {
	t.Helper()
	var v packet.View6
	if r := v.Decode(p); r != drop.None {
		t.Fatalf("%s: %s", r, packettest.Line(p.Data))
	}
	return v
}

func echo6(typ uint8, id, seq uint16, payload []byte, opts ...packettest.Option) []byte {
	return packettest.ICMP6(inAddr6, outAddr6, typ, 0, uint32(id)<<16|uint32(seq), payload, opts...)
}

func TestView6Decode(t *testing.T) {
	tuple := packet.Tuple6{Src: packettest.Addr6(inAddr6), Dst: packettest.Addr6(outAddr6)}
	of := func(proto uint32, sport, dport uint16) packet.Tuple6 {
		tuple.Net, tuple.SrcPort, tuple.DstPort = proto, sport, dport
		return tuple
	}
	tcp := packettest.TCP6(in6, out6, "SA", packettest.Payload(5), packettest.WithMSS(1440))
	udp := packettest.UDP6(in6, out6, packettest.Payload(9))
	chain := packettest.Extend(udp, destOpts, options(2)...)
	chain = packettest.Extend(chain, routing, 0, 0, 4, 0, 0, 0, 0, 0)
	chain = packettest.Extend(chain, hopByHop, options(1)...)
	for _, c := range []struct {
		name string
		data []byte
		kind packet.Kind
		head int
		want packet.Tuple6
	}{
		{"tcp", tcp, packet.KindTCP, 64, of(6, 4000, 80)},
		{"udp", udp, packet.KindUDP, 48, of(17, 4000, 80)},
		{"padding behind", append(bytes.Clone(udp), 0, 0), packet.KindUDP, 48, of(17, 4000, 80)},
		{"request", echo6(128, 7, 1, nil), packet.KindEcho, 48, of(58, 7, 0)},
		{"reply", echo6(129, 7, 1, nil), packet.KindEcho, 48, of(58, 0, 7)},
		{"extensions", chain, packet.KindUDP, 80, of(17, 4000, 80)},
		{"atomic fragment", packettest.Fragment6(udp, 0, 100, 1), packet.KindUDP, 56, of(17, 4000, 80)},
		{"first fragment", packettest.Fragment6(udp, 0, 8, 1), packet.KindFragment, 48, of(17, 0, 0)},
		{"last fragment", packettest.Fragment6(udp, 8, 100, 1), packet.KindFragment, 48, of(17, 0, 0)},
		{"error", packettest.ICMP6(router6, outAddr6, 1, 4, 0, packettest.UDP6(out6, in6, nil)), packet.KindICMPError, 48, of(17, 4000, 80)},
		{"error about a request", packettest.ICMP6(router6, outAddr6, 3, 0, 0, packettest.ICMP6(outAddr6, inAddr6, 128, 0, 9<<16, nil)), packet.KindICMPError, 48, of(58, 0, 9)},
		{"error about a reply", packettest.ICMP6(router6, outAddr6, 3, 0, 0, packettest.ICMP6(outAddr6, inAddr6, 129, 0, 9<<16, nil)), packet.KindICMPError, 48, of(58, 9, 0)},
	} {
		p := packet.Packet{Data: c.data}
		v := decode6(t, &p)
		if v.Kind != c.kind || v.HeadLen != c.head || v.Tuple != c.want || len(v.IP) != len(p.Data) || len(v.IP) != packet.IPv6HeaderLen+v.IP.PayloadLen() {
			t.Errorf("%s: %s, %d bytes of head, %s", c.name, v.Kind, v.HeadLen, v.Tuple)
		}
		if v.VerifyL4(&p) != (c.kind != packet.KindFragment) {
			t.Errorf("%s: the checksum", c.name)
		}
		if (c.name == "tcp") != (v.TCPFlags == packet.TCPSyn|packet.TCPAck) {
			t.Errorf("%s: flags %#x", c.name, v.TCPFlags)
		}
	}
}

func TestView6Refuses(t *testing.T) {
	udp := packettest.UDP6(in6, out6, packettest.Payload(16))
	with := func(data []byte, at int, b ...byte) []byte {
		data = bytes.Clone(data)
		copy(data[at:], b)
		return data
	}
	nine := udp
	for range 9 {
		nine = packettest.Extend(nine, destOpts, options(1)...)
	}
	quoting := func(quote []byte) []byte { return packettest.ICMP6(router6, outAddr6, 1, 4, 0, quote) }
	back := packettest.UDP6(out6, in6, packettest.Payload(16))
	for _, c := range []struct {
		name string
		data []byte
		want drop.Reason
	}{
		{"nothing", nil, drop.TooShort},
		{"IPv4", packettest.UDP(in, out, packettest.Payload(16)), drop.BadVersion},
		{"cut", udp[:50], drop.BadTotalLength},
		{"jumbogram", with(packettest.Extend(udp, hopByHop, 0, 0, 0xc2, 4, 0, 1, 0, 0), 4, 0, 0), drop.BadHeaderLength},
		{"no payload", with(udp, 4, 0, 0), drop.BadL4Length},
		{"extension beyond the packet", packettest.Extend(udp, destOpts, 0, 200, 1, 4, 0, 0, 0, 0), drop.BadHeaderLength},
		{"extension without room", with(packettest.Extend(udp, destOpts, options(1)...), 4, 0, 4), drop.BadHeaderLength},
		{"nine extensions", nine, drop.BadHeaderLength},
		{"segments left", packettest.Extend(udp, routing, 0, 0, 4, 1, 0, 0, 0, 0), drop.SourceRoute},
		{"hop by hop not first", packettest.Extend(packettest.Extend(udp, hopByHop, options(1)...), destOpts, options(1)...), drop.UnknownProtocol},
		{"extension behind the fragment header", packettest.Extend(packettest.Extend(udp, destOpts, options(1)...), fragmentExt, make([]byte, 8)...), drop.UnknownProtocol},
		{"two fragment headers", packettest.Extend(packettest.Extend(udp, fragmentExt, make([]byte, 8)...), fragmentExt, make([]byte, 8)...), drop.UnknownProtocol},
		{"authentication header", packettest.Extend(udp, 51, make([]byte, 24)...), drop.UnknownProtocol},
		{"ESP", with(udp, 6, 50), drop.UnknownProtocol},
		{"no next header", with(udp, 6, 59), drop.UnknownProtocol},
		{"ICMP of IPv4", with(udp, 6, 1), drop.UnknownProtocol},
		{"SCTP", with(udp, 6, 132), drop.UnknownProtocol},
		{"fragment of 9 bytes and more to come", packettest.Fragment6(udp, 0, 9, 1), drop.FragmentMalformed},
		{"fragment without payload", packettest.Fragment6(udp, 8, 0, 1), drop.FragmentMalformed},
		{"fragment beyond 65535", packettest.Extend(udp, fragmentExt, 17, 0, 0xff, 0xf8, 0, 0, 0, 1), drop.FragmentMalformed},
		{"TCP cut", packettest.TCP6(in6, out6, "S", nil)[:40], drop.BadTotalLength},
		{"TCP data offset", with(packettest.TCP6(in6, out6, "S", nil), 52, 0x60), drop.BadL4Length},
		{"UDP short", with(udp, 4, 0, 7), drop.BadL4Length},
		{"UDP length", with(udp, 44, 0, 23), drop.BadL4Length},
		{"UDP without checksum", packettest.UDP6(in6, out6, nil, packettest.WithoutUDPChecksum()), drop.NoUDPChecksum},
		{"ICMPv6 short", with(echo6(128, 1, 1, nil), 4, 0, 7), drop.BadL4Length},
		{"neighbour solicitation", packettest.ICMP6(inAddr6, outAddr6, 135, 0, 0, make([]byte, 16)), drop.UnsupportedICMP},
		{"unknown error", packettest.ICMP6(inAddr6, outAddr6, 5, 0, 0, back), drop.UnsupportedICMP},
		{"error with a wrong checksum", with(quoting(back), 43, 1), drop.BadICMPQuote},
		{"error about nothing", quoting(nil), drop.BadICMPQuote},
		{"error about IPv4", quoting(packettest.UDP(in, out, packettest.Payload(50))), drop.BadICMPQuote},
		{"error about 7 bytes", quoting(back[:47]), drop.BadICMPQuote},
		{"error about a packet of 7 bytes", quoting(with(back, 4, 0, 7)), drop.BadICMPQuote},
		{"error about an error", quoting(packettest.ICMP6(outAddr6, inAddr6, 1, 4, 0, udp)), drop.BadICMPQuote},
		{"error about SCTP", quoting(with(back, 6, 132)), drop.BadICMPQuote},
		{"error about a later fragment", quoting(packettest.Fragment6(back, 8, 8, 1)), drop.BadICMPQuote},
		{"error about a route", quoting(packettest.Extend(back, routing, 0, 0, 4, 1, 0, 0, 0, 0)), drop.BadICMPQuote},
	} {
		p := packet.Packet{Data: bytes.Clone(c.data)}
		v := packet.View6{Kind: packet.KindTCP, HeadLen: 3}
		if r := v.Decode(&p); r != c.want || v.Kind != packet.KindNone || v.IP != nil || v.HeadLen != 0 {
			t.Errorf("%s: %s, want %s; %+v", c.name, r, c.want, v)
		}
		if !bytes.Equal(p.Data, c.data) {
			t.Errorf("%s: Decode changed the packet", c.name)
		}
	}
}

// Metadata is derived anew, as it is for IPv4, and refused where it contradicts.
func TestView6Offload(t *testing.T) {
	super := packettest.SuperTCP6(in6, out6, "A", packettest.Payload(5000), 1400, packettest.WithTCPOptions(1, 1, 1, 1))
	super.Data = packettest.Extend(super.Data, destOpts, options(1)...)
	super.Offload.GSO |= packet.GSOECN
	v := decode6(t, &super)
	if want := (packet.Offload{GSO: packet.GSOTCPv6 | packet.GSOECN, Partial: true, GSOSize: 1400, HdrLen: 72, CsumStart: 48, CsumOffset: 16}); super.Offload != want || !v.VerifyL4(&super) {
		t.Errorf("%+v", super.Offload)
	}
	udp := packettest.SuperUDP6(in6, out6, packettest.Payload(5000), 1400)
	decode6(t, &udp)
	if want := (packet.Offload{GSO: packet.GSOUDP, Partial: true, GSOSize: 1400, HdrLen: 48, CsumStart: 40, CsumOffset: 6}); udp.Offload != want {
		t.Errorf("%+v", udp.Offload)
	}
	for _, p := range []packet.Packet{
		{Data: super.Data, Offload: packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 1400, Partial: true}},
		{Data: udp.Data, Offload: packet.Offload{GSO: packet.GSOTCPv6, GSOSize: 1400, Partial: true}},
		{Data: echo6(128, 1, 1, nil), Offload: packet.Offload{Partial: true}},
		{Data: packettest.Fragment6(udp.Data, 0, 80, 1), Offload: packet.Offload{Partial: true}},
	} {
		var v packet.View6
		if r := v.Decode(&p); r != drop.BadOffload {
			t.Errorf("%s: %s", r, packettest.Line(p.Data))
		}
	}
}

func TestDecrementHopLimit(t *testing.T) {
	for limit, want := range map[uint8]bool{0: false, 1: false, 2: true, 255: true} {
		p := packet.Packet{Data: packettest.UDP6(in6, out6, nil, packettest.WithTTL(limit))}
		v := decode6(t, &p)
		if got := v.DecrementHopLimit(); got != want || got && v.IP.HopLimit() != limit-1 || !got && v.IP.HopLimit() != limit || !v.VerifyL4(&p) {
			t.Errorf("%d: %v, then %d", limit, got, v.IP.HopLimit())
		}
	}
}
