package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// seedPackets are one valid packet of each kind.
func seedPackets() [][]byte {
	udp := packettest.UDP(in, out, packettest.Payload(33))
	tcp := packettest.TCP(in, out, "S", packettest.Payload(5), packettest.WithTCPOptions(1, 2, 4, 0x05, 0xb4))
	return [][]byte{
		udp, tcp,
		packettest.UDP(in, out, nil, packettest.WithoutUDPChecksum(), packettest.WithIPOptions(7, 7, 4, 0, 0, 0, 0)),
		packettest.UDP(in, out, nil, packettest.WithIPOptions(131, 7, 4, 0, 0, 0, 0)),
		packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, []byte("x")),
		packettest.EchoReply("10.0.1.10", "203.0.113.10", 0, 0, make([]byte, 3)),
		portError(udp), portError(tcp[:28]),
		portError(packettest.EchoReply("10.0.1.10", "203.0.113.10", 3, 0, nil)),
		packettest.Fragment(udp, 8, 16),
		append([]byte{0x60}, make([]byte, 60)...),
	}
}

// offloadOf makes metadata of four fuzzed numbers.
func offloadOf(partial bool, gso uint8, size, start uint16) packet.Offload {
	return packet.Offload{GSO: packet.GSOType(gso), Partial: partial, GSOSize: size, HdrLen: start, CsumStart: start, CsumOffset: size}
}

// repair makes lengths and checksums of fuzzed bytes right, as far as there is
// room, so that the fuzzer gets past the checks in front.
func repair(data []byte) {
	if len(data) < 20 {
		return
	}
	data[0] = 4<<4 | data[0]&0xf
	ip := packet.IPv4(data)
	if hl := ip.HeaderLen(); hl < 20 || hl > len(data) {
		data[0] = 4<<4 | 5
	}
	data[2], data[3] = byte(len(data)>>8), byte(len(data))
	ip.UpdateChecksum()
	l4 := data[ip.HeaderLen():]
	switch {
	case len(l4) < 8:
	case ip.Protocol() == packet.ProtoUDP:
		packet.UDP(l4).SetLength(len(l4))
	case ip.Protocol() == packet.ProtoICMP:
		if q := l4[8:]; len(q) >= 20 && packet.ICMP(l4).IsError() {
			if hl := packet.IPv4(q).HeaderLen(); hl >= 20 && hl <= len(q) {
				packet.IPv4(q).UpdateChecksum()
			}
		}
		packet.ICMP(l4).UpdateChecksum()
	}
}

// FuzzDecode: no input panics, and what Decode accepts is what its comments say.
func FuzzDecode(f *testing.F) {
	for _, p := range seedPackets() {
		f.Add(p, false, uint8(0), uint16(0), uint16(0), false)
		f.Add(p, true, uint8(1), uint16(4), uint16(40), true)
		f.Add(p, true, uint8(5), uint16(4), uint16(28), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, partial bool, gso uint8, size, start uint16, mend bool) {
		if len(data) > packet.PacketMax {
			return
		}
		p := packet.Packet{Data: bytes.Clone(data), Offload: offloadOf(partial, gso, size, start)}
		if mend {
			repair(p.Data)
		}
		given := bytes.Clone(p.Data)
		v := packet.View{Kind: packet.KindTCP, HeadLen: 9, Tuple: packet.Tuple{Src: 1}}
		r := v.Decode(&p)
		if !bytes.HasPrefix(given, p.Data) {
			t.Fatal("Decode changed the packet")
		}
		packettest.Line(given)
		if r != drop.None {
			if v.Kind != 0 || v.HeadLen != 0 || v.IP != nil || v.L4 != nil || v.Tuple != (packet.Tuple{}) || v.TCPFlags != 0 {
				t.Fatalf("%s, but the view is %+v", r, v)
			}
			return
		}
		o, n := p.Offload, len(p.Data)
		ipLen := v.IP.HeaderLen()
		switch {
		case v.Kind == packet.KindNone, v.Tuple.VNI() != 0, len(v.IP) != n, v.IP.TotalLen() != n, len(v.L4) != n-ipLen, v.HeadLen < ipLen, v.HeadLen > n:
			t.Fatalf("%+v", v)
		case v.Kind == packet.KindFragment && (v.HeadLen != ipLen || v.Tuple.SrcPort|v.Tuple.DstPort != 0):
			t.Fatalf("fragment %+v", v)
		case o.GSO != 0 && (!o.Partial || o.GSOSize == 0 || v.HeadLen+int(o.GSOSize) >= n || int(o.HdrLen) != v.HeadLen):
			t.Fatalf("GSO %+v of %d bytes, head %d", o, n, v.HeadLen)
		case o.GSO == 0 && (o.GSOSize != 0 || o.HdrLen != 0):
			t.Fatalf("no GSO, but %+v", o)
		case o.Partial && (int(o.CsumStart) != ipLen || int(o.CsumOffset)+2 > len(v.L4)):
			t.Fatalf("partial %+v", o)
		case !o.Partial && o.CsumStart|o.CsumOffset != 0:
			t.Fatalf("complete, but %+v", o)
		}
	})
}

