package wiretest

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// chainBody is a chain option's body whose bytes depend on n.
func chainBody(n uint32) *[packet.ChainLen]byte {
	b := new([packet.ChainLen]byte)
	fill(b[:], 7, n)
	return b
}

// optionLen is by how much a chain option shortens what a datagram carries.
const optionLen = packet.GeneveMax - packet.GeneveLen

// chainOptions sends packets of every form with a chain option: the packet
// arrives as any other, and the option with each of its pieces, also after the
// sender used the option's place for the next.
func chainOptions(t *testing.T, open Open, mtu int) {
	c := open(t, 2, mtu)
	longest := packet.PacketMax - packet.TunnelOverhead - optionLen
	want := []packet.Packet{TCP(4000, 1, 0, 0), UDP(5000, 1, 18, 0), TCP(4000, 1<<20, 60000, 1400), UDP(5000, 2, 40000, 1400),
		TCP(4000, 2<<20, packet.PacketMax-tcpHead, 1400)}
	// Around what fits without the option, and with it.
	for i, size := range []int{-optionLen - 1, -optionLen, -optionLen + 1, 0, 1} {
		size = min(c[0].MaxPacket()+size, longest)
		want = append(want, TCP(4001, uint32(i+1)<<20, size-tcpHead, 200), UDP(5001, uint32(i), size-udpHead, 0))
	}
	var chain [packet.ChainLen]byte
	for i, p := range want {
		chain = *chainBody(uint32(i))
		w := wire.Packet{Packet: p, Tunnel: packet.Tunnel{VNI: 100, Service: 1, Stage: packet.StageChain, Hops: 4, Chain: &chain}, Peer: c[1].LocalAddr()}
		if r := new(packet.View).Decode(&w.Packet); r != drop.None {
			t.Fatalf("the test's own packet: %v", r)
		}
		c[0].Send(&w)
	}
	clear(chain[:])
	c[0].Flush()
	pieces := make([]int, len(want))
	receiveMerged(t, c[1], want, func(i int, p wire.Packet) {
		pieces[i]++
		got := p.Tunnel
		if got.Chain == nil || *got.Chain != *chainBody(uint32(i)) {
			t.Fatalf("packet %d, piece %d: chain option %x", i, pieces[i], got.Chain)
		}
		if got.VNI != 100 || got.Service != 1 || got.Stage != packet.StageChain || got.Hops != 4 {
			t.Fatalf("packet %d, piece %d: tunnel %+v", i, pieces[i], got)
		}
	})
	room := c[1].MaxPacket() - optionLen
	for i, p := range want {
		// In memory MaxPacket is the longest packet, and nothing is cut.
		cut := c[1].FD() >= 0 && len(p.Data) > room && p.Offload.GSO != packet.GSONone
		if cut != (pieces[i] > 1) {
			t.Errorf("packet %d of %d bytes in %d pieces; with an option %d bytes fit", i, len(p.Data), pieces[i], room)
		}
	}
	accounted(t, c[0], c[1])
	if sent := c[0].Stats().SentPackets; sent != uint64(len(want)) {
		t.Errorf("%d packets sent, want %d", sent, len(want))
	}
}

