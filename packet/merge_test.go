package packet_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// Merge(Pieces(x)) == x, byte for byte: TCP and UDP, options, ECN, PSH and FIN, any largest length.
func TestMergeIsTheInverseOfPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, packet.MergeUDPSegmentsMax, formIPv4, formIPv6)
		maxIP := rapid.IntRange(s.headLen+s.mss, packet.PacketMax).Draw(t, "max IP")
		got := merge(t, cut(t, s.x, maxIP))
		samePackets(t, got, []packet.Packet{s.x})
		if err := judge(got[0]); err != nil {
			t.Fatal(err)
		}
	})
}

// The same where the checksums are complete: they are verified and become partial.
func TestMergeVerifiesCompleteChecksums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, packet.MergeUDPSegmentsMax, formIPv4, formIPv6)
		var complete []packet.Packet
		for _, p := range s.segments {
			complete = append(complete, finished(t, p))
		}
		samePackets(t, merge(t, clonePackets(complete)), []packet.Packet{s.x})

		// A wrong one, wherever it stands, is never part of a superpacket and comes out as it came.
		bad := rapid.IntRange(0, len(complete)-1).Draw(t, "bad")
		at := rapid.IntRange(s.headLen, len(complete[bad].Data)-1).Draw(t, "at")
		complete[bad].Data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		for _, p := range merge(t, clonePackets(complete)) {
			if bytes.Equal(p.Data, complete[bad].Data) && p.Offload == complete[bad].Offload {
				return
			}
		}
		t.Fatalf("the packet with a wrong checksum did not come out alone")
	})
}

// Whatever Merge makes of a random stream, cutting it again gives the stream: nothing is lost, changed or reordered.
func TestMergeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in []packet.Packet
		six := rapid.Bool().Draw(t, "six")
		seq, id := rapid.Uint32().Draw(t, "seq"), uint16(0)
		for range rapid.IntRange(1, 30).Draw(t, "packets") {
			// Mostly what continues, sometimes not.
			odd := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) == 0 }
			size := 100
			if odd("size") {
				size = rapid.IntRange(0, 120).Draw(t, "bytes")
			}
			if odd("gap") {
				seq++
			}
			opts := []packettest.Option{packettest.WithSeq(seq), packettest.WithID(id)}
			if odd("window") {
				opts = append(opts, packettest.WithWindow(7))
			}
			if odd("id") {
				id += 3
			}
			flags := "A"
			if odd("flags") {
				flags += string("FSRPUEC"[rapid.IntRange(0, 6).Draw(t, "flag")])
			}
			if odd("flow label") {
				opts = append(opts, packettest.WithFlowLabel(9))
			}
			p := packettest.PartialTCP(superFrom, superTo, flags, packettest.Payload(size), opts...)
			switch udp := odd("udp"); {
			case six && udp || odd("six"):
				p = packettest.SuperUDP6(superFrom6, superTo6, packettest.Payload(size), 0, append(opts, packettest.WithPartial())...)
			case six:
				p = packettest.SuperTCP6(superFrom6, superTo6, flags, packettest.Payload(size), 0, append(opts, packettest.WithPartial())...)
			case udp:
				p = packettest.PartialUDP(superFrom, superTo, packettest.Payload(size), opts...)
			}
			if p.Data[0]>>4 == 6 && odd("extension") {
				p.Data = packettest.Extend(p.Data, 60, 0, 0, 1, 4, 0, 0, 0, 0)
			}
			decoded(t, &p)
			in = append(in, p)
			seq, id = seq+uint32(size), id+1
		}
		var again []packet.Packet
		for _, p := range merge(t, clonePackets(in)) {
			if err := judge(p); err != nil {
				t.Fatal(err)
			}
			if p.Offload.GSO == packet.GSONone {
				again = append(again, p)
			} else {
				again = append(again, cut(t, p, int(p.Offload.HdrLen+p.Offload.GSOSize))...)
			}
		}
		samePackets(t, again, in)
	})
}

