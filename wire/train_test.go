package wire

import (
	"bytes"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"hyperplane/packet"
)

// Whatever is queued for whomever: the datagrams of each peer and lane stand in its
// trains in order, byte for byte, and no train breaks the kernel's rules.
func TestTrainsKeepEveryDatagram(t *testing.T) {
	var c conn // without a socket: nothing is flushed here
	rapid.Check(t, func(rt *rapid.T) {
		const sizeOK = 1572
		c = conn{fd: 1, maxPacket: sizeOK - packet.GeneveLen}
		c.send.init(sizeOK)
		type way struct {
			peer packet.Addr4
			lane uint8
		}
		want := map[way][][]byte{}
		for i := range rapid.IntRange(1, 400).Draw(rt, "packets") {
			if c.send.n+packetTrainsMax > trainsMax {
				break // Send would flush
			}
			size := rapid.OneOf(rapid.IntRange(0, 100), rapid.SampledFrom([]int{40, 512, 513, 1400, sizeOK - packet.GeneveLen}), rapid.IntRange(0, 60000)).Draw(rt, "size")
			p := Packet{Peer: packet.Addr4(rapid.IntRange(1, 3).Draw(rt, "peer"))}
			p.Data = bytes.Repeat([]byte{byte(i)}, size)
			p.Tunnel.VNI = uint32(rapid.IntRange(0, 1).Draw(rt, "vni"))
			p.Tunnel.Service, p.Tunnel.Stage = uint32(i), uint8(rapid.IntRange(0, 4).Draw(rt, "stage"))
			if p.Tunnel.Stage == packet.StageChain {
				p.Tunnel.Chain = &[packet.ChainLen]byte{byte(i)}
			}
			if size > 0 {
				p.Data[0] = 4 << 4
				if p.Tunnel.Stage == packet.StageData && rapid.Bool().Draw(rt, "ipv6") {
					p.Data[0] = 6 << 4
				}
			}
			c.Send(&p)
			datagram := make([]byte, p.Tunnel.Len())
			p.Tunnel.Describe(p.Data, p.Offload)
			p.Tunnel.Encode(datagram)
			w := way{p.Peer, laneOf(&p.Tunnel)}
			want[w] = append(want[w], append(datagram, p.Data...))
		}
		got := map[way][][]byte{}
		for i := range c.send.n {
			tr := &c.send.trains[i]
			if tr.n == 0 || tr.n > trainDatagramsMax || tr.bytes > datagramMax || tr.iovecs > 2*tr.n {
				rt.Fatalf("train of %d datagrams, %d bytes, %d ranges", tr.n, tr.bytes, tr.iovecs)
			}
			if tr.singly != (tr.seg > sizeOK) {
				rt.Fatalf("train of datagrams of %d bytes over a path of %d, to be sent singly: %v", tr.seg, sizeOK, tr.singly)
			}
			var at iovecCursor
			for d := range tr.n {
				size := min(tr.seg, tr.bytes-d*tr.seg)
				if size <= 0 || (size < tr.seg && d != tr.n-1) {
					rt.Fatalf("datagram %d of %d: %d bytes, train of %d", d, tr.n, size, tr.seg)
				}
				var b []byte
				for _, v := range at.take(&c.single, tr.iovec[:tr.iovecs], size) {
					b = append(b, unsafe.Slice(v.Base, v.Len)...)
				}
				w := way{tr.peer, tr.lane}
				got[w] = append(got[w], b)
			}
		}
		for w, datagrams := range want {
			if len(got[w]) != len(datagrams) {
				rt.Fatalf("%v: %d datagrams, want %d", w, len(got[w]), len(datagrams))
			}
			for i := range datagrams {
				if !bytes.Equal(got[w][i], datagrams[i]) {
					rt.Fatalf("%v: datagram %d differs", w, i)
				}
			}
		}
	})
}

// Small packets of equal size need one range: they lie next to each other.
func TestSmallPacketsAreJoined(t *testing.T) {
	c := conn{fd: 1, maxPacket: 1548}
	c.send.init(1572)
	for range trainDatagramsMax {
		c.Send(&Packet{Packet: packet.Packet{Data: make([]byte, 60)}, Peer: 1})
	}
	if tr := &c.send.trains[0]; c.send.n != 1 || tr.iovecs != 1 || tr.n != trainDatagramsMax || !tr.closed {
		t.Errorf("%d trains; the first of %d datagrams in %d ranges", c.send.n, tr.n, tr.iovecs)
	}
	c.Send(&Packet{Packet: packet.Packet{Data: make([]byte, 60)}, Peer: 1})
	if c.send.n != 2 {
		t.Error("a full train took another datagram")
	}
}

