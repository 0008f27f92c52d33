package packet_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// Merge(Pieces(x)) == x, byte for byte: TCP and UDP, options, ECN, PSH and FIN, any largest length.
func TestMergeIsTheInverseOfPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, packet.MergeUDPSegmentsMax, formIPv4)
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
		s := drawSuper(t, packet.MergeUDPSegmentsMax, formIPv4)
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
			p := packettest.PartialTCP(superFrom, superTo, flags, packettest.Payload(size), opts...)
			if odd("udp") {
				p = packettest.PartialUDP(superFrom, superTo, packettest.Payload(size), opts...)
			}
			viewOf(t, &p)
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
				again = append(again, cut(t, p, viewOf(t, &p).HeadLen+int(p.Offload.GSOSize))...)
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
			viewOf(t, &in[0])
			viewOf(t, &in[1])
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
	} {
		t.Run(c.name, func(t *testing.T) {
			out := merge(t, c.in)
			head := viewOf(t, &out[0]).HeadLen
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
	if !m.Add(new(packet.Packet), new(packet.View)) || m.Add(new(packet.Packet), new(packet.View)) {
		t.Error("a packet that was not decoded must stand alone")
	}
	m.Emit()
	p := packettest.PartialTCP(superFrom, superTo, "A", []byte("x"))
	if !m.Add(&p, viewOf(t, &p)) || m.N() != 1 {
		t.Error("a Merge emptied by Emit refused a packet")
	}
}

func TestMergeAllocatesNothing(t *testing.T) {
	in, views, _ := segmentsOf45(t)
	var m packet.Merge
	if n := testing.AllocsPerRun(100, func() { mergeAll(&m, in, views) }); n != 0 {
		t.Errorf("%v allocations", n)
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
	f.Fuzz(tryMerge)
}

func tryMerge(t *testing.T, first, second []byte, partial, gso uint8, size uint16) {
	in := []packet.Packet{
		{Data: mend(first), Offload: packet.Offload{Partial: partial&1 != 0, GSO: packet.GSOType(gso), GSOSize: size}},
		{Data: mend(second), Offload: packet.Offload{Partial: partial&1 != 0}},
	}
	for i := range in {
		var v packet.View
		if v.Decode(&in[i]) != drop.None {
			return
		}
	}
	out := merge(t, clonePackets(in))
	if len(out) == 2 {
		samePackets(t, out, in)
		return
	}
	must(t, judge(out[0]))
	v := viewOf(t, &out[0])
	again := cut(t, out[0], v.HeadLen+int(out[0].Offload.GSOSize))
	last := again[len(again)-1]
	if got, want := last.Data[len(last.Data)-1], in[1].Data[len(in[1].Data)-1]; got != want {
		t.Fatalf("last byte %d, want %d", got, want)
	}
	if n := len(in[0].Data) + len(in[1].Data) - v.HeadLen; n != len(out[0].Data) {
		t.Fatalf("%d bytes, want %d", len(out[0].Data), n)
	}
}

// segmentsOf45 are the pieces of one 64 KB superpacket, as the far end of a path with 1500 bytes gets them.
func segmentsOf45(t testing.TB) ([]packet.Packet, []*packet.View, packet.Packet) {
	x := packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(45*1448), 1448,
		packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8))
	in := cut(t, x, 1500)
	var views []*packet.View
	for i := range in {
		views = append(views, viewOf(t, &in[i]))
	}
	return in, views, x
}

// mergeAll merges and puts back what Emit patched, so that it can be done again.
func mergeAll(m *packet.Merge, in []packet.Packet, views []*packet.View) {
	var saved [packet.HeadMax]byte
	copy(saved[:], in[0].Data)
	for i := range in {
		if !m.Add(&in[i], views[i]) {
			panic("does not continue")
		}
	}
	_, head, _ := m.Emit()
	copy(head, saved[:])
}

func BenchmarkMerge(b *testing.B) {
	run := func(b *testing.B, in []packet.Packet, views []*packet.View) {
		var m packet.Merge
		n := 0
		for i := range in {
			n += len(in[i].Data)
		}
		b.SetBytes(int64(n))
		b.ReportAllocs()
		for b.Loop() {
			mergeAll(&m, in, views)
		}
	}
	b.Run("TCP45", func(b *testing.B) {
		in, views, _ := segmentsOf45(b)
		run(b, in, views)
	})
	b.Run("TCP45Complete", func(b *testing.B) {
		in, views, _ := segmentsOf45(b)
		for i := range in {
			in[i].FinishChecksum(views[i])
		}
		run(b, in, views)
	})
	b.Run("UDP64", func(b *testing.B) {
		in := cut(b, packettest.SuperUDP(superFrom, superTo, packettest.Payload(64*64), 64), 92)
		var views []*packet.View
		for i := range in {
			views = append(views, viewOf(b, &in[i]))
		}
		run(b, in, views)
	})
}
