package tun_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/tun/tuntest"
)

// same compares two packets; HdrLen is a hint that need not survive.
func same(t testing.TB, got, want packet.Packet) {
	t.Helper()
	got.Offload.HdrLen, want.Offload.HdrLen = 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packet differs (-want +got):\n%s", diff)
	}
}

// units lists what a receiver would see of a packet: one line per segment or
// datagram, with its place and its bytes. Written apart from package packet's
// own cutting, to judge it.
func units(p packet.Packet) (lines []string) {
	version, proto, l4 := p.Data[0]>>4, p.Data[9], p.Data[20:]
	if version == 6 {
		proto, l4 = p.Data[6], p.Data[40:]
	}
	head, seq := packet.UDPHeaderLen, 0
	switch proto {
	case packet.ProtoTCP:
		head, seq = packet.TCP(l4).HeaderLen(), int(packet.TCP(l4).Seq())
	case packet.ProtoICMP:
		return []string{fmt.Sprintf("icmp %x", l4)}
	}
	data, size := l4[head:], len(l4)
	if p.Offload.GSO != packet.GSONone {
		size = int(p.Offload.GSOSize)
	}
	for first := true; first || len(data) > 0; first = false {
		n := min(size, len(data))
		lines = append(lines, fmt.Sprintf("IPv%d proto %d seq %d: %x", version, proto, seq, data[:n]))
		data = data[n:]
		if proto == packet.ProtoTCP {
			seq += n
		}
	}
	return lines
}

// draw makes a packet, as often as not one that continues its flow.
func draw(t *rapid.T, at *[4]int) packet.Packet {
	size := rapid.SampledFrom([]int{0, 1, 99, 100, 100, 100}).Draw(t, "size")
	i := rapid.IntRange(0, 3).Draw(t, "flow")
	if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
		at[i] += 1000
	}
	super := rapid.IntRange(0, 5).Draw(t, "super") == 0
	if super {
		size = rapid.IntRange(101, 5000).Draw(t, "super size")
	}
	build := []func(at, size int) packet.Packet{tuntest.TCPData, tuntest.UDPData, tuntest.TCPData6, tuntest.UDPData6}[i]
	p := build(at[i], size)
	at[i] += size
	switch {
	case super:
		return tuntest.Super(p, 100)
	case rapid.Bool().Draw(t, "partial"):
		return tuntest.Partial(p)
	case rapid.IntRange(0, 9).Draw(t, "echo") == 0:
		return tuntest.Echo(at[i])
	}
	return p
}

// Whatever is written and however the kernel answers: each packet is counted
// once (I8), and what leaves is what was written, in its order, boundaries and
// all, for as long as nothing but superpackets is refused.
func TestWriterProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := tuntest.New(1500)
		whole := rapid.IntRange(0, 4).Draw(t, "superpackets taken of 4")
		lossy := rapid.Bool().Draw(t, "lossy")
		n := 0
		d.Refuse(func(off packet.Offload) unix.Errno {
			n++
			switch {
			case lossy && n%7 == 0:
				return unix.EIO
			case off.GSO != packet.GSONone && n%4 >= whole:
				return unix.EINVAL
			}
			return 0
		})
		var want, got []string
		var at [4]int
		count := rapid.IntRange(1, 60).Draw(t, "packets")
		collect := func() {
			for _, p := range d.Sent() {
				got = append(got, units(p)...)
			}
		}
		for i := range count {
			p := draw(t, &at)
			want = append(want, units(p)...)
			d.Write(&p)
			if rapid.IntRange(0, 9).Draw(t, "flush") == 0 || i == count-1 {
				d.Flush()
			}
			collect()
		}
		s := d.Stats()
		if s.WrittenPackets+s.RefusedPackets != uint64(count) {
			t.Fatalf("written %d and refused %d of %d", s.WrittenPackets, s.RefusedPackets, count)
		}
		if !lossy {
			if diff := cmp.Diff(want, got); diff != "" || s.RefusedPackets != 0 {
				t.Fatalf("refused %d; what left (-want +got):\n%s", s.RefusedPackets, diff)
			}
		}
	})
}

// Packets are borrowed until Flush and no longer.
func TestBorrow(t *testing.T) {
	d := tuntest.New(1500)
	p := tuntest.UDPData(0, 100)
	data := p.Data
	d.Write(&p)
	p = packet.Packet{} // the struct is the caller's again at once
	d.Flush()
	clear(data)
	if sent := d.Sent(); len(sent) != 1 || !bytes.Equal(sent[0].Data, tuntest.UDPData(0, 100).Data) {
		t.Errorf("sent %v", sent)
	}
}
