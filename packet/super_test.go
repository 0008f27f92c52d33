package packet_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
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

// decoded decodes a packet of either version that must be good: its kind and the length of its headers.
func decoded(t failer, p *packet.Packet) (packet.Kind, int) {
	t.Helper()
	if len(p.Data) == 0 || p.Data[0]>>4 != 6 {
		v := viewOf(t, p)
		return v.Kind, v.HeadLen
	}
	v := new(packet.View6)
	if r := v.Decode(p); r != drop.None {
		t.Fatalf("decode %s: %v", packettest.Line(p.Data), r)
	}
	return v.Kind, v.HeadLen
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

// slowHeader finds, in its plainest form, the transport header of a TCP or UDP packet, its protocol and its pseudo header.
func slowHeader(d []byte) (ipLen int, proto byte, pseudo []byte) {
	if d[0]>>4 == 4 {
		ipLen, proto, pseudo = int(d[0]&15)*4, d[9], append(pseudo, d[12:20]...)
	} else {
		ipLen, proto, pseudo = 40, d[6], append(pseudo, d[8:40]...)
		for proto == 0 || proto == 43 || proto == 44 || proto == 60 {
			size := 8 // of a fragment header, whose second byte is no length
			if proto != 44 {
				size += int(d[ipLen+1]) * 8
			}
			proto, ipLen = d[ipLen], ipLen+size
		}
	}
	l4 := len(d) - ipLen
	return ipLen, proto, append(pseudo, 0, proto, byte(l4>>8), byte(l4))
}

// judge says what is wrong with a TCP or UDP packet: lengths, header checksum, the transport checksum as its metadata
// declares it (partial or complete), and the metadata itself.
func judge(p packet.Packet) error {
	d := p.Data
	ipLen, proto, pseudo := slowHeader(d)
	if d[0]>>4 == 4 {
		if n := int(d[2])<<8 | int(d[3]); n != len(d) {
			return fmt.Errorf("IP length %d of %d bytes", n, len(d))
		}
		if s := slowSum(d[:ipLen]); s != 0xffff {
			return fmt.Errorf("IP header sum %#x", s)
		}
	} else if n := int(d[4])<<8 | int(d[5]); n != len(d)-40 {
		return fmt.Errorf("IPv6 payload length %d of %d bytes", n, len(d))
	}
	field, headLen := ipLen+16, 0
	if proto == packet.ProtoUDP {
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
		if want := slowSum(pseudo); got != want {
			return fmt.Errorf("partial checksum %#x, want the pseudo sum %#x", got, want)
		}
		if int(o.CsumStart) != ipLen || int(o.CsumStart+o.CsumOffset) != field {
			return fmt.Errorf("checksum at %d+%d, want %d", o.CsumStart, o.CsumOffset, field)
		}
	} else if proto == packet.ProtoTCP || got != 0 || d[0]>>4 == 6 {
		if s := slowSum(pseudo, d[ipLen:]); s != 0xffff || proto == packet.ProtoUDP && got == 0 {
			return fmt.Errorf("transport sum %#x, field %#x", s, got)
		}
	}
	tcp := packet.GSOTCPv4
	if d[0]>>4 == 6 {
		tcp = packet.GSOTCPv6
	}
	if proto == packet.ProtoUDP {
		tcp = packet.GSOUDP
	}
	switch {
	case o.GSO == packet.GSONone && (o.GSOSize != 0 || o.HdrLen != 0):
		return fmt.Errorf("segment size without GSO: %+v", o)
	case o.GSO != packet.GSONone && (o.GSO.Base() != tcp || int(o.HdrLen) != headLen || int(o.GSOSize) >= len(d)-headLen || !o.Partial):
		return fmt.Errorf("no superpacket: %+v of %d bytes", o, len(d))
	}
	return nil
}

// judgeByGopacket lets another implementation verify a complete packet.
func judgeByGopacket(data []byte) error {
	first := layers.LayerTypeIPv4
	if data[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	pkt := gopacket.NewPacket(data, first, gopacket.Default)
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

// What a superpacket's IP header is.
const (
	formIPv4 = iota
	formIPv6
	formExtended // IPv6 with extension headers, which is cut and never merged
)

func drawSuper(t *rapid.T, segmentsMax int, forms ...int) super {
	var s super
	form := rapid.SampledFrom(forms).Draw(t, "form")
	s.tcp = rapid.Bool().Draw(t, "tcp")
	s.mss = rapid.IntRange(1, 1500).Draw(t, "mss")
	segments := rapid.IntRange(2, max(2, min(segmentsMax, 60000/s.mss))).Draw(t, "segments")
	last := rapid.IntRange(1, s.mss).Draw(t, "last")
	s.payload = packettest.Payload((segments-1)*s.mss + last)
	s.payload[0] = rapid.Byte().Draw(t, "byte")

	common := []packettest.Option{
		packettest.WithTTL(rapid.ByteMin(1).Draw(t, "ttl")), packettest.WithTOS(rapid.Byte().Draw(t, "tos")),
	}
	var extension []byte
	switch form {
	case formIPv4:
		if rapid.Bool().Draw(t, "df") {
			common = append(common, packettest.WithDF())
		}
		ipOptions := rapid.SampledFrom([][]byte{nil, {1, 1}, {148, 4, 0, 0}, bytes.Repeat([]byte{1}, 40)}).Draw(t, "ip options")
		if ipOptions != nil {
			common = append(common, packettest.WithIPOptions(ipOptions...))
		}
	case formExtended:
		// Hop-by-hop options, a routing header that has ended, an atomic fragment, destination options. The first byte is
		// the header's type and not sent.
		extension = rapid.SampledFrom([][]byte{
			{0, 0, 1, 4, 0, 0, 0, 0}, {43, 0, 4, 0, 0, 0, 0, 0}, {44, 0, 0, 0, 1, 2, 3, 4}, {60, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		}).Draw(t, "extension")
		fallthrough
	default:
		common = append(common, packettest.WithFlowLabel(rapid.Uint32Max(0xfffff).Draw(t, "flow label")))
	}
	id, seq := rapid.Uint16().Draw(t, "id"), rapid.Uint32().Draw(t, "seq")
	// build makes the superpacket, or one segment of it where size is 0.
	build := func(flags string, body []byte, size int, id uint16, seq uint32) packet.Packet {
		opts := append(slices.Clip(common), packettest.WithID(id), packettest.WithSeq(seq), packettest.WithPartial())
		var p packet.Packet
		switch {
		case form == formIPv4 && s.tcp:
			p = packettest.SuperTCP(superFrom, superTo, flags, body, size, opts...)
		case form == formIPv4:
			p = packettest.SuperUDP(superFrom, superTo, body, size, opts...)
		case s.tcp:
			p = packettest.SuperTCP6(superFrom6, superTo6, flags, body, size, opts...)
		default:
			p = packettest.SuperUDP6(superFrom6, superTo6, body, size, opts...)
		}
		if extension != nil {
			p.Data = packettest.Extend(p.Data, extension[0], extension...)
		}
		if flags != "" && size > 0 && strings.Contains(flags, "C") {
			p.Offload.GSO |= packet.GSOECN
		}
		return p
	}
	always, first, end := "", "", ""
	if s.tcp {
		tcpOptions := rapid.SampledFrom([][]byte{nil, {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, bytes.Repeat([]byte{1}, 40)}).Draw(t, "tcp options")
		common = append(common, packettest.WithTCPOptions(tcpOptions...), packettest.WithAck(rapid.Uint32().Draw(t, "ack")),
			packettest.WithWindow(rapid.Uint16().Draw(t, "window")))
		flag := func(name string) string {
			if rapid.Bool().Draw(t, name) {
				return name
			}
			return ""
		}
		always, first, end = "A"+flag("E"), flag("C"), flag("P")+flag("F")
	}
	s.x = build(always+first+end, s.payload, s.mss, id, seq)
	for i := range segments {
		flags := always
		if i == 0 {
			flags += first
		}
		if i == segments-1 {
			flags += end
		}
		body := s.payload[i*s.mss : min((i+1)*s.mss, len(s.payload))]
		s.segments = append(s.segments, build(flags, body, 0, id+uint16(i), seq+uint32(i*s.mss)))
	}
	_, s.headLen = decoded(t, &s.x)
	for i := range s.segments {
		decoded(t, &s.segments[i])
	}
	return s
}

// cut cuts p and returns the pieces as packets of their own.
func cut(t failer, p packet.Packet, maxIP int) (pieces []packet.Packet) {
	t.Helper()
	var c packet.Pieces
	decoded(t, &p)
	if r := c.Plan(&p, maxIP); r != drop.None {
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
		kind, headLen := decoded(t, &packets[i])
		if m.Add(&packets[i], kind, headLen) {
			continue
		}
		emit()
		if !m.Add(&packets[i], kind, headLen) {
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
	if p.Data[0]>>4 == 4 {
		p.FinishChecksum(viewOf(t, &p))
		return p
	}
	decoded(t, &p)
	if p.Offload.Partial {
		at := p.Offload.CsumStart + p.Offload.CsumOffset
		_, proto, pseudo := slowHeader(p.Data)
		p.Data[at], p.Data[at+1] = 0, 0
		sum := ^slowSum(pseudo, p.Data[p.Offload.CsumStart:])
		if sum == 0 && proto == packet.ProtoUDP {
			sum = 0xffff
		}
		p.Data[at], p.Data[at+1] = byte(sum>>8), byte(sum)
		p.Offload = packet.Offload{}
	}
	return p
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mend gives fuzzed bytes a header that Decode believes: version 4, or 6 where the first byte says so, a header length
// and a total length that fit, and the right checksum. Without it nearly all inputs would end there; the bytes as they
// are belong to Decode's own fuzz.
func mend(data []byte) []byte {
	data = bytes.Clone(data[:min(len(data), packet.PacketMax)])
	switch {
	case len(data) >= packet.IPv6HeaderLen && data[0]>>4 == 6:
		packet.IPv6(data).SetPayloadLen(len(data) - packet.IPv6HeaderLen)
	case len(data) >= packet.IPv4HeaderLen:
		ihl := min(max(int(data[0]&15), 5), len(data)/4)
		data[0] = 4<<4 | byte(ihl)
		data[2], data[3] = byte(len(data)>>8), byte(len(data))
		packet.IPv4(data).UpdateChecksum()
	}
	return data
}

// accepts decodes a packet of either version and reports whether it is carried.
func accepts(p *packet.Packet) bool {
	if len(p.Data) > 0 && p.Data[0]>>4 == 6 {
		return new(packet.View6).Decode(p) == drop.None
	}
	return new(packet.View).Decode(p) == drop.None
}
