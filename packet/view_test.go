package packet_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"

	"github.com/google/go-cmp/cmp"
)

const (
	in  = "10.0.1.10:4000"
	out = "203.0.113.10:80"
)

// edit changes a copy of a packet and makes its IP header checksum right again.
func edit(b []byte, change func(b []byte)) []byte {
	c := bytes.Clone(b)
	change(c)
	if hl := packet.IPv4(c).HeaderLen(); hl >= 20 && hl <= len(c) {
		packet.IPv4(c).UpdateChecksum()
	}
	return c
}

// editICMP does so with the payload of an ICMP message, and makes its checksum right.
func editICMP(b []byte, change func(icmp []byte)) []byte {
	return edit(b, func(b []byte) {
		change(packet.IPv4(b).Payload())
		packet.ICMP(packet.IPv4(b).Payload()).UpdateChecksum()
	})
}

func portError(quote []byte, opts ...packettest.Option) []byte {
	return packettest.ICMPError("203.0.113.10", "10.0.1.10", packet.ICMPUnreachable, packet.ICMPCodePort, 0, quote, opts...)
}

func TestDecodeKinds(t *testing.T) {
	type want struct {
		Kind    packet.Kind
		Tuple   string
		Flags   uint8
		HeadLen int
		L4      int
	}
	tcp := packettest.TCP(in, out, "S", nil, packettest.WithMSS(1460))
	udp := packettest.UDP(in, out, []byte("query"))
	for _, c := range []struct {
		name string
		data []byte
		want want
	}{
		{"tcp", tcp, want{packet.KindTCP, "tcp 10.0.1.10:4000 > 203.0.113.10:80", packet.TCPSyn, 44, 24}},
		{"tcp behind IP options", packettest.TCP(in, out, "A", []byte("x"), packettest.WithIPOptions(1, 7, 3, 4)),
			want{packet.KindTCP, "tcp 10.0.1.10:4000 > 203.0.113.10:80", packet.TCPAck, 44, 21}},
		{"padding behind the packet", append(bytes.Clone(udp), 0, 0, 0), want{packet.KindUDP, "udp 10.0.1.10:4000 > 203.0.113.10:80", 0, 28, 13}},
		{"echo request", packettest.EchoRequest("10.0.1.10", "203.0.113.10", 7, 1, []byte("p")), want{packet.KindEcho, "icmp 10.0.1.10:7 > 203.0.113.10:0", 0, 28, 9}},
		{"echo reply", packettest.EchoReply("203.0.113.10", "10.0.1.10", 7, 1, nil), want{packet.KindEcho, "icmp 203.0.113.10:0 > 10.0.1.10:7", 0, 28, 8}},
		{"error about tcp", portError(tcp[:28]), want{packet.KindICMPError, "tcp 203.0.113.10:80 > 10.0.1.10:4000", 0, 28, 36}},
		{"error about udp from a router on the way", packettest.ICMPError("192.0.2.1", "10.0.1.10", packet.ICMPTimeExceeded, 0, 0, udp),
			want{packet.KindICMPError, "udp 203.0.113.10:80 > 10.0.1.10:4000", 0, 28, 41}},
		{"error about a request", portError(packettest.EchoRequest("10.0.1.10", "203.0.113.10", 7, 1, nil)),
			want{packet.KindICMPError, "icmp 203.0.113.10:0 > 10.0.1.10:7", 0, 28, 36}},
		{"error about a reply", portError(packettest.EchoReply("10.0.1.10", "203.0.113.10", 7, 1, nil)),
			want{packet.KindICMPError, "icmp 203.0.113.10:7 > 10.0.1.10:0", 0, 28, 36}},
		{"error about a first fragment", portError(packettest.Fragment(udp, 0, 8)), want{packet.KindICMPError, "udp 203.0.113.10:80 > 10.0.1.10:4000", 0, 28, 36}},
		{"error quoting options", portError(packettest.UDP(in, out, nil, packettest.WithIPOptions(1, 1, 1, 1))),
			want{packet.KindICMPError, "udp 203.0.113.10:80 > 10.0.1.10:4000", 0, 28, 40}},
		{"first fragment", packettest.Fragment(udp, 0, 8), want{packet.KindFragment, "udp 10.0.1.10:0 > 203.0.113.10:0", 0, 20, 8}},
		{"last fragment", packettest.Fragment(udp, 8, 100), want{packet.KindFragment, "udp 10.0.1.10:0 > 203.0.113.10:0", 0, 20, 5}},
	} {
		var v packet.View
		p := packet.Packet{Data: bytes.Clone(c.data)}
		if r := v.Decode(&p); r != drop.None {
			t.Errorf("%s: %s\n\t%s", c.name, r, packettest.Line(c.data))
			continue
		}
		if d := cmp.Diff(c.want, want{v.Kind, v.Tuple.String(), v.TCPFlags, v.HeadLen, len(v.L4)}); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if got := v.VerifyL4(&p); got != (v.Kind != packet.KindFragment) {
			t.Errorf("%s: checksum counts as right: %v", c.name, got)
		}
		if len(p.Data) != v.IP.TotalLen() || len(v.IP) != len(p.Data) {
			t.Errorf("%s: not trimmed: %d bytes", c.name, len(p.Data))
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tcp := packettest.TCP(in, out, "S", nil)
	udp := packettest.UDP(in, out, []byte("query"))
	gso := func(g packet.GSOType, size uint16, partial bool) packet.Offload {
		return packet.Offload{GSO: g, GSOSize: size, Partial: partial}
	}
	big := packettest.Payload(3000)
	for _, c := range []struct {
		name    string
		data    []byte
		offload packet.Offload
		want    drop.Reason
	}{
		{"nothing", nil, packet.Offload{}, drop.TooShort},
		{"IPv6", []byte{0x60}, packet.Offload{}, drop.IPv6Unsupported},
		{"version 0", make([]byte, 40), packet.Offload{}, drop.BadVersion},
		{"loose source route", packettest.UDP(in, out, nil, packettest.WithIPOptions(1, 131, 7, 4, 1, 2, 3, 4)), packet.Offload{}, drop.SourceRoute},
		{"strict source route", packettest.UDP(in, out, nil, packettest.WithIPOptions(137, 3, 4)), packet.Offload{}, drop.SourceRoute},
		{"option of length 1", packettest.UDP(in, out, nil, packettest.WithIPOptions(7, 1, 0, 0)), packet.Offload{}, drop.BadHeaderLength},
		{"option past the header", packettest.UDP(in, out, nil, packettest.WithIPOptions(7, 5, 0, 0)), packet.Offload{}, drop.BadHeaderLength},
		{"option without length", packettest.UDP(in, out, nil, packettest.WithIPOptions(1, 1, 1, 7)), packet.Offload{}, drop.BadHeaderLength},
		{"GRE", edit(udp, func(b []byte) { b[9] = 47 }), packet.Offload{}, drop.UnknownProtocol},
		{"fragment of GRE", edit(udp, func(b []byte) { b[9], b[6] = 47, 0x20 }), packet.Offload{}, drop.UnknownProtocol},
		{"TCP cut", edit(tcp[:39], func(b []byte) { b[3] = 39 }), packet.Offload{}, drop.BadL4Length},
		{"TCP data offset", edit(tcp, func(b []byte) { b[32] = 0x60 }), packet.Offload{}, drop.BadL4Length},
		{"UDP cut", edit(udp[:27], func(b []byte) { b[3] = 27 }), packet.Offload{}, drop.BadL4Length},
		{"UDP length too small", edit(udp, func(b []byte) { b[25]-- }), packet.Offload{}, drop.BadL4Length},
		{"UDP length too small, superpacket that is none", edit(udp, func(b []byte) { b[25]-- }), gso(packet.GSOUDP, 1400, true), drop.BadL4Length},
		{"ICMP cut", edit(udp[:27], func(b []byte) { b[3], b[9] = 27, 1 }), packet.Offload{}, drop.BadL4Length},
		{"source quench", packettest.ICMPError("192.0.2.1", "10.0.1.10", packet.ICMPSourceQuench, 0, 0, udp), packet.Offload{}, drop.UnsupportedICMP},
		{"redirect", packettest.ICMPError("192.0.2.1", "10.0.1.10", packet.ICMPRedirect, 0, 0, udp), packet.Offload{}, drop.UnsupportedICMP},
		{"timestamp", packettest.ICMPError("192.0.2.1", "10.0.1.10", 13, 0, 0, make([]byte, 12)), packet.Offload{}, drop.UnsupportedICMP},
		{"error's checksum", edit(portError(udp), func(b []byte) { b[22]++ }), packet.Offload{}, drop.BadICMPQuote},
		{"quote of 7 bytes", portError(udp[:27]), packet.Offload{}, drop.BadICMPQuote},
		{"quote without header", portError(udp[:19]), packet.Offload{}, drop.BadICMPQuote},
		{"quoted header checksum", portError(func() []byte { b := bytes.Clone(udp); b[10]++; return b }()), packet.Offload{}, drop.BadICMPQuote},
		{"quoted IPv6", portError(append([]byte{0x60}, make([]byte, 60)...)), packet.Offload{}, drop.BadICMPQuote},
		{"quoted IHL", editICMP(portError(udp), func(b []byte) { b[8] = 0x44 }), packet.Offload{}, drop.BadICMPQuote},
		{"quoted total length", portError(edit(udp, func(b []byte) { b[3] = 27 })), packet.Offload{}, drop.BadICMPQuote},
		{"quoted later fragment", portError(packettest.Fragment(packettest.UDP(in, out, big), 8, 1000)), packet.Offload{}, drop.BadICMPQuote},
		{"quoted error", portError(portError(udp)), packet.Offload{}, drop.BadICMPQuote},
		{"quoted GRE", portError(edit(udp, func(b []byte) { b[9] = 47 })), packet.Offload{}, drop.BadICMPQuote},

		{"GSO without partial", packettest.TCP(in, out, "A", big), gso(packet.GSOTCPv4, 1400, false), drop.BadOffload},
		{"GSO size 0", packettest.TCP(in, out, "A", big), gso(packet.GSOTCPv4, 0, true), drop.BadOffload},
		{"TCP as UDP superpacket", packettest.TCP(in, out, "A", big), gso(packet.GSOUDP, 1400, true), drop.BadOffload},
		{"UDP as TCP superpacket", packettest.UDP(in, out, big), gso(packet.GSOTCPv4, 1400, true), drop.BadOffload},
		{"IPv4 as TCPv6 superpacket", packettest.TCP(in, out, "A", big), gso(packet.GSOTCPv6, 1400, true), drop.BadOffload},
		{"UDP with ECN", packettest.UDP(in, out, big), gso(packet.GSOUDP|packet.GSOECN, 1400, true), drop.BadOffload},
		{"unknown GSO", packettest.UDP(in, out, big), gso(3, 1400, true), drop.BadOffload},
		{"only ECN", packettest.TCP(in, out, "A", big), gso(packet.GSOECN, 1400, true), drop.BadOffload},
		{"partial ICMP", packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 1, nil), gso(0, 0, true), drop.BadOffload},
		{"partial ICMP error", portError(udp), gso(0, 0, true), drop.BadOffload},
		{"partial fragment", packettest.Fragment(udp, 0, 8), gso(0, 0, true), drop.BadOffload},
		{"fragment of a superpacket", packettest.Fragment(udp, 0, 8), gso(packet.GSOUDP, 4, true), drop.BadOffload},
	} {
		v := packet.View{Kind: packet.KindTCP, HeadLen: 99, TCPFlags: 1, Tuple: packet.Tuple{SrcPort: 1}}
		p := packet.Packet{Data: bytes.Clone(c.data), Offload: c.offload}
		if r := v.Decode(&p); r != c.want {
			t.Errorf("%s: %s, want %s\n\t%s", c.name, r, c.want, packettest.Line(c.data))
		}
		if v.Kind != 0 || v.HeadLen != 0 || v.TCPFlags != 0 || v.IP != nil || v.L4 != nil || v.Tuple != (packet.Tuple{}) {
			t.Errorf("%s: the view was not reset: %+v", c.name, v)
		}
	}
}

// Offsets are derived from the packet; what the sender wrote does not matter.
func TestDecodeDerivesOffload(t *testing.T) {
	lie := func(p packet.Packet) packet.Packet {
		p.Offload.HdrLen, p.Offload.CsumStart, p.Offload.CsumOffset = 1500, 9999, 77
		return p
	}
	big := packettest.Payload(3000)
	complete := packet.Packet{Data: packettest.TCP(in, out, "A", big)}
	plainECN := lie(packettest.SuperTCP(in, out, "A", big, 1448))
	plainECN.Offload.GSO |= packet.GSOECN
	for _, c := range []struct {
		name string
		p    packet.Packet
		want packet.Offload
	}{
		{"complete", complete, packet.Offload{}},
		{"complete, lies", lie(complete), packet.Offload{}},
		{"partial TCP", lie(packettest.PartialTCP(in, out, "A", big)), packet.Offload{Partial: true, CsumStart: 20, CsumOffset: 16}},
		{"partial UDP behind options", lie(packettest.PartialUDP(in, out, nil, packettest.WithIPOptions(1, 1, 1, 1))), packet.Offload{Partial: true, CsumStart: 24, CsumOffset: 6}},
		{"TSO", lie(packettest.SuperTCP(in, out, "A", big, 1448, packettest.WithTCPOptions(1, 1, 1, 1))),
			packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 1448, HdrLen: 44, Partial: true, CsumStart: 20, CsumOffset: 16}},
		{"TSO with ECN", plainECN, packet.Offload{GSO: packet.GSOTCPv4 | packet.GSOECN, GSOSize: 1448, HdrLen: 40, Partial: true, CsumStart: 20, CsumOffset: 16}},
		{"USO", lie(packettest.SuperUDP(in, out, big, 100)), packet.Offload{GSO: packet.GSOUDP, GSOSize: 100, HdrLen: 28, Partial: true, CsumStart: 20, CsumOffset: 6}},
		{"one byte more than a segment", packettest.SuperTCP(in, out, "A", big, 2999), packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 2999, HdrLen: 40, Partial: true, CsumStart: 20, CsumOffset: 16}},
		{"one segment is no superpacket", packettest.SuperTCP(in, out, "A", big, 3000), packet.Offload{Partial: true, CsumStart: 20, CsumOffset: 16}},
	} {
		var v packet.View
		if r := v.Decode(&c.p); r != drop.None {
			t.Errorf("%s: %s", c.name, r)
		}
		if d := cmp.Diff(c.want, c.p.Offload); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestVirtio(t *testing.T) {
	b := make([]byte, packet.VirtioLen)
	want := packet.Offload{GSO: packet.GSOTCPv4 | packet.GSOECN, Partial: true, GSOSize: 1448, HdrLen: 52, CsumStart: 20, CsumOffset: 16}
	want.EncodeVirtio(b)
	ne := binary.NativeEndian
	if b[0] != 1 || b[1] != 0x81 || ne.Uint16(b[2:]) != 52 || ne.Uint16(b[4:]) != 1448 || ne.Uint16(b[6:]) != 20 || ne.Uint16(b[8:]) != 16 {
		t.Errorf("layout: % x", b)
	}
	var got packet.Offload
	if r := got.DecodeVirtio(b); r != drop.None || got != want {
		t.Errorf("%s %+v", r, got)
	}
	for _, c := range []struct {
		name       string
		flags, gso byte
		want       drop.Reason
	}{
		{"DATA_VALID", 2, 0, drop.None},
		{"DATA_VALID and NEEDS_CSUM", 3, 1, drop.None},
		{"RSC_INFO", 4, 0, drop.BadOffload},
		{"unknown flag", 0x80, 0, drop.BadOffload},
		{"UFO", 1, 3, drop.BadOffload},
		{"ECN alone", 1, 0x80, drop.BadOffload},
		{"UDP with ECN", 1, 0x85, drop.BadOffload},
		{"tunnel", 1, 0x21, drop.BadOffload},
	} {
		b[0], b[1] = c.flags, c.gso
		o := packet.Offload{GSO: 1, Partial: true, GSOSize: 1, HdrLen: 2, CsumStart: 3, CsumOffset: 4}
		r := o.DecodeVirtio(b)
		if r != c.want || o.Partial != (r == drop.None && c.flags&1 != 0) || (r != drop.None && o != packet.Offload{}) {
			t.Errorf("%s: %s %+v", c.name, r, o)
		}
	}
	if r := got.DecodeVirtio(b[:9]); r != drop.BadOffload || got != (packet.Offload{}) {
		t.Errorf("9 bytes: %s %+v", r, got)
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[packet.Kind]string{packet.KindNone: "none", packet.KindTCP: "tcp", packet.KindUDP: "udp", packet.KindEcho: "echo",
		packet.KindICMPError: "icmp-error", packet.KindFragment: "fragment", 99: "unknown"} {
		if k.String() != want {
			t.Errorf("%d: %q, want %q", k, k, want)
		}
	}
}
