package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// FuzzReceive feeds any bytes, cut at any size, to the decoder of received
// messages: every datagram is counted exactly once, nothing outside the
// message is handed out, and the result does not depend on how many packets
// the caller takes at once.
func FuzzReceive(f *testing.F) {
	head := make([]byte, packet.GeneveLen)
	(&packet.Tunnel{VNI: 1, Service: 2, Partial: true, GSO: packet.GSOTCPv4, GSOSize: 1400}).Encode(head)
	one := append(bytes.Clone(head), bytes.Repeat([]byte{0x45}, 40)...)
	six := append(bytes.Clone(head), bytes.Repeat([]byte{0x65}, 40)...)
	(&packet.Tunnel{VNI: 1, Service: 2, IPv6: true}).Encode(six)
	chained := make([]byte, packet.GeneveMax)
	(&packet.Tunnel{Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)}).Encode(chained)
	hello := append(make([]byte, packet.GeneveLen), "hello"...)
	(&packet.Tunnel{Stage: packet.StageHello, Hops: 1}).Encode(hello)
	f.Add(append(chained, one[24:]...), int32(0), uint8(1))
	f.Add(append(bytes.Clone(hello), hello...), int32(len(hello)), uint8(1))
	f.Add([]byte{}, int32(0), uint8(1))
	f.Add(one, int32(0), uint8(1))
	f.Add(append(bytes.Clone(one), six...), int32(len(one)), uint8(1))
	f.Add(bytes.Repeat(one, 3), int32(len(one)), uint8(2))
	f.Add(bytes.Repeat(one, 3)[:150], int32(len(one)), uint8(64))
	f.Add(one, int32(-5), uint8(3))
	f.Add(one, int32(1), uint8(3))
	f.Fuzz(func(t *testing.T, message []byte, seg int32, batch uint8) {
		once := decodeAll(t, message, seg, 1)
		many := decodeAll(t, message, seg, int(batch)+1)
		if once != many {
			t.Errorf("one at a time %+v, %d at a time %+v", once, int(batch)+1, many)
		}
	})
}

type decoded struct {
	stats Stats
	bytes int
	sum   uint16
}

func decodeAll(t *testing.T, message []byte, seg int32, batch int) (all decoded) {
	var d datagrams
	d.begin(message, int(seg), 9)
	want := uint64(1)
	if seg > 0 && int(seg) < len(message) {
		want = uint64((len(message) + int(seg) - 1) / int(seg))
	}
	pkts := make([]Packet, batch)
	for d.left > 0 {
		n := d.decode(pkts, &all.stats)
		if n < len(pkts) && d.left > 0 {
			t.Fatal("stopped before the end")
		}
		for _, p := range pkts[:n] {
			if len(p.Data) > len(message) || cap(p.Data) != len(p.Data) || p.Peer != 9 {
				t.Fatalf("a packet of %d bytes, capacity %d, from %v", len(p.Data), cap(p.Data), p.Peer)
			}
			if p.Offload != (packet.Offload{GSO: p.Tunnel.GSO, Partial: p.Tunnel.Partial, GSOSize: p.Tunnel.GSOSize}) {
				t.Fatalf("offload %+v, tunnel %+v", p.Offload, p.Tunnel)
			}
			if chain := p.Tunnel.Chain; (chain != nil) != (p.Tunnel.Stage == packet.StageChain) || chain != nil && !bytes.Contains(message, chain[:]) {
				t.Fatalf("tunnel %+v", p.Tunnel)
			}
			if len(p.Room) < packet.GeneveLen || cap(p.Room) != len(p.Room)+len(p.Data) {
				t.Fatalf("room of %d bytes, capacity %d, before %d", len(p.Room), cap(p.Room), len(p.Data))
			}
			var again packet.Tunnel // the room is the packet's own header and no more
			if n, r := again.Decode(p.Room[:cap(p.Room)]); n != len(p.Room) || r != drop.None || again != p.Tunnel {
				t.Fatalf("in the room is %+v: %v, %d of %d bytes", again, r, n, len(p.Room))
			}
			all.bytes += len(p.Data)
			all.sum = all.sum*31 + packet.Fold(packet.Sum(p.Data, uint64(p.Tunnel.VNI)))
		}
	}
	if s := &all.stats; s.ReceivedDatagrams != want || s.ReceivedPackets+s.Drops.Total() != want {
		t.Fatalf("%d datagrams, %d packets, %d drops; want %d", s.ReceivedDatagrams, s.ReceivedPackets, s.Drops.Total(), want)
	}
	return all
}

// The size of a train's datagrams is read from the kernel's control message and nothing else.
func TestGROSize(t *testing.T) {
	message := func(level, typ int32, data []byte) []byte {
		b := make([]byte, unix.CmsgSpace(len(data)))
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
		binary.NativeEndian.PutUint32(b[8:], uint32(level))
		binary.NativeEndian.PutUint32(b[12:], uint32(typ))
		copy(b[unix.CmsgLen(0):], data)
		return b
	}
	size := binary.NativeEndian.AppendUint32(nil, 1472)
	gro := message(unix.SOL_UDP, unix.UDP_GRO, size)
	other := message(unix.SOL_SOCKET, unix.SCM_RIGHTS, []byte{1, 2, 3, 4, 5})
	long := bytes.Clone(gro)
	long[0] = 200
	for _, tc := range []struct {
		name    string
		control []byte
		want    int
	}{
		{"none", nil, 0},
		{"alone", gro, 1472},
		{"after another", append(bytes.Clone(other), gro...), 1472},
		{"another only", other, 0},
		{"cut", gro[:10], 0},
		{"too short for a size", message(unix.SOL_UDP, unix.UDP_GRO, []byte{1}), 0},
		{"longer than the buffer", long, 0},
		{"zero", make([]byte, 32), 0},
	} {
		if got := groSize(tc.control); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}