// FuzzRewrite: translated there and back gives the original (I2), whatever the
// checksums were, except that a checksum of 0xffff may come back as 0x0000, the
// other form of zero; valid checksums stay valid (I9); nothing panics.
func FuzzRewrite(f *testing.F) {
	for _, p := range seedPackets() {
		f.Add(p, false, true, uint32(0xc6336401), uint32(0xcb00710a), uint16(50000), uint16(80))
		f.Add(p, true, true, uint32(0), uint32(0xffffffff), uint16(0), uint16(65535))
	}
	f.Fuzz(func(t *testing.T, data []byte, partial, mend bool, src, dst uint32, sport, dport uint16) {
		if len(data) > packet.PacketMax {
			return
		}
		p := packet.Packet{Data: bytes.Clone(data), Offload: packet.Offload{Partial: partial}}
		if mend {
			repair(p.Data)
		}
		var v packet.View
		if v.Decode(&p) != drop.None || v.Kind == packet.KindFragment {
			return
		}
		if len(bytes.Trim(v.L4, "\x00")) == 0 {
			return // a sum of nothing but zeros, of which 0x0000 is no valid checksum and 0xffff is
		}
		original := bytes.Clone(p.Data)
		before, valid := v.Tuple, v.VerifyL4(&p)
		outerBefore := packet.Rewrite{Src: v.IP.Src(), Dst: v.IP.Dst()}
		r := packet.Rewrite{Src: packet.Addr4(src), Dst: packet.Addr4(dst), SrcPort: sport, DstPort: dport}

		translate(&v, &p, packet.Rewrite{Src: packet.Addr4(dst), Dst: packet.Addr4(src)}, r)
		w := packet.View{}
		if reason := w.Decode(&p); reason != drop.None || w.Kind != v.Kind || w.Tuple != v.Tuple || w.Tuple.Src != r.Src || w.Tuple.Dst != r.Dst {
			t.Fatalf("%s: view %+v, decoded %+v", reason, v, w)
		}
		if w.VerifyL4(&p) != valid {
			t.Fatalf("checksum was valid: %v, and is: %v: %s", valid, !valid, packettest.Line(p.Data))
		}
		translate(&w, &p, outerBefore, rewriteOf(before))
		if i := differs(p.Data, original); i >= 0 {
			t.Fatalf("there and back differs at %d:\n% x\n% x", i, p.Data, original)
		}
		q := packet.Packet{Data: p.Data, Offload: p.Offload}
		w.DecrementTTL()
		w.ClampMSS(&q, 536)
		if w.VerifyL4(&q) != valid {
			t.Fatal("ClampMSS broke the checksum")
		}
		if q.FinishChecksum(&w); q.Offload.Partial || partial && !w.VerifyL4(&q) {
			t.Fatal("FinishChecksum")
		}
	})
}