// One difference each, and whether the second packet still continues the first.
func TestMergeConditions(t *testing.T) {
	body := packettest.Payload(100)
	base := []packettest.Option{packettest.WithSeq(1000), packettest.WithID(5), packettest.WithTCPOptions(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2)}
	next := func(o ...packettest.Option) []packettest.Option {
		return append(append(append([]packettest.Option{}, base...), packettest.WithSeq(1100), packettest.WithID(6)), o...)
	}
	tcp := func(flags string, body []byte, o []packettest.Option) packet.Packet {
		return packettest.PartialTCP(superFrom, superTo, flags, body, o...)
	}
	first := func() packet.Packet { return tcp("A", body, base) }
	udp := func(o ...packettest.Option) packet.Packet {
		return packettest.PartialUDP(superFrom, superTo, body, o...)
	}
	tcp6 := func(flags string, body []byte, o []packettest.Option) packet.Packet {
		return packettest.SuperTCP6(superFrom6, superTo6, flags, body, 0, append(o[:len(o):len(o)], packettest.WithPartial())...)
	}
	first6 := func() packet.Packet { return tcp6("A", body, base) }
	udp6 := func(o ...packettest.Option) packet.Packet {
		return packettest.SuperUDP6(superFrom6, superTo6, body, 0, append(o, packettest.WithPartial())...)
	}
	extended := func(p packet.Packet) packet.Packet {
		p.Data = packettest.Extend(p.Data, 60, 0, 0, 1, 4, 0, 0, 0, 0)
		return p
	}
	edit6 := func(p packet.Packet, at int, v byte) packet.Packet {
		decoded(t, &p)
		p.Data[at] = v
		return p
	}
	edit := func(p packet.Packet, at int, v byte) packet.Packet {
		viewOf(t, &p)
		p.Data[at] = v
		packet.IPv4(p.Data).UpdateChecksum()
		return p
	}
	for _, c := range []struct {
		name          string
		first, second packet.Packet
		want          bool
	}{
		{"continues", first(), tcp("A", body, next()), true},
		{"shorter", first(), tcp("A", body[:99], next()), true},
		{"PSH", first(), tcp("AP", body, next()), true},
		{"FIN", first(), tcp("AF", body, next()), true},
		{"CWR on the first", tcp("AC", body, base), tcp("A", body, next()), true},
		{"DF, other ids", tcp("A", body, append(base, packettest.WithDF())), tcp("A", body, next(packettest.WithID(0), packettest.WithDF())), true},
		{"superpackets", packettest.SuperTCP(superFrom, superTo, "A", body, 50, base...), packettest.SuperTCP(superFrom, superTo, "AP", body, 50, next(packettest.WithID(7))...), true},
		{"superpacket and segment", packettest.SuperTCP(superFrom, superTo, "A", body, 50, base...), tcp("A", body[:50], next(packettest.WithID(7))), true},
		{"longer", first(), tcp("A", packettest.Payload(101), next()), false},
		{"no payload", first(), tcp("A", nil, next()), false},
		{"after no payload", tcp("A", nil, base), tcp("A", body, next(packettest.WithSeq(1000))), false},
		{"after PSH", tcp("AP", body, base), tcp("A", body, next()), false},
		{"after FIN", tcp("AF", body, base), tcp("A", body, next()), false},
		{"gap", first(), tcp("A", body, next(packettest.WithSeq(1101))), false},
		{"again", first(), first(), false},
		{"acknowledgment", first(), tcp("A", body, next(packettest.WithAck(1))), false},
		{"window", first(), tcp("A", body, next(packettest.WithWindow(1))), false},
		{"TOS", first(), tcp("A", body, next(packettest.WithTOS(4))), false},
		{"congestion experienced", tcp("A", body, append(base, packettest.WithTOS(2))), tcp("A", body, next(packettest.WithTOS(3))), false},
		{"TTL", first(), tcp("A", body, next(packettest.WithTTL(63))), false},
		{"DF on one", first(), tcp("A", body, next(packettest.WithDF())), false},
		{"id", first(), tcp("A", body, next(packettest.WithID(7))), false},
		{"SYN", first(), tcp("AS", body, next()), false},
		{"RST", first(), tcp("AR", body, next()), false},
		{"URG", first(), tcp("AU", body, next()), false},
		{"ECE", first(), tcp("AE", body, next()), false},
		{"CWR on the second", tcp("AC", body, base), tcp("AC", body, next()), false},
		{"after SYN", tcp("S", body, base), tcp("S", body, next()), false},
		{"reserved bit", first(), edit(tcp("A", body, next()), 32, 0x81), false},
		{"urgent pointer", first(), edit(tcp("A", body, next()), 39, 1), false},
		{"timestamp", first(), edit(tcp("A", body, next()), 47, 9), false},
		{"source port", first(), packettest.PartialTCP("10.0.1.10:40001", superTo, "A", body, next()...), false},
		{"destination port", first(), packettest.PartialTCP(superFrom, "203.0.113.10:81", "A", body, next()...), false},
		{"source", first(), packettest.PartialTCP("10.0.1.11:40000", superTo, "A", body, next()...), false},
		{"destination", first(), packettest.PartialTCP(superFrom, "203.0.113.11:80", "A", body, next()...), false},
		{"IP options", tcp("A", body, append(base, packettest.WithIPOptions(148, 4, 0, 0))), tcp("A", body, next(packettest.WithIPOptions(148, 4, 0, 1))), false},
		{"complete after partial", first(), packet.Packet{Data: packettest.TCP(superFrom, superTo, "A", body, next()...)}, false},
		{"segment size", packettest.SuperTCP(superFrom, superTo, "A", body, 50, base...), packettest.SuperTCP(superFrom, superTo, "A", body, 25, next(packettest.WithID(7))...), false},
		{"after a short end", packettest.SuperTCP(superFrom, superTo, "A", body, 60, base...), tcp("A", body[:60], next(packettest.WithID(7))), false},
		{"IPv6", first6(), tcp6("A", body, next()), true},
		{"IPv6, shorter, FIN and PSH", first6(), tcp6("APF", body[:99], next()), true},
		{"IPv6, CWR on the first", tcp6("AC", body, base), tcp6("A", body, next()), true},
		{"IPv6, CWR on the second", first6(), tcp6("AC", body, next()), false},
		{"IPv6, superpackets", packettest.SuperTCP6(superFrom6, superTo6, "A", body, 50, base...), packettest.SuperTCP6(superFrom6, superTo6, "AP", body, 50, next()...), true},
		{"IPv6, superpacket and segment", packettest.SuperTCP6(superFrom6, superTo6, "A", body, 50, base...), tcp6("A", body[:50], next()), true},
		{"IPv6, after a short end", packettest.SuperTCP6(superFrom6, superTo6, "A", body, 60, base...), tcp6("A", body[:60], next()), false},
		{"IPv6, complete", packet.Packet{Data: packettest.TCP6(superFrom6, superTo6, "A", body, base...)}, packet.Packet{Data: packettest.TCP6(superFrom6, superTo6, "A", body, next()...)}, true},
		{"IPv6, complete after partial", first6(), packet.Packet{Data: packettest.TCP6(superFrom6, superTo6, "A", body, next()...)}, false},
		{"IPv6, longer", first6(), tcp6("A", packettest.Payload(101), next()), false},
		{"IPv6, no payload", first6(), tcp6("A", nil, next()), false},
		{"IPv6, after PSH", tcp6("AP", body, base), tcp6("A", body, next()), false},
		{"IPv6, SYN", tcp6("S", body, base), tcp6("A", body, next()), false},
		{"IPv6, gap", first6(), tcp6("A", body, next(packettest.WithSeq(1101))), false},
		{"IPv6, window", first6(), tcp6("A", body, next(packettest.WithWindow(1))), false},
		{"IPv6, TCP options", first6(), tcp6("A", body, next(packettest.WithTCPOptions(1, 1, 1, 1))), false},
		{"IPv6, flow label", first6(), tcp6("A", body, next(packettest.WithFlowLabel(1))), false},
		{"IPv6, traffic class", first6(), tcp6("A", body, next(packettest.WithTOS(0x10))), false},
		{"IPv6, congestion mark", tcp6("A", body, append(base, packettest.WithTOS(2))), tcp6("A", body, next(packettest.WithTOS(3))), false},
		{"IPv6, hop limit", first6(), tcp6("A", body, next(packettest.WithTTL(63))), false},
		{"IPv6, source", first6(), edit6(tcp6("A", body, next()), 8, 0x21), false},
		{"IPv6, the source's last byte", first6(), edit6(tcp6("A", body, next()), 23, 0x21), false},
		{"IPv6, destination", first6(), edit6(tcp6("A", body, next()), 39, 0x21), false},
		{"IPv6, ports", first6(), edit6(tcp6("A", body, next()), 41, 0), false},
		{"IPv6, extension headers", extended(first6()), extended(tcp6("A", body, next())), false},
		{"IPv6, extension header on the second", first6(), extended(tcp6("A", body, next())), false},
		{"IPv6 after IPv4", first(), tcp6("A", body, next()), false},
		{"IPv4 after IPv6", first6(), tcp("A", body, next()), false},
		{"IPv6 UDP", udp6(), udp6(), true},
		{"IPv6 UDP after TCP", first6(), udp6(), false},
		{"IPv6 UDP after IPv4 UDP", udp(), udp6(), false},
		{"UDP", udp(), udp(packettest.WithID(1)), true},
		{"UDP, ids 0 and DF", udp(packettest.WithDF()), udp(packettest.WithDF()), true},
		{"UDP, ids 0", udp(), udp(), false},
		{"UDP after TCP", first(), udp(packettest.WithID(6)), false},
		{"UDP without checksum", packet.Packet{Data: packettest.UDP(superFrom, superTo, body, packettest.WithoutUDPChecksum())},
			packet.Packet{Data: packettest.UDP(superFrom, superTo, body, packettest.WithoutUDPChecksum(), packettest.WithID(1))}, false},
		{"UDP, the second without checksum", packet.Packet{Data: packettest.UDP(superFrom, superTo, body)},
			packet.Packet{Data: packettest.UDP(superFrom, superTo, body, packettest.WithoutUDPChecksum(), packettest.WithID(1))}, false},
		{"echo", packet.Packet{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 1, body)},
			packet.Packet{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, body)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := clonePackets([]packet.Packet{c.first, c.second})
			decoded(t, &in[0])
			decoded(t, &in[1])
			out := merge(t, clonePackets(in))
			if got := len(out) == 1; got != c.want {
				t.Fatalf("merged: %v, want %v", got, c.want)
			}
			if !c.want {
				samePackets(t, out, in) // untouched
			} else {
				must(t, judge(out[0]))
			}
		})
	}
}

