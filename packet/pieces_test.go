package packet_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

const (
	superFrom = "10.0.1.10:40000"
	superTo   = "203.0.113.10:80"

	superFrom6 = "[2001:db8::10]:40000"
	superTo6   = "[2001:db8:1::10]:80"
)

// Cutting into single segments gives, byte for byte, the segments that the superpacket stands for; and cutting in two
// steps gives the same as cutting in one.
func TestPiecesAreTheSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, 128, formIPv4, formIPv6, formExtended)
		samePackets(t, cut(t, s.x, s.headLen+s.mss), s.segments)

		maxIP := rapid.IntRange(s.headLen+s.mss, packet.PacketMax).Draw(t, "max IP")
		var twice []packet.Packet
		for _, p := range cut(t, s.x, maxIP) {
			twice = append(twice, cut(t, p, s.headLen+s.mss)...)
		}
		samePackets(t, twice, s.segments)
	})
}

// Every piece fits, is valid as its metadata declares, decodes, and all but the last are equally long.
func TestPiecesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, 128, formIPv4, formIPv6, formExtended)
		maxIP := rapid.IntRange(s.headLen+s.mss, packet.PacketMax).Draw(t, "max IP")
		pieces := cut(t, s.x, maxIP)
		for i, p := range pieces {
			if len(p.Data) > maxIP {
				t.Fatalf("piece %d is %d bytes, more than %d", i, len(p.Data), maxIP)
			}
			if i < len(pieces)-1 && len(p.Data) != len(pieces[0].Data) || len(p.Data) > len(pieces[0].Data) {
				t.Fatalf("piece %d is %d bytes, the first %d", i, len(p.Data), len(pieces[0].Data))
			}
			if len(pieces) > 1 && i < len(pieces)-1 && (len(p.Data)-s.headLen)%s.mss != 0 {
				t.Fatalf("piece %d holds a part of a segment", i)
			}
			if err := judge(p); err != nil {
				t.Fatalf("piece %d: %v", i, err)
			}
			if p.Offload.GSO == packet.GSONone {
				f := finished(t, p)
				if err := judge(f); err != nil {
					t.Fatalf("finished piece %d: %v", i, err)
				}
				if err := judgeByGopacket(f.Data); err != nil {
					t.Fatalf("finished piece %d: gopacket: %v", i, err)
				}
			}
		}
	})
}

// A packet that fits comes out untouched, whatever it is.
func TestPiecesPassWholePackets(t *testing.T) {
	for name, p := range map[string]packet.Packet{
		"tcp":          {Data: packettest.TCP(superFrom, superTo, "SA", nil)},
		"udp":          {Data: packettest.UDP(superFrom, superTo, []byte("x"), packettest.WithoutUDPChecksum())},
		"partial":      packettest.PartialTCP(superFrom, superTo, "A", []byte("x")),
		"superpacket":  packettest.SuperTCP(superFrom, superTo, "SA", packettest.Payload(3000), 1000),
		"echo":         {Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, []byte("x"))},
		"tcp6":         {Data: packettest.TCP6(superFrom6, superTo6, "SA", nil)},
		"udp6":         {Data: packettest.UDP6(superFrom6, superTo6, []byte("x"))},
		"superpacket6": packettest.SuperTCP6(superFrom6, superTo6, "SA", packettest.Payload(3000), 1000),
		"fragment6":    {Data: packettest.Fragment6(packettest.UDP6(superFrom6, superTo6, packettest.Payload(100)), 8, 16, 1)},
		"fragment":     {Data: packettest.Fragment(packettest.UDP(superFrom, superTo, packettest.Payload(100)), 8, 16)},
	} {
		t.Run(name, func(t *testing.T) {
			decoded(t, &p)
			samePackets(t, cut(t, p, len(p.Data)), []packet.Packet{p})
		})
	}
}

func TestPiecesRefuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     packet.Packet
		maxIP int
		want  drop.Reason
	}{
		{"an ordinary packet that does not fit", packet.Packet{Data: packettest.TCP(superFrom, superTo, "A", packettest.Payload(1000))}, 1039, drop.TooBig},
		{"a segment that does not fit", packettest.SuperTCP(superFrom, superTo, "A", packettest.Payload(3000), 1000), 1039, drop.TooBig},
		{"less room than the header", packettest.SuperTCP(superFrom, superTo, "A", packettest.Payload(3000), 1000), 39, drop.TooBig},
		{"no room", packettest.SuperUDP(superFrom, superTo, packettest.Payload(3000), 1000), -1, drop.TooBig},
		{"SYN", packettest.SuperTCP(superFrom, superTo, "SA", packettest.Payload(3000), 1000), 1500, drop.BadOffload},
		{"RST", packettest.SuperTCP(superFrom, superTo, "RA", packettest.Payload(3000), 1000), 1500, drop.BadOffload},
		{"IPv6: an ordinary packet that does not fit", packet.Packet{Data: packettest.TCP6(superFrom6, superTo6, "A", packettest.Payload(1000))}, 1059, drop.TooBig},
		{"IPv6: a segment that does not fit", packettest.SuperTCP6(superFrom6, superTo6, "A", packettest.Payload(3000), 1000), 1059, drop.TooBig},
		{"IPv6: no room", packettest.SuperUDP6(superFrom6, superTo6, packettest.Payload(3000), 1000), 47, drop.TooBig},
		{"IPv6: SYN", packettest.SuperTCP6(superFrom6, superTo6, "SA", packettest.Payload(3000), 1000), 1500, drop.BadOffload},
		{"IPv6: headers of 124 bytes", long6(24), 1500, drop.BadOffload},
		{"URG", packettest.SuperTCP(superFrom, superTo, "AU", packettest.Payload(3000), 1000), 1500, drop.BadOffload},
	} {
		t.Run(c.name, func(t *testing.T) {
			var plan packet.Pieces
			decoded(t, &c.p)
			if r := plan.Plan(&c.p, c.maxIP); r != c.want {
				t.Errorf("got %v, want %v", r, c.want)
			}
			if n, _, _ := plan.Piece(0, make([]byte, packet.HeadMax)); plan.N() != 0 || n != 0 {
				t.Errorf("%d pieces, the first %d bytes, after a refusal", plan.N(), n)
			}
		})
	}
}

// long6 is a superpacket of the longest TCP header behind n bytes of destination options, a multiple of 8.
func long6(n int) packet.Packet {
	p := packettest.SuperTCP6(superFrom6, superTo6, "A", packettest.Payload(3000), 1000, packettest.WithTCPOptions(bytes.Repeat([]byte{1}, 40)...))
	options := make([]byte, n) // Pad1
	options[1] = byte(n/8 - 1)
	p.Data = packettest.Extend(p.Data, 60, options...)
	return p
}

// An Offload that nobody derived is refused where it contradicts the packet, and never followed out of it.
func TestPiecesDistrustOffload(t *testing.T) {
	for name, good := range map[string]packet.Packet{
		"IPv4": packettest.SuperTCP(superFrom, superTo, "A", packettest.Payload(3000), 1000),
		"IPv6": packettest.SuperTCP6(superFrom6, superTo6, "A", packettest.Payload(3000), 1000),
	} {
		decoded(t, &good)
		for i, change := range []func(o *packet.Offload){
			func(o *packet.Offload) { *o = packet.Offload{GSO: o.GSO, GSOSize: o.GSOSize, Partial: true} },
			func(o *packet.Offload) { o.Partial = false },
			func(o *packet.Offload) { o.GSOSize = 0 },
			func(o *packet.Offload) { o.CsumStart = 19 },
			func(o *packet.Offload) { o.CsumStart = o.HdrLen },
			func(o *packet.Offload) { o.HdrLen = o.CsumStart + 64 },
			func(o *packet.Offload) { o.HdrLen, o.CsumStart = 65535, 65515 },
			func(o *packet.Offload) { o.HdrLen, o.CsumStart = 124, 104 },
			func(o *packet.Offload) { o.GSO = packet.GSOUDP },
			func(o *packet.Offload) { o.GSO ^= packet.GSOTCPv4 ^ packet.GSOTCPv6 },
			func(o *packet.Offload) { o.GSO = 3 },
		} {
			p := good
			change(&p.Offload)
			var c packet.Pieces
			if r := c.Plan(&p, 1500); r != drop.BadOffload || c.N() != 0 {
				t.Errorf("%s, change %d: %v, %d pieces of %+v", name, i, r, c.N(), p.Offload)
			}
		}
	}
}

