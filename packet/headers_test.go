package packet_test

import (
	"bytes"
	"net/netip"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// serialize lets gopacket write layers with lengths and checksums of its own.
func serialize(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var (
	testSrc = packet.Addr4(0x0a00010a) // 10.0.1.10
	testDst = packet.Addr4(0xcb00710a) // 203.0.113.10
)

func TestIPv4EncodeAgainstGopacket(t *testing.T) {
	want := serialize(t, &layers.IPv4{
		Version: 4, IHL: 5, TOS: 0xb8, Id: 0x1234, Flags: layers.IPv4MoreFragments, FragOffset: 185, TTL: 61,
		Protocol: layers.IPProtocolUDP, SrcIP: testSrc.Netip().AsSlice(), DstIP: testDst.Netip().AsSlice(),
	}, gopacket.Payload("some payload"))
	got := append([]byte(nil), want...)
	clear(got[:20])
	packet.IPv4(got).Encode(packet.IPv4Fields{TOS: 0xb8, TotalLen: len(want), ID: 0x1234, MoreFragments: true, FragmentOffset: 1480,
		TTL: 61, Protocol: packet.ProtoUDP, Src: testSrc, Dst: testDst})
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	ip, r := packet.NewIPv4(append(got, 1, 2, 3)) // as padding behind the packet
	if r != drop.None || len(ip) != len(want) {
		t.Fatalf("%s, %d bytes", r, len(ip))
	}
	if ip.HeaderLen() != 20 || ip.TotalLen() != len(want) || ip.TOS() != 0xb8 || ip.ID() != 0x1234 || ip.DontFragment() || !ip.MoreFragments() ||
		ip.FragmentOffset() != 1480 || !ip.IsFragment() || ip.TTL() != 61 || ip.Protocol() != 17 || ip.Src() != testSrc || ip.Dst() != testDst ||
		string(ip.Payload()) != "some payload" || len(ip.Options()) != 0 || ip.Checksum() == 0 {
		t.Errorf("getters disagree with what was written: % x", []byte(ip))
	}
}

func TestTCPAgainstGopacket(t *testing.T) {
	gip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: testSrc.Netip().AsSlice(), DstIP: testDst.Netip().AsSlice()}
	gtcp := &layers.TCP{SrcPort: 4000, DstPort: 80, Seq: 0xdeadbeef, Ack: 0x01020304, SYN: true, ACK: true, ECE: true, Window: 4096, Urgent: 7,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{0x05, 0xb4}}}}
	if err := gtcp.SetNetworkLayerForChecksum(gip); err != nil {
		t.Fatal(err)
	}
	want := serialize(t, gip, gtcp, gopacket.Payload("odd"))[20:]
	h, r := packet.NewTCP(want)
	if r != drop.None {
		t.Fatal(r)
	}
	mss, ok := h.MSS()
	if h.SrcPort() != 4000 || h.DstPort() != 80 || h.Seq() != 0xdeadbeef || h.Ack() != 0x01020304 || h.HeaderLen() != 28 ||
		h.Flags() != packet.TCPSyn|packet.TCPAck|packet.TCPEce || h.Window() != 4096 || h.Urgent() != 7 || string(h.Payload()) != "odd" || mss != 1460 || !ok {
		t.Errorf("getters disagree with gopacket: % x", want)
	}
	got := append([]byte(nil), want...)
	clear(got[:20])
	packet.TCP(got).Encode(packet.TCPFields{SrcPort: 4000, DstPort: 80, Seq: 0xdeadbeef, Ack: 0x01020304, HeaderLen: 28,
		Flags: packet.TCPSyn | packet.TCPAck | packet.TCPEce, Window: 4096, Urgent: 7})
	packet.TCP(got).UpdateChecksum(testSrc, testDst)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestUDPAgainstGopacket(t *testing.T) {
	gip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: testSrc.Netip().AsSlice(), DstIP: testDst.Netip().AsSlice()}
	gudp := &layers.UDP{SrcPort: 5353, DstPort: 53}
	if err := gudp.SetNetworkLayerForChecksum(gip); err != nil {
		t.Fatal(err)
	}
	want := serialize(t, gip, gudp, gopacket.Payload("query"))[20:]
	got := append([]byte(nil), want...)
	clear(got[:8])
	h := packet.UDP(got)
	h.Encode(packet.UDPFields{SrcPort: 5353, DstPort: 53, Length: len(want)})
	h.UpdateChecksum(testSrc, testDst)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if h.SrcPort() != 5353 || h.DstPort() != 53 || h.Length() != len(want) || string(h.Payload()) != "query" {
		t.Errorf("getters: % x", got)
	}
}