// The limits: bodies, UDP segments, and the length of an IP packet.
func TestMergeLimits(t *testing.T) {
	stream := func(n, size int, make func([]byte, ...packettest.Option) packet.Packet) (in []packet.Packet) {
		for i := range n {
			in = append(in, make(packettest.Payload(size), packettest.WithID(uint16(i)), packettest.WithSeq(uint32(i*size))))
		}
		return in
	}
	tcp := func(b []byte, o ...packettest.Option) packet.Packet {
		return packettest.PartialTCP(superFrom, superTo, "A", b, o...)
	}
	udp := func(b []byte, o ...packettest.Option) packet.Packet {
		return packettest.PartialUDP(superFrom, superTo, b, o...)
	}
	tcp6 := func(b []byte, o ...packettest.Option) packet.Packet {
		return packettest.SuperTCP6(superFrom6, superTo6, "A", b, 0, append(o, packettest.WithPartial())...)
	}
	udp6 := func(b []byte, o ...packettest.Option) packet.Packet {
		return packettest.SuperUDP6(superFrom6, superTo6, b, 0, append(o, packettest.WithPartial())...)
	}
	for _, c := range []struct {
		name string
		in   []packet.Packet
		want int // packets in the first superpacket
		size int
	}{
		{"bodies", stream(200, 10, tcp), packet.MergeBodiesMax, 10},
		{"datagrams", stream(200, 10, udp), packet.MergeUDPSegmentsMax, 10},
		{"bytes of TCP", stream(60, 1460, tcp), (packet.PacketMax - 40) / 1460, 1460},
		{"bytes of UDP", stream(60, 1472, udp), (packet.PacketMax - 28) / 1472, 1472},
		{"bodies of IPv6", stream(200, 10, tcp6), packet.MergeBodiesMax, 10},
		{"datagrams of IPv6", stream(200, 10, udp6), packet.MergeUDPSegmentsMax, 10},
		{"bytes of TCP over IPv6", stream(60, 1440, tcp6), (packet.PacketMax - 60) / 1440, 1440},
		{"bytes of UDP over IPv6", stream(60, 1452, udp6), (packet.PacketMax - 48) / 1452, 1452},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := merge(t, c.in)
			_, head := decoded(t, &out[0])
			if got := (len(out[0].Data) - head) / c.size; got != c.want {
				t.Errorf("%d packets in one, want %d", got, c.want)
			}
			must(t, judge(out[0]))
		})
	}
}