// The longest packet in the smallest pieces stays below the trains kept for it,
// in pieces that do not even fit the path too.
func TestPacketTrainsMax(t *testing.T) {
	for _, mss := range []int{165, 203, 405, 536} {
		super := superpacket(t, packet.PacketMax, mss)
		for _, tunnel := range []packet.Tunnel{{}, {Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)}} {
			c := conn{fd: 1, maxPacket: pathMTUMin - packet.TunnelOverhead}
			c.send.init(pathMTUMin - 28)
			p := Packet{Packet: super, Peer: 1, Tunnel: tunnel}
			c.Send(&p)
			if c.stats.RefusedPackets != 0 || c.send.n >= packetTrainsMax {
				t.Errorf("stage %d, segments of %d: %d trains, kept are %d; refused %d", tunnel.Stage, mss, c.send.n, packetTrainsMax, c.stats.RefusedPackets)
			}
		}
	}
}

// superpacket is a TCP packet of total bytes with the longest headers.
func superpacket(t *testing.T, total, mss int) packet.Packet {
	t.Helper()
	b := make([]byte, total)
	fillSuperpacket(b)
	p := packet.Packet{Data: b, Offload: packet.Offload{GSO: packet.GSOTCPv4, GSOSize: uint16(mss), Partial: true}}
	if r := new(packet.View).Decode(&p); r != 0 {
		t.Fatal(r)
	}
	return p
}

func fillSuperpacket(b []byte) {
	ip := packet.IPv4(b)
	ip.Encode(packet.IPv4Fields{TotalLen: len(b), TTL: 64, Protocol: packet.ProtoTCP, Src: 1 << 24, Dst: 2 << 24})
	b[0] = 0x4f // 60 bytes: the options are all "end"
	ip.UpdateChecksum()
	packet.TCP(b[60:]).Encode(packet.TCPFields{SrcPort: 1, DstPort: 2, HeaderLen: 60, Flags: packet.TCPAck})
}

// A superpacket of two trains of which one is refused is one refused packet;
// its neighbours in the same trains are judged apart.
func TestRefusedPacketsAreCountedOnce(t *testing.T) {
	const total, page = 64 << 10, 4 << 10
	memory, err := unix.Mmap(-1, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	data := memory[:120+46*1400] // 41 pieces fill the first train with the packet before, 5 the second
	fillSuperpacket(data)
	for _, tc := range []struct {
		name          string
		hole          int // byte that the kernel cannot read
		singly        int
		sent, refused uint64
		datagrams     uint64
	}{
		{"first train, with the packet before", 8 << 10, 0, 1, 2, 6},
		{"second train, with the packet behind", 60 << 10, 0, 1, 2, 42},
		{"first datagrams", 8 << 10, 9, 2, 1, 44},
		{"last datagrams", 60 << 10, 9, 2, 1, 45},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			c := newConn(fd, 0, 9, 1600) // 127.0.0.1, UDP discard
			defer c.Close()
			c.singly = tc.singly
			// Pieces of 1400 bytes and neighbours of the same size share trains.
			p := Packet{Packet: packet.Packet{Data: data, Offload: packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 1400, Partial: true}}, Peer: 127<<24 | 1}
			if r := new(packet.View).Decode(&p.Packet); r != 0 {
				t.Fatal(r)
			}
			before := p
			before.Data, before.Offload = make([]byte, 1520), packet.Offload{}
			behind := before
			behind.Data = make([]byte, 100)
			c.Send(&before)
			c.Send(&p)
			c.Send(&behind)
			if c.send.n != 2 || c.send.trains[0].n != 42 || c.send.trains[1].n != 6 {
				t.Fatalf("%d trains, the first of %d and %d datagrams; the test wants 42 and 6", c.send.n, c.send.trains[0].n, c.send.trains[1].n)
			}
			if err := unix.Mprotect(memory[tc.hole:tc.hole+page], unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
			c.Flush()
			if err := unix.Mprotect(memory[tc.hole:tc.hole+page], unix.PROT_READ|unix.PROT_WRITE); err != nil {
				t.Fatal(err)
			}
			s := c.Stats()
			if s.SentPackets != tc.sent || s.RefusedPackets != tc.refused || s.SentDatagrams != tc.datagrams {
				t.Errorf("sent %d, refused %d, datagrams %d; want %d, %d, %d", s.SentPackets, s.RefusedPackets, s.SentDatagrams, tc.sent, tc.refused, tc.datagrams)
			}
		})
	}
}

// A superpacket that nobody decoded is refused, not cut by what its metadata lacks.
func TestSendRefusesWhatIsNotDecoded(t *testing.T) {
	c := conn{fd: 1, maxPacket: 1548}
	c.send.init(1572)
	p := Packet{Packet: superpacket(t, 9000, 1400), Peer: 1}
	p.Offload = packet.Offload{GSO: p.Offload.GSO, GSOSize: p.Offload.GSOSize, Partial: true}
	c.Send(&p)
	if c.stats.RefusedPackets != 1 || c.send.n != 0 {
		t.Errorf("refused %d, %d trains", c.stats.RefusedPackets, c.send.n)
	}
}
