package packet_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// seedPackets6 are one valid IPv6 packet of each kind.
func seedPackets6() [][]byte {
	udp, tcp := packettest.UDP6(in6, out6, packettest.Payload(33)), packettest.TCP6(in6, out6, "S", packettest.Payload(5), packettest.WithMSS(1440))
	chain := packettest.Extend(packettest.Extend(udp, routing, 0, 0, 4, 0, 0, 0, 0, 0), hopByHop, options(1)...)
	back := packettest.UDP6(out6, in6, packettest.Payload(200))
	return [][]byte{
		udp, tcp, chain, echo6(128, 1, 2, []byte("x")), echo6(129, 0, 0, make([]byte, 3)),
		packettest.Fragment6(udp, 0, 16, 7), packettest.Fragment6(udp, 16, 8, 7), packettest.Fragment6(tcp, 0, 100, 7),
		packettest.ICMP6(router6, outAddr6, 1, 4, 0, back[:48]), packettest.ICMP6(router6, outAddr6, 2, 0, 1400, back),
		packettest.ICMP6(router6, outAddr6, 3, 0, 16<<24, append(back[:128:128], 0x20, 0, 0, 0)),
		packettest.ICMP6(router6, outAddr6, 4, 0, 6, packettest.Fragment6(back, 0, 64, 7)),
		packettest.ICMP6(router6, outAddr6, 3, 1, 0, packettest.ICMP6(outAddr6, inAddr6, 128, 0, 5<<16, nil)),
	}
}

// repair6 makes lengths and checksums of fuzzed bytes right, as far as there is
// room, so that the fuzzer gets past the checks in front.
func repair6(data []byte) {
	if len(data) < packet.IPv6HeaderLen {
		return
	}
	data[0] = 6<<4 | data[0]&0xf
	ip := packet.IPv6(data)
	ip.SetPayloadLen(len(data) - packet.IPv6HeaderLen)
	var v packet.View6
	p := packet.Packet{Data: bytes.Clone(data)}
	switch r := v.Decode(&p); {
	case r == drop.BadL4Length && ip.NextHeader() == packet.ProtoUDP && len(data) >= 48:
		packet.UDP(data[40:]).SetLength(len(data) - packet.IPv6HeaderLen)
	case r == drop.BadICMPQuote && ip.NextHeader() == packet.ProtoICMPv6:
		packet.ICMPv6(data[40:]).UpdateChecksum(ip)
	}
}

// FuzzView6: no input panics, and what Decode accepts is what its comments say.
func FuzzView6(f *testing.F) {
	for _, p := range seedPackets6() {
		f.Add(p, false, uint8(0), uint16(0), false)
		f.Add(p, true, uint8(4), uint16(4), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, partial bool, gso uint8, size uint16, mend bool) {
		p := packet.Packet{Data: bytes.Clone(data), Offload: offloadOf(partial, gso, size, 9)}
		if mend {
			repair6(p.Data)
		}
		given := bytes.Clone(p.Data)
		v := packet.View6{Kind: packet.KindTCP, HeadLen: 9}
		r := v.Decode(&p)
		if !bytes.HasPrefix(given, p.Data) {
			t.Fatal("Decode changed the packet")
		}
		packettest.Line(given)
		if r != drop.None {
			if v.Kind != 0 || v.HeadLen != 0 || v.IP != nil || v.L4 != nil || v.Tuple != (packet.Tuple6{}) || v.TCPFlags != 0 {
				t.Fatalf("%s, but the view is %+v", r, v)
			}
			return
		}
		o, n, at := p.Offload, len(p.Data), len(v.IP)-len(v.L4)
		switch {
		case v.Kind == packet.KindNone, v.Tuple.VNI() != 0, len(v.IP) != n, v.IP.PayloadLen()+40 != n, at < 40, v.HeadLen < at, v.HeadLen > n:
			t.Fatalf("%+v", v)
		case v.Kind == packet.KindFragment && (v.HeadLen != at || v.Tuple.SrcPort|v.Tuple.DstPort != 0):
			t.Fatalf("fragment %+v", v)
		case o.GSO != 0 && (!o.Partial || o.GSOSize == 0 || v.HeadLen+int(o.GSOSize) >= n || int(o.HdrLen) != v.HeadLen):
			t.Fatalf("GSO %+v of %d bytes, head %d", o, n, v.HeadLen)
		case o.Partial && (int(o.CsumStart) != at || int(o.CsumOffset)+2 > len(v.L4)):
			t.Fatalf("partial %+v", o)
		}
		v.VerifyL4(&p)
		v.DecrementHopLimit()
	})
}