// A UDP checksum that computes to zero is sent as 0xffff (RFC 768).
func TestUDPChecksumZeroIsSentAsOnes(t *testing.T) {
	b := make([]byte, 10)
	h := packet.UDP(b)
	h.Encode(packet.UDPFields{SrcPort: 1, DstPort: 2, Length: 10})
	h.UpdateChecksum(testSrc, testDst)
	// The word that makes the sum minus zero is the checksum itself, in the data.
	b[8], b[9] = b[6], b[7]
	h.UpdateChecksum(testSrc, testDst)
	if h.Checksum() != 0xffff {
		t.Errorf("checksum %#04x, want 0xffff", h.Checksum())
	}
}

func TestICMPAgainstGopacket(t *testing.T) {
	want := serialize(t, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77, Seq: 3}, gopacket.Payload("ping!"))
	got := append([]byte(nil), want...)
	clear(got[:8])
	h := packet.ICMP(got)
	h.Encode(packet.ICMPFields{Type: packet.ICMPEchoRequest, Info: 77<<16 | 3})
	h.UpdateChecksum()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if h.Type() != 8 || h.Code() != 0 || h.ID() != 77 || h.Seq() != 3 || h.Info() != 77<<16|3 || !h.IsEcho() || h.IsError() || string(h.Payload()) != "ping!" {
		t.Errorf("getters: % x", got)
	}
}

func TestIPv6AndICMPv6AgainstGopacket(t *testing.T) {
	src, dst := packettest.Addr6("2001:db8::1"), packettest.Addr6("2001:db8:1:2::ff")
	gip := &layers.IPv6{Version: 6, TrafficClass: 0x2e, FlowLabel: 0xabcde, NextHeader: layers.IPProtocolICMPv6, HopLimit: 63, SrcIP: src[:], DstIP: dst[:]}
	gicmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
	if err := gicmp.SetNetworkLayerForChecksum(gip); err != nil {
		t.Fatal(err)
	}
	want := serialize(t, gip, gicmp, &layers.ICMPv6Echo{Identifier: 9, SeqNumber: 10}, gopacket.Payload("abc"))
	got := append([]byte(nil), want...)
	clear(got[:48])
	h := packet.IPv6(got)
	h.Encode(packet.IPv6Fields{TrafficClass: 0x2e, FlowLabel: 0xabcde, PayloadLen: len(want) - 40, NextHeader: packet.ProtoICMPv6, HopLimit: 63, Src: src, Dst: dst})
	m := packet.ICMPv6(h.Payload())
	m.Encode(packet.ICMPFields{Type: packet.ICMPv6EchoRequest, Info: 9<<16 | 10})
	m.UpdateChecksum(h)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	ip, r := packet.NewIPv6(append(got, 0))
	if r != drop.None || len(ip) != len(want) || ip.TrafficClass() != 0x2e || ip.FlowLabel() != 0xabcde || ip.NextHeader() != 58 || ip.HopLimit() != 63 || ip.Src() != src || ip.Dst() != dst {
		t.Errorf("%s: getters: % x", r, got)
	}
	if m.Type() != 128 || m.Code() != 0 || m.ID() != 9 || m.Seq() != 10 || !m.IsEcho() || m.IsError() || string(m.Payload()) != "abc" {
		t.Errorf("ICMPv6 getters: % x", []byte(m))
	}
}