// Merge starts again after Emit, and an empty one has nothing to give.
func TestMergeEmpty(t *testing.T) {
	var m packet.Merge
	if off, head, bodies := m.Emit(); off != (packet.Offload{}) || head != nil || bodies != nil || m.N() != 0 {
		t.Error("an empty Merge emitted something")
	}
	if !m.Add(new(packet.Packet), packet.KindNone, 0) || m.Add(new(packet.Packet), packet.KindNone, 0) {
		t.Error("a packet that was not decoded must stand alone")
	}
	m.Emit()
	p := packettest.PartialTCP(superFrom, superTo, "A", []byte("x"))
	kind, headLen := decoded(t, &p)
	if !m.Add(&p, kind, headLen) || m.N() != 1 {
		t.Error("a Merge emptied by Emit refused a packet")
	}
}

func TestMergeAllocatesNothing(t *testing.T) {
	for _, x := range []packet.Packet{superOf45, superOf45v6} {
		in := addable(t, cut(t, x, 1500))
		var m packet.Merge
		if n := testing.AllocsPerRun(100, func() { mergeAll(&m, in) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// No two inputs panic; what merges can be cut into what came.
func FuzzMerge(f *testing.F) {
	a := packettest.PartialTCP(superFrom, superTo, "A", packettest.Payload(50))
	b := packettest.PartialTCP(superFrom, superTo, "AP", packettest.Payload(50), packettest.WithSeq(50), packettest.WithID(1))
	u := packettest.PartialUDP(superFrom, superTo, packettest.Payload(50), packettest.WithDF())
	f.Add(a.Data, b.Data, uint8(1), uint8(0), uint16(0))
	f.Add(u.Data, u.Data, uint8(1), uint8(0), uint16(0))
	f.Add(u.Data, u.Data, uint8(1), uint8(packet.GSOUDP), uint16(25))
	f.Add(packettest.TCP(superFrom, superTo, "A", nil), b.Data, uint8(0), uint8(0), uint16(0))
	a6 := packettest.SuperTCP6(superFrom6, superTo6, "A", packettest.Payload(50), 0, packettest.WithPartial())
	b6 := packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(50), 0, packettest.WithPartial(), packettest.WithSeq(50))
	u6 := packettest.UDP6(superFrom6, superTo6, packettest.Payload(50))
	f.Add(a6.Data, b6.Data, uint8(1), uint8(0), uint16(0))
	f.Add(u6, u6, uint8(0), uint8(0), uint16(0))
	f.Add(a6.Data, b.Data, uint8(1), uint8(0), uint16(0))
	f.Fuzz(tryMerge)
}

func tryMerge(t *testing.T, first, second []byte, partial, gso uint8, size uint16) {
	in := []packet.Packet{
		{Data: mend(first), Offload: packet.Offload{Partial: partial&1 != 0, GSO: packet.GSOType(gso), GSOSize: size}},
		{Data: mend(second), Offload: packet.Offload{Partial: partial&1 != 0}},
	}
	for i := range in {
		if !accepts(&in[i]) {
			return
		}
	}
	out := merge(t, clonePackets(in))
	if len(out) == 2 {
		samePackets(t, out, in)
		return
	}
	must(t, judge(out[0]))
	_, headLen := decoded(t, &out[0])
	again := cut(t, out[0], headLen+int(out[0].Offload.GSOSize))
	last := again[len(again)-1]
	if got, want := last.Data[len(last.Data)-1], in[1].Data[len(in[1].Data)-1]; got != want {
		t.Fatalf("last byte %d, want %d", got, want)
	}
	if n := len(in[0].Data) + len(in[1].Data) - headLen; n != len(out[0].Data) {
		t.Fatalf("%d bytes, want %d", len(out[0].Data), n)
	}
}

// Superpackets of 64 KB, to be cut for a path of 1500 bytes.
var (
	superOf45 = packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(45*1448), 1448,
		packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))
	superOf45v6 = packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(45*1428), 1428,
		packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))
)