// differs returns where two packets differ other than by the form of a zero
// word, or -1. Words under test lie at even offsets of the packet.
func differs(a, b []byte) int {
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	for i := 0; i < len(a); i += 2 {
		x, y := a[i:min(i+2, len(a))], b[i:min(i+2, len(b))]
		if !bytes.Equal(x, y) && !(zeroWord(x) && zeroWord(y)) {
			return i
		}
	}
	return -1
}

func zeroWord(b []byte) bool {
	return len(b) == 2 && b[0] == b[1] && (b[0] == 0 || b[0] == 0xff)
}

// FuzzTunnel: no input panics; what is accepted survives being written again.
func FuzzTunnel(f *testing.F) {
	good := encoded(testTunnel)
	f.Add(good)
	f.Add(good[:12])
	f.Add(append(append([]byte{8}, good[1:8]...), append(bytes.Repeat([]byte{1, 8, 1, 0}, 4), good[8:]...)...))
	f.Add(append(encoded(testTunnel6), 0x60))
	chained := encoded(testChain)
	f.Add(chained)
	f.Add(append(append(bytes.Clone(chained[:8]), chained[24:]...), chained[8:24]...))
	f.Add(append(encoded(testControl), "payload"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := testChain
		n, r := got.Decode(data)
		if r != drop.None {
			if n != 0 || got != (packet.Tunnel{}) {
				t.Fatalf("%s, but %d %+v", r, n, got)
			}
			return
		}
		if n < got.Len() || n > len(data) || got.VNI > packet.VNIMax || (got.Chain != nil) != (got.Stage == packet.StageChain) {
			t.Fatalf("%d of %d bytes, %+v", n, len(data), got)
		}
		var again packet.Tunnel
		if m, r := again.Decode(encoded(got)); m != got.Len() || r != drop.None || !same(again, got) {
			t.Fatalf("%s %+v, want %+v", r, again, got)
		}
	})
}

// FuzzVirtio: no input panics; what is accepted survives being written again.
func FuzzVirtio(f *testing.F) {
	f.Add([]byte{1, 1, 52, 0, 0xa8, 5, 20, 0, 16, 0})
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		got := packet.Offload{GSO: 1, Partial: true}
		if r := got.DecodeVirtio(data); r != drop.None {
			if got != (packet.Offload{}) {
				t.Fatalf("%s, but %+v", r, got)
			}
			return
		}
		b := make([]byte, packet.VirtioLen)
		got.EncodeVirtio(b)
		var again packet.Offload
		if r := again.DecodeVirtio(b); r != drop.None || again != got {
			t.Fatalf("%s %+v, want %+v", r, again, got)
		}
	})
}

// FuzzHeaders: the checked constructors accept nothing whose accessors panic.
func FuzzHeaders(f *testing.F) {
	for _, p := range seedPackets() {
		f.Add(p)
		f.Add(p[20:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, r := packet.NewIPv4(data); r == drop.None {
			if len(h.Options())+packet.IPv4HeaderLen+len(h.Payload()) != len(h) {
				t.Fatal("IPv4 parts do not add up")
			}
		}
		if h, r := packet.NewIPv6(data); r == drop.None {
			if packet.IPv6HeaderLen+len(h.Payload()) != len(h) || h.Src() != packet.Addr6(h[8:24]) || h.Dst() != packet.Addr6(h[24:40]) {
				t.Fatal("IPv6 parts do not add up")
			}
		}
		if h, r := packet.NewTCP(data); r == drop.None {
			h.MSS()
			if packet.TCPHeaderLen+len(h.Options())+len(h.Payload()) != len(h) {
				t.Fatal("TCP parts do not add up")
			}
		}
		if h, r := packet.NewUDP(data); r == drop.None && h.Length() != len(h) {
			t.Fatal("UDP length")
		}
		if h, r := packet.NewICMP(data); r == drop.None && h.IsEcho() && h.IsError() {
			t.Fatal("ICMP is both")
		}
		if h, r := packet.NewICMPv6(data); r == drop.None && h.IsEcho() && h.IsError() {
			t.Fatal("ICMPv6 is both")
		}
	})
}