// Each constructor refuses what is cut short or contradicts itself.
func TestConstructorsRefuse(t *testing.T) {
	ip := make([]byte, 24)
	packet.IPv4(ip).Encode(packet.IPv4Fields{TotalLen: 24, TTL: 1, Protocol: 6, Src: testSrc, Dst: testDst})
	with := func(i int, v byte) []byte { b := bytes.Clone(ip); b[i] = v; return b }
	fixed := func(b []byte) []byte { // the header checksum over 20 bytes made right
		b[10], b[11] = 0, 0
		c := packet.Checksum(b[:20], 0)
		b[10], b[11] = byte(c>>8), byte(c)
		return b
	}
	v6 := make([]byte, 44)
	packet.IPv6(v6).Encode(packet.IPv6Fields{PayloadLen: 4, Src: packettest.Addr6("::1"), Dst: packettest.Addr6("::1")})
	for _, c := range []struct {
		name string
		b    []byte
		new  func([]byte) drop.Reason
		want drop.Reason
	}{
		{"IPv4", ip, newIPv4, drop.None},
		{"IPv4 nil", nil, newIPv4, drop.TooShort},
		{"IPv4 19 bytes", ip[:19], newIPv4, drop.TooShort},
		{"IPv4 version 5", with(0, 0x55), newIPv4, drop.BadVersion},
		{"IPv4 IHL 4", with(0, 0x44), newIPv4, drop.BadHeaderLength},
		{"IPv4 IHL past the end", with(0, 0x4f), newIPv4, drop.BadHeaderLength},
		{"IPv4 total below header", fixed(with(3, 19)), newIPv4, drop.BadTotalLength},
		{"IPv4 total past the end", fixed(with(3, 25)), newIPv4, drop.BadTotalLength},
		{"IPv4 checksum", with(10, ip[10]^1), newIPv4, drop.BadHeaderChecksum},
		{"IPv6", v6, newIPv6, drop.None},
		{"IPv6 short", v6[:39], newIPv6, drop.TooShort},
		{"IPv6 version", ip, newIPv6, drop.TooShort},
		{"IPv6 version 4", append(bytes.Clone(ip), make([]byte, 20)...), newIPv6, drop.BadVersion},
		{"IPv6 payload past the end", v6[:43], newIPv6, drop.BadTotalLength},
		{"TCP short", make([]byte, 19), newTCP, drop.BadL4Length},
		{"TCP offset 4", append(make([]byte, 12), 0x40, 0, 0, 0, 0, 0, 0, 0), newTCP, drop.BadL4Length},
		{"TCP offset past the end", append(make([]byte, 12), 0x60, 0, 0, 0, 0, 0, 0, 0), newTCP, drop.BadL4Length},
		{"TCP", append(make([]byte, 12), 0x50, 0, 0, 0, 0, 0, 0, 0), newTCP, drop.None},
		{"UDP short", make([]byte, 7), newUDP, drop.BadL4Length},
		{"UDP length 0", make([]byte, 8), newUDP, drop.BadL4Length},
		{"UDP", []byte{0, 0, 0, 0, 0, 8, 0, 0}, newUDP, drop.None},
		{"UDP length less than there", []byte{0, 0, 0, 0, 0, 8, 0, 0, 0}, newUDP, drop.BadL4Length},
		{"ICMP short", make([]byte, 7), newICMP, drop.BadL4Length},
		{"ICMPv6 short", make([]byte, 7), newICMPv6, drop.BadL4Length},
	} {
		if got := c.new(c.b); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func newIPv4(b []byte) drop.Reason   { _, r := packet.NewIPv4(b); return r }
func newIPv6(b []byte) drop.Reason   { _, r := packet.NewIPv6(b); return r }
func newTCP(b []byte) drop.Reason    { _, r := packet.NewTCP(b); return r }
func newUDP(b []byte) drop.Reason    { _, r := packet.NewUDP(b); return r }
func newICMP(b []byte) drop.Reason   { _, r := packet.NewICMP(b); return r }
func newICMPv6(b []byte) drop.Reason { _, r := packet.NewICMPv6(b); return r }

// I9: after any setters the header checksum is what it would be computed anew.
func TestIPv4SettersKeepChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := make([]byte, 20)
		ip := packet.IPv4(b)
		u32, u16, u8 := rapid.Uint32(), rapid.OneOf(rapid.Uint16(), rapid.SampledFrom([]uint16{0, 0xffff})), rapid.Uint8()
		ip.Encode(packet.IPv4Fields{TOS: u8.Draw(t, "tos"), TotalLen: 20, ID: u16.Draw(t, "id"), TTL: u8.Draw(t, "ttl"), Protocol: u8.Draw(t, "proto"),
			Src: packet.Addr4(u32.Draw(t, "src")), Dst: packet.Addr4(u32.Draw(t, "dst"))})
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "which") {
			case 0:
				ip.SetSrc(packet.Addr4(u32.Draw(t, "v")))
			case 1:
				ip.SetDst(packet.Addr4(u32.Draw(t, "v")))
			case 2:
				ip.SetTTL(u8.Draw(t, "v"))
			case 3:
				ip.SetID(u16.Draw(t, "v"))
			case 4:
				ip.SetTOS(u8.Draw(t, "v"))
			case 5:
				ip.SetTotalLen(int(u16.Draw(t, "v")))
			case 6:
				df, mf, off := rapid.Bool().Draw(t, "df"), rapid.Bool().Draw(t, "mf"), rapid.IntRange(0, 0x1fff).Draw(t, "off")*8
				ip.SetFragment(df, mf, off)
				if ip.DontFragment() != df || ip.MoreFragments() != mf || ip.FragmentOffset() != off {
					t.Fatalf("fragment word: %v %v %d", ip.DontFragment(), ip.MoreFragments(), ip.FragmentOffset())
				}
			}
			got := ip.Checksum()
			ip.UpdateChecksum()
			if want := ip.Checksum(); got != want {
				t.Fatalf("updated %#04x, computed %#04x", got, want)
			}
		}
	})
}