// What a caller may get wrong gives nothing, and a reused plan keeps nothing of the packet before.
func TestPiecesMisuse(t *testing.T) {
	p := packettest.SuperTCP(superFrom, superTo, "A", packettest.Payload(3000), 1000)
	var c packet.Pieces
	if n, _, _ := c.Piece(0, make([]byte, packet.HeadMax)); n != 0 {
		t.Error("a piece without a plan")
	}
	if r := c.Plan(new(packet.Packet), 1500); r != drop.TooShort {
		t.Errorf("no packet: %v", r)
	}
	decoded(t, &p)
	if r := c.Plan(&p, 1500); r != drop.None || c.N() != 3 {
		t.Fatalf("%v, %d pieces", r, c.N())
	}
	for _, i := range []int{-1, 3} {
		if n, _, _ := c.Piece(i, make([]byte, packet.HeadMax)); n != 0 {
			t.Errorf("piece %d", i)
		}
	}
	if n, _, _ := c.Piece(0, make([]byte, 39)); n != 0 {
		t.Error("a piece in a buffer that is too short")
	}
	small := packet.Packet{Data: packettest.UDP(superFrom, superTo, nil)}
	if r := c.Plan(&small, 1500); r != drop.None || c.N() != 1 {
		t.Fatalf("%v, %d pieces", r, c.N())
	}
	samePackets(t, cut(t, small, 1500), []packet.Packet{small})
}

func TestPiecesAllocateNothing(t *testing.T) {
	for _, p := range []packet.Packet{
		packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(45*1428), 1428),
		packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(45*1428), 1428),
	} {
		decoded(t, &p)
		var c packet.Pieces
		head := make([]byte, packet.HeadMax)
		if n := testing.AllocsPerRun(100, func() {
			c.Plan(&p, 1500)
			for i := range c.N() {
				c.Piece(i, head)
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// No input panics; what is cut fits, holds every byte once, and each piece decodes to itself.
func FuzzPieces(f *testing.F) {
	f.Add(packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(3000), 1000).Data, uint8(packet.GSOTCPv4), uint16(1000), true, 1500)
	f.Add(packettest.SuperUDP(superFrom, superTo, packettest.Payload(300), 100).Data, uint8(packet.GSOUDP), uint16(100), true, 128)
	f.Add(packettest.UDP(superFrom, superTo, nil), uint8(0), uint16(0), false, 28)
	f.Add(packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(3000), 1000).Data, uint8(packet.GSOTCPv6), uint16(1000), true, 1500)
	f.Add(packettest.SuperUDP6(superFrom6, superTo6, packettest.Payload(300), 100).Data, uint8(packet.GSOUDP), uint16(100), true, 160)
	f.Add(long6(8).Data, uint8(packet.GSOTCPv6), uint16(1000), true, 1500)
	f.Fuzz(tryPieces)
}

func tryPieces(t *testing.T, data []byte, gso uint8, size uint16, partial bool, maxIP int) {
	p := packet.Packet{Data: mend(data), Offload: packet.Offload{GSO: packet.GSOType(gso), GSOSize: size, Partial: partial}}
	if !accepts(&p) {
		return
	}
	var c packet.Pieces
	if c.Plan(&p, maxIP) != drop.None {
		return
	}
	var payload []byte
	for i := range c.N() {
		head := make([]byte, packet.HeadMax)
		n, body, off := c.Piece(i, head)
		if n == 0 || n+len(body) > maxIP {
			t.Fatalf("piece %d: %d + %d bytes for %d", i, n, len(body), maxIP)
		}
		payload = append(payload, body...)
		q := packet.Packet{Data: append(head[:n], body...), Offload: off}
		if decoded(t, &q); q.Offload != off {
			t.Fatalf("piece %d: %+v decodes to %+v", i, off, q.Offload)
		}
		if c.N() > 1 {
			must(t, judge(q))
		}
	}
	if !bytes.Equal(payload, p.Data[len(p.Data)-len(payload):]) || c.N() > 1 && len(payload) != len(p.Data)-int(p.Offload.HdrLen) {
		t.Fatal("the pieces do not hold the payload")
	}
}

func BenchmarkPieces(b *testing.B) {
	for _, c := range []struct {
		name string
		p    packet.Packet
	}{
		{"TCP45", packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(45*1448), 1448, packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))},
		{"UDP64", packettest.SuperUDP(superFrom, superTo, packettest.Payload(64*64), 64)},
		{"TCP45v6", packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(45*1428), 1428, packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))},
	} {
		b.Run(c.name, func(b *testing.B) {
			decoded(b, &c.p)
			var plan packet.Pieces
			head := make([]byte, packet.HeadMax)
			maxIP := int(c.p.Offload.HdrLen + c.p.Offload.GSOSize)
			b.SetBytes(int64(len(c.p.Data)))
			b.ReportAllocs()
			for b.Loop() {
				plan.Plan(&c.p, maxIP)
				for i := range plan.N() {
					plan.Piece(i, head)
				}
			}
		})
	}
}