// added is a packet with what Add takes.
type added struct {
	p       packet.Packet
	kind    packet.Kind
	headLen int
}

func addable(t failer, packets []packet.Packet) (in []added) {
	for _, p := range packets {
		kind, headLen := decoded(t, &p)
		in = append(in, added{p, kind, headLen})
	}
	return in
}

// mergeAll merges and puts back what Emit patched, so that it can be done again.
func mergeAll(m *packet.Merge, in []added) {
	var saved [packet.HeadMax]byte
	copy(saved[:], in[0].p.Data)
	for i := range in {
		if !m.Add(&in[i].p, in[i].kind, in[i].headLen) {
			panic("does not continue")
		}
	}
	_, head, _ := m.Emit()
	copy(head, saved[:])
}

func BenchmarkMerge(b *testing.B) {
	udp := packettest.SuperUDP(superFrom, superTo, packettest.Payload(64*64), 64)
	udp6 := packettest.SuperUDP6(superFrom6, superTo6, packettest.Payload(64*64), 64)
	for _, c := range []struct {
		name     string
		x        packet.Packet
		maxIP    int
		complete bool
	}{
		{"TCP45", superOf45, 1500, false},
		{"TCP45Complete", superOf45, 1500, true},
		{"UDP64", udp, 92, false},
		{"IPv6TCP45", superOf45v6, 1500, false},
		{"IPv6TCP45Complete", superOf45v6, 1500, true},
		{"IPv6UDP64", udp6, 112, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			packets := cut(b, c.x, c.maxIP)
			n := 0
			for i := range packets {
				if c.complete {
					packets[i] = finished(b, packets[i])
				}
				n += len(packets[i].Data)
			}
			in := addable(b, packets)
			var m packet.Merge
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				mergeAll(&m, in)
			}
		})
	}
}