// The setters of transport headers write their field, and nothing else: above
// all no checksum, which may be partial.
func TestL4Setters(t *testing.T) {
	tcp := packet.TCP(make([]byte, 20))
	tcp.Encode(packet.TCPFields{})
	tcp.SetSrcPort(1)
	tcp.SetDstPort(2)
	tcp.SetSeq(3)
	tcp.SetAck(4)
	tcp.SetFlags(packet.TCPFin | packet.TCPCwr)
	tcp.SetWindow(5)
	want := packet.TCP(make([]byte, 20))
	want.Encode(packet.TCPFields{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, Flags: 0x81, Window: 5})
	if d := cmp.Diff(want, tcp); d != "" || tcp.Checksum() != 0 {
		t.Error("TCP", d)
	}
	udp := packet.UDP(make([]byte, 8))
	udp.SetSrcPort(1)
	udp.SetDstPort(2)
	udp.SetLength(8)
	wantUDP := packet.UDP(make([]byte, 8))
	wantUDP.Encode(packet.UDPFields{SrcPort: 1, DstPort: 2, Length: 8})
	if d := cmp.Diff(wantUDP, udp); d != "" {
		t.Error("UDP", d)
	}
	icmp := packet.ICMPv6(make([]byte, 8))
	icmp.Encode(packet.ICMPFields{Type: packet.ICMPv6PacketTooBig, Info: 1280})
	if icmp.Info() != 1280 || !icmp.IsError() {
		t.Errorf("ICMPv6: % x", []byte(icmp))
	}
	icmp.SetID(7)
	if icmp.ID() != 7 || icmp.Checksum() != 0 {
		t.Errorf("ICMPv6: % x", []byte(icmp))
	}
	ip := packet.IPv6(make([]byte, 40))
	ip.Encode(packet.IPv6Fields{Src: packettest.Addr6("::1"), Dst: packettest.Addr6("::1")})
	ip.SetPayloadLen(9)
	ip.SetHopLimit(8)
	if ip.PayloadLen() != 9 || ip.HopLimit() != 8 || ip.NextHeader() != 0 {
		t.Errorf("IPv6: % x", []byte(ip))
	}
}

