package packet_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// What the tests of superpackets, fragments and answers share: packets drawn at random, and judges that do not use
// the code under test.

// failer is testing.TB or rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// viewOf decodes a packet that must be good.
func viewOf(t failer, p *packet.Packet) *packet.View {
	t.Helper()
	v := new(packet.View)
	if r := v.Decode(p); r != drop.None {
		t.Fatalf("decode %s: %v", packettest.Line(p.Data), r)
	}
	return v
}

// slowSum is the Internet checksum in its plainest form: 16 bits at a time, end-around carry at every step.
func slowSum(parts ...[]byte) uint16 {
	all := bytes.Join(parts, nil)
	if len(all)%2 == 1 {
		all = append(all, 0)
	}
	sum := uint32(0)
	for i := 0; i < len(all); i += 2 {
		sum += uint32(all[i])<<8 | uint32(all[i+1])
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

func slowPseudo(data []byte, ipLen int) []byte {
	l4 := len(data) - ipLen
	return append(append([]byte{}, data[12:20]...), 0, data[9], byte(l4>>8), byte(l4))
}

// judge says what is wrong with a TCP or UDP packet: lengths, header checksum, the transport checksum as its metadata
// declares it (partial or complete), and the metadata itself.
func judge(p packet.Packet) error {
	d := p.Data
	ipLen := int(d[0]&15) * 4
	if n := int(d[2])<<8 | int(d[3]); n != len(d) {
		return fmt.Errorf("IP length %d of %d bytes", n, len(d))
	}
	if s := slowSum(d[:ipLen]); s != 0xffff {
		return fmt.Errorf("IP header sum %#x", s)
	}
	field, headLen := ipLen+16, 0
	if d[9] == packet.ProtoUDP {
		field, headLen = ipLen+6, ipLen+8
		if n := int(d[ipLen+4])<<8 | int(d[ipLen+5]); n != len(d)-ipLen {
			return fmt.Errorf("UDP length %d of %d bytes", n, len(d)-ipLen)
		}
	} else {
		headLen = ipLen + int(d[ipLen+12]>>4)*4
	}
	got := uint16(d[field])<<8 | uint16(d[field+1])
	o := p.Offload
	if o.Partial {
		if want := slowSum(slowPseudo(d, ipLen)); got != want {
			return fmt.Errorf("partial checksum %#x, want the pseudo sum %#x", got, want)
		}
		if int(o.CsumStart) != ipLen || int(o.CsumStart+o.CsumOffset) != field {
			return fmt.Errorf("checksum at %d+%d, want %d", o.CsumStart, o.CsumOffset, field)
		}
	} else if d[9] == packet.ProtoTCP || got != 0 {
		if s := slowSum(slowPseudo(d, ipLen), d[ipLen:]); s != 0xffff {
			return fmt.Errorf("transport sum %#x", s)
		}
	}
	switch {
	case o.GSO == packet.GSONone && (o.GSOSize != 0 || o.HdrLen != 0):
		return fmt.Errorf("segment size without GSO: %+v", o)
	case o.GSO != packet.GSONone && (int(o.HdrLen) != headLen || int(o.GSOSize) >= len(d)-headLen || !o.Partial):
		return fmt.Errorf("no superpacket: %+v of %d bytes", o, len(d))
	}
	return nil
}

// judgeByGopacket lets another implementation verify a complete packet.
func judgeByGopacket(data []byte) error {
	pkt := gopacket.NewPacket(data, layers.LayerTypeIPv4, gopacket.Default)
	if e := pkt.ErrorLayer(); e != nil {
		return e.Error()
	}
	if pkt.Metadata().Truncated {
		return fmt.Errorf("truncated")
	}
	ip := pkt.NetworkLayer()
	for _, l := range pkt.Layers() {
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(ip); err != nil {
				return err
			}
		}
	}
	err, bad := pkt.VerifyChecksums()
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("checksums: %+v", bad)
	}
	return nil
}

// super is a superpacket drawn at random and the segments that it stands for, built one by one.
type super struct {
	tcp      bool
	mss      int
	headLen  int
	payload  []byte
	x        packet.Packet   // decoded: its metadata is derived
	segments []packet.Packet // partial checksums
}