// controlDatagrams sends payloads that are no packets: any bytes, any length
// that a datagram carries, whole.
func controlDatagrams(t *testing.T, open Open, mtu int) {
	c := open(t, 2, mtu)
	longest := packet.PacketMax - packet.TunnelOverhead
	var want [][]byte
	for _, size := range []int{0, 1, 24, 88, 513, c[0].MaxPacket(), c[0].MaxPacket() + 1, 3 * c[0].MaxPacket(), longest} {
		b := make([]byte, min(size, longest))
		fill(b, 9, uint32(size))
		want = append(want, b)
	}
	stage := func(i int) uint8 { return packet.StageMessages + uint8(i)%4 } // one of a newer version among them
	for i, b := range want {
		// What offload says of a packet means nothing here.
		w := wire.Packet{Packet: packet.Packet{Data: b, Offload: packet.Offload{GSO: packet.GSOTCPv4, Partial: true, GSOSize: 100}},
			Tunnel: packet.Tunnel{Stage: stage(i), Hops: 1}, Peer: c[1].LocalAddr()}
		c[0].Send(&w)
	}
	c[0].Flush()
	for i, p := range Receive(t, c[1], len(want), 4) {
		if !bytes.Equal(p.Data, want[i]) {
			t.Errorf("payload %d of %d bytes: received %d bytes, or others", i, len(want[i]), len(p.Data))
		}
		if p.Tunnel != (packet.Tunnel{Stage: stage(i), Hops: 1}) || p.Offload != (packet.Offload{}) || p.Peer != c[0].LocalAddr() {
			t.Errorf("payload %d: tunnel %+v, offload %+v from %v", i, p.Tunnel, p.Offload, p.Peer)
		}
	}
	accounted(t, c[0], c[1])
}

// stagesTogether sends all stages to one peer in one turn: each stage keeps its
// order, and equal lengths share a train whatever the stage, except that packets of
// the internet, packets inside the cell and control datagrams have trains of their own.
func stagesTogether(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	const n, length = 60, 300
	for i := range n {
		w := wire.Packet{Tunnel: packet.Tunnel{Service: uint32(i), Stage: uint8(i % 5)}, Peer: c[1].LocalAddr()}
		if w.Tunnel.Stage == packet.StageChain {
			w.Tunnel.Chain = chainBody(uint32(i))
		}
		w.Packet = UDP(4000, uint32(i), length-udpHead-w.Tunnel.Len(), 0)
		c[0].Send(&w)
	}
	c[0].Flush()
	next := map[uint8]int{0: 0, 1: 1, 2: 2, 3: 3, 4: 4}
	for _, p := range Receive(t, c[1], n, 7) {
		i := next[p.Tunnel.Stage]
		next[p.Tunnel.Stage] += 5
		if p.Tunnel.Service != uint32(i) || p.Tunnel.Len()+len(p.Data) != length {
			t.Fatalf("where stage %d of %d should be: %+v of %d bytes", i%5, i, p.Tunnel, len(p.Data))
		}
		if p.Tunnel.Stage == packet.StageChain && *p.Tunnel.Chain != *chainBody(uint32(i)) {
			t.Errorf("packet %d has another's chain option", i)
		}
		if p.Offload.Partial == p.Tunnel.Control() {
			t.Errorf("packet %d: stage %d with offload %+v", i, p.Tunnel.Stage, p.Offload)
		}
	}
	if s := c[0].Stats(); s.Sends > 3 {
		t.Errorf("%d calls for %d datagrams of equal size", s.Sends, n)
	}
	accounted(t, c[0], c[1])
}

// contradictions are refused to their sender, who would not learn of it from a
// receiver that drops them.
func contradictions(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	for _, tunnel := range []packet.Tunnel{
		{Stage: packet.StageData, Chain: chainBody(1)},
		{Stage: packet.StageChain},
		{Stage: packet.StageMessages, Chain: chainBody(1)},
	} {
		c[0].Send(&wire.Packet{Packet: UDP(4000, 1, 100, 0), Tunnel: tunnel, Peer: c[1].LocalAddr()})
	}
	six := packet.Packet{Data: append([]byte{6 << 4}, make([]byte, 60)...)}
	c[0].Send(&wire.Packet{Packet: six, Tunnel: packet.Tunnel{Stage: packet.StageChain, Chain: chainBody(1)}, Peer: c[1].LocalAddr()})
	Send(t, c[0], c[1].LocalAddr(), UDP(4000, 2, 100, 0))
	c[0].Flush()
	Receive(t, c[1], 1, 4)
	if s := c[0].Stats(); s.RefusedPackets != 4 || s.SentPackets != 1 {
		t.Errorf("refused %d, sent %d; want 4, 1", s.RefusedPackets, s.SentPackets)
	}
}