func TestAddr6(t *testing.T) {
	n := netip.MustParseAddr("2001:db8::a")
	a, ok := packet.Addr6From(n.WithZone("eth0"))
	if !ok || a != (packet.Addr6{0x20, 1, 0xd, 0xb8, 15: 10}) || a.String() != "2001:db8::a" || a.Netip() != n {
		t.Errorf("%v %v", a, ok)
	}
	for _, s := range []netip.Addr{{}, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::ffff:10.0.0.1")} {
		if a, ok := packet.Addr6From(s); ok {
			t.Errorf("%v became %v", s, a)
		}
	}
}

func TestAddr4(t *testing.T) {
	a, ok := packet.AddrFrom(netip.MustParseAddr("203.0.113.10"))
	if !ok || a != 0xCB00710A || a.String() != "203.0.113.10" || a.Netip() != netip.MustParseAddr("203.0.113.10") {
		t.Errorf("%v %v", a, ok)
	}
	if m, ok := packet.AddrFrom(netip.MustParseAddr("::ffff:203.0.113.10")); !ok || m != a {
		t.Errorf("mapped: %v %v", m, ok)
	}
	for _, s := range []netip.Addr{{}, netip.MustParseAddr("::1")} {
		if _, ok := packet.AddrFrom(s); ok {
			t.Errorf("%v taken for IPv4", s)
		}
	}
	for s, want := range map[string]bool{"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "224.0.0.1": false, "239.255.255.255": false,
		"240.0.0.1": false, "255.255.255.255": false, "10.0.0.1": true, "223.255.255.255": true, "169.254.169.254": true, "1.0.0.0": true, "128.0.0.1": true} {
		a, _ := packet.AddrFrom(netip.MustParseAddr(s))
		if a.Routable() != want {
			t.Errorf("%s routable: %v", s, !want)
		}
	}
	if !packet.Addr4(0xe0000001).IsMulticast() || packet.Addr4(0xf0000001).IsMulticast() {
		t.Error("multicast")
	}
}

func TestTuple(t *testing.T) {
	tp := packet.MakeTuple(100, packet.ProtoTCP, testSrc, 4000, testDst, 80)
	if tp.VNI() != 100 || tp.Proto() != packet.ProtoTCP {
		t.Errorf("vni %d proto %d", tp.VNI(), tp.Proto())
	}
	if got, want := tp.String(), "tcp 10.0.1.10:4000 > 203.0.113.10:80 vni 100"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := tp.Reverse().WithVNI(0).String(), "tcp 203.0.113.10:80 > 10.0.1.10:4000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if tp.Reverse().Reverse() != tp || tp.WithVNI(packet.VNIMax).VNI() != packet.VNIMax {
		t.Error("Reverse or WithVNI")
	}
	a, b := tp.Words()
	if a != 0x0000640_60a00010a || b != 0xcb00710a_0fa00050 {
		t.Errorf("words %#x %#x", a, b)
	}
	for proto, want := range map[uint8]string{1: "icmp", 17: "udp", 47: "proto-47"} {
		if s := packet.MakeTuple(0, proto, 0, 0, 0, 0).String(); s != want+" 0.0.0.0:0 > 0.0.0.0:0" {
			t.Error(s)
		}
	}
}