func drawSuper(t *rapid.T, segmentsMax int) super {
	var s super
	s.tcp = rapid.Bool().Draw(t, "tcp")
	s.mss = rapid.IntRange(1, 1500).Draw(t, "mss")
	segments := rapid.IntRange(2, max(2, min(segmentsMax, 60000/s.mss))).Draw(t, "segments")
	last := rapid.IntRange(1, s.mss).Draw(t, "last")
	s.payload = packettest.Payload((segments-1)*s.mss + last)
	s.payload[0] = rapid.Byte().Draw(t, "byte")

	common := []packettest.Option{
		packettest.WithTTL(rapid.ByteMin(1).Draw(t, "ttl")), packettest.WithTOS(rapid.Byte().Draw(t, "tos")),
	}
	if rapid.Bool().Draw(t, "df") {
		common = append(common, packettest.WithDF())
	}
	ipOptions := rapid.SampledFrom([][]byte{nil, {1, 1}, {148, 4, 0, 0}, bytes.Repeat([]byte{1}, 40)}).Draw(t, "ip options")
	if ipOptions != nil {
		common = append(common, packettest.WithIPOptions(ipOptions...))
	}
	id, seq := rapid.Uint16().Draw(t, "id"), rapid.Uint32().Draw(t, "seq")
	const from, to = "10.0.1.10:40000", "203.0.113.10:80"
	if !s.tcp {
		s.x = packettest.SuperUDP(from, to, s.payload, s.mss, append(common, packettest.WithID(id))...)
		for i := range segments {
			body := s.payload[i*s.mss : min((i+1)*s.mss, len(s.payload))]
			s.segments = append(s.segments, packettest.PartialUDP(from, to, body, append(common, packettest.WithID(id+uint16(i)))...))
		}
	} else {
		tcpOptions := rapid.SampledFrom([][]byte{nil, {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, bytes.Repeat([]byte{1}, 40)}).Draw(t, "tcp options")
		common = append(common, packettest.WithTCPOptions(tcpOptions...), packettest.WithAck(rapid.Uint32().Draw(t, "ack")),
			packettest.WithWindow(rapid.Uint16().Draw(t, "window")))
		flag := func(name string) string {
			if rapid.Bool().Draw(t, name) {
				return name
			}
			return ""
		}
		always, first, end := "A"+flag("E"), flag("C"), flag("P")+flag("F")
		s.x = packettest.SuperTCP(from, to, always+first+end, s.payload, s.mss, append(common, packettest.WithID(id), packettest.WithSeq(seq))...)
		if first != "" {
			s.x.Offload.GSO |= packet.GSOECN
		}
		for i := range segments {
			body, flags := s.payload[i*s.mss:min((i+1)*s.mss, len(s.payload))], always
			if i == 0 {
				flags += first
			}
			if i == segments-1 {
				flags += end
			}
			s.segments = append(s.segments, packettest.PartialTCP(from, to, flags, body,
				append(common, packettest.WithID(id+uint16(i)), packettest.WithSeq(seq+uint32(i*s.mss)))...))
		}
	}
	s.headLen = viewOf(t, &s.x).HeadLen
	for i := range s.segments {
		viewOf(t, &s.segments[i])
	}
	return s
}

// cut cuts p and returns the pieces as packets of their own.
func cut(t failer, p packet.Packet, maxIP int) (pieces []packet.Packet) {
	t.Helper()
	var c packet.Pieces
	if r := c.Plan(&p, viewOf(t, &p), maxIP); r != drop.None {
		t.Fatalf("plan for %d bytes: %v", maxIP, r)
	}
	for i := range c.N() {
		head := make([]byte, packet.HeadMax)
		n, body, off := c.Piece(i, head)
		pieces = append(pieces, packet.Packet{Data: append(head[:n:n], body...), Offload: off})
	}
	return pieces
}

// merge gives packets to Merge and returns what it emits, emptying it whenever it says false.
func merge(t failer, packets []packet.Packet) (out []packet.Packet) {
	t.Helper()
	var m packet.Merge
	emit := func() {
		off, head, bodies := m.Emit()
		out = append(out, packet.Packet{Data: append(bytes.Clone(head), bytes.Join(bodies, nil)...), Offload: off})
	}
	for i := range packets {
		v := viewOf(t, &packets[i])
		if m.Add(&packets[i], v) {
			continue
		}
		emit()
		if !m.Add(&packets[i], v) {
			t.Fatalf("an empty Merge refused packet %d", i)
		}
	}
	if m.N() > 0 {
		emit()
	}
	return out
}

func clonePackets(in []packet.Packet) (out []packet.Packet) {
	for _, p := range in {
		out = append(out, packet.Packet{Data: bytes.Clone(p.Data), Offload: p.Offload})
	}
	return out
}

// samePackets compares bytes and metadata.
func samePackets(t failer, got, want []packet.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Offload != want[i].Offload {
			t.Fatalf("packet %d:\n got %s %+v\n     % x\nwant %s %+v\n     % x", i,
				packettest.Line(got[i].Data), got[i].Offload, headOf(got[i].Data),
				packettest.Line(want[i].Data), want[i].Offload, headOf(want[i].Data))
		}
	}
}

func headOf(b []byte) []byte { return b[:min(len(b), 64)] }

// finished completes a partial checksum in a copy.
func finished(t failer, p packet.Packet) packet.Packet {
	t.Helper()
	p.Data = bytes.Clone(p.Data)
	p.FinishChecksum(viewOf(t, &p))
	return p
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mend gives fuzzed bytes a header that Decode believes: version 4, a header length and a total length that fit, and
// the right checksum. Without it nearly all inputs would end there; the bytes as they are belong to Decode's own fuzz.
func mend(data []byte) []byte {
	data = bytes.Clone(data[:min(len(data), packet.PacketMax)])
	if len(data) < packet.IPv4HeaderLen {
		return data
	}
	ihl := min(max(int(data[0]&15), 5), len(data)/4)
	data[0] = 4<<4 | byte(ihl)
	data[2], data[3] = byte(len(data)>>8), byte(len(data))
	packet.IPv4(data).UpdateChecksum()
	return data
}