// FuzzTranslate: whatever is decoded is refused and left alone, or becomes a
// packet that Decode accepts as exactly what the translation said; its checksum
// is valid if it was (I9); it translates back, as the same flow.
func FuzzTranslate(f *testing.F) {
	for _, p := range append(seedPackets(), seedPackets6()...) {
		f.Add(p, false, uint8(0), uint16(0), true, uint32(0xc6336401), uint16(50000), uint16(80))
		f.Add(p, true, uint8(1), uint16(4), true, uint32(0), uint16(0), uint16(65535))
		f.Add(p, true, uint8(5), uint16(4), false, uint32(0xffffffff), uint16(1), uint16(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, partial bool, gso uint8, size uint16, mend bool, addr uint32, sport, dport uint16) {
		if len(data) == 0 || len(data) > packet.PacketMax+packet.IPv6HeaderLen {
			return
		}
		p, room := inRoom(packet.Packet{Data: data, Offload: offloadOf(partial, gso, size, 9)})
		r4 := packet.Rewrite{Src: packet.Addr4(addr), Dst: packet.Addr4(^addr), SrcPort: sport, DstPort: dport}
		r6 := packet.Rewrite6{Src: packet.Addr6{0x20, byte(addr), 15: byte(addr >> 8)}, Dst: packet.Addr6{0, 0x64, 0xff, 0x9b, 15: byte(addr >> 16)}, SrcPort: dport, DstPort: sport}
		if data[0]>>4 == 6 {
			if mend {
				repair6(p.Data)
			}
			try4(t, p, r4, r6)
			return
		}
		if mend {
			repair(p.Data)
		}
		try6(t, p, room, r4, r6)
	})
}

// try4 translates an IPv6 packet and, if that was possible, back.
func try4(t *testing.T, p packet.Packet, r4 packet.Rewrite, r6 packet.Rewrite6) {
	var v packet.View6
	if v.Decode(&p) != drop.None {
		return
	}
	given, offload, valid, kind, l4 := bytes.Clone(p.Data), p.Offload, v.VerifyL4(&p), v.Kind, v.L4
	var out packet.View
	if r := translate4(&v, &p, r4, r4, 7, &out); r != drop.None {
		if !bytes.Equal(p.Data, given) || p.Offload != offload {
			t.Fatalf("%s, but the packet changed", r)
		}
		return
	}
	isView(t, out, p)
	if kind != packet.KindFragment && out.VerifyL4(&p) != valid || out.Kind != kind {
		t.Fatalf("%s was valid: %v; %s", kind, valid, packettest.Line(p.Data))
	}
	if kind != packet.KindICMPError && (&out.L4[0] != &l4[0] || len(out.L4) != len(l4)) {
		t.Fatal("the payload moved")
	}
	if valid && kind != packet.KindFragment && p.Offload.GSO == packet.GSONone && !p.Offload.Partial {
		if err := plainCheck(p.Data, false); err != nil {
			t.Fatal(err)
		}
	}
	q, room := inRoom(p)
	again := decode(t, &q)
	var back packet.View6
	if r := translate6(&again, &q, room, r6, r6, &back); r != drop.None && kind != packet.KindICMPError {
		t.Fatalf("there, but not back: %s: %s", r, packettest.Line(p.Data))
	} else if r == drop.None {
		isView6(t, back, q)
	}
}

// try6 translates an IPv4 packet and, if that was possible, back.
func try6(t *testing.T, p packet.Packet, room []byte, r4 packet.Rewrite, r6 packet.Rewrite6) {
	behind := bytes.Clone(room[:cap(room)][len(room)+len(p.Data):])
	whole := len(p.Data)
	var v packet.View
	if v.Decode(&p) != drop.None {
		return
	}
	given, offload, valid, kind, l4 := bytes.Clone(p.Data), p.Offload, v.VerifyL4(&p), v.Kind, v.L4
	// An echo reply of zeros alone, checksum included, is wrong, but by the form of
	// zero only, which a pseudo header ends.
	nothing := kind == packet.KindEcho && len(bytes.Trim(l4, "\x00")) == 0
	var out packet.View6
	r := translate6(&v, &p, room, r6, r6, &out)
	if !bytes.Equal(room[:cap(room)][len(room)+whole:], behind) {
		t.Fatal("bytes behind the packet changed")
	}
	if r != drop.None {
		if !bytes.Equal(p.Data, given) || p.Offload != offload {
			t.Fatalf("%s, but the packet changed", r)
		}
		return
	}
	isView6(t, out, p)
	if kind != packet.KindFragment && out.VerifyL4(&p) != (valid || nothing) || out.Kind != kind {
		t.Fatalf("%s was valid: %v; %s", kind, valid, packettest.Line(p.Data))
	}
	if kind != packet.KindICMPError && len(l4) > 0 && (&out.L4[0] != &l4[0] || len(out.L4) != len(l4)) {
		t.Fatal("the payload moved")
	}
	if valid && kind != packet.KindFragment && p.Offload.GSO == packet.GSONone && !p.Offload.Partial {
		if err := plainCheck(p.Data, false); err != nil {
			t.Fatal(err)
		}
	}
	var back packet.View
	q, _ := inRoom(p)
	again := decode6(t, &q)
	if r := translate4(&again, &q, r4, r4, 7, &back); r != drop.None && kind != packet.KindICMPError {
		t.Fatalf("there, but not back: %s: %s", r, packettest.Line(p.Data))
	} else if r == drop.None {
		isView(t, back, q)
	}
}

// FuzzTranslate's checks over good packets with a few bytes, the length and the
// metadata changed: see TestMutatedSuperpackets.
func TestMutatedTranslations(t *testing.T) {
	good := append(seedPackets(), seedPackets6()...)
	rng := rand.New(rand.NewPCG(6, 4))
	for range 30000 {
		data := bytes.Clone(good[rng.IntN(len(good))])
		for range rng.IntN(4) {
			data[rng.IntN(min(len(data), 140))] = byte(rng.Uint32())
		}
		if rng.IntN(4) == 0 {
			data = data[:1+rng.IntN(len(data))]
		}
		p, room := inRoom(packet.Packet{Data: data})
		switch rng.IntN(4) {
		case 0:
			p.Offload = offloadOf(true, uint8(rng.IntN(6)), uint16(rng.IntN(40)), 9)
		case 1:
			p.Offload.Partial = true
		}
		r4 := packet.Rewrite{Src: packet.Addr4(rng.Uint32()), SrcPort: uint16(rng.Uint32())}
		r6 := packet.Rewrite6{Src: packet.Addr6{0x20, byte(rng.Uint32())}, DstPort: uint16(rng.Uint32())}
		mend := rng.IntN(4) > 0
		if data[0]>>4 == 6 {
			if mend {
				repair6(p.Data)
			}
			try4(t, p, r4, r6)
			continue
		}
		if mend {
			repair(p.Data)
		}
		try6(t, p, room, r4, r6)
	}
}
