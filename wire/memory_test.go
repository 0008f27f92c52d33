package wire_test

import (
	"testing"

	"hyperplane/packet"
	"hyperplane/wire"
	"hyperplane/wire/wiretest"
)

func openMemory(t testing.TB, n, _ int) []wire.Conn {
	x := wire.NewExchange()
	conns := make([]wire.Conn, n)
	for i := range conns {
		conns[i] = x.Port(packet.Addr4(10<<24 | i + 1))
		t.Cleanup(func() { conns[i].Close() })
	}
	return conns
}

func TestMemoryConformance(t *testing.T) { wiretest.Conformance(t, openMemory) }

// A packet travels by reference, a superpacket whole.
func TestMemoryCopiesNothing(t *testing.T) {
	c := openMemory(t, 2, 0)
	p := wiretest.TCP(4000, 1, 60000, 1400)
	buf := append(make([]byte, 30), p.Data...)
	p.Data = buf[30:]
	c[0].Send(&wire.Packet{Packet: p, Room: buf[:30], Peer: c[1].LocalAddr()})
	got := make([]wire.Packet, 2)
	if n, err := c[1].Recv(got); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if &got[0].Data[0] != &p.Data[0] || len(got[0].Data) != len(p.Data) || got[0].Offload != p.Offload {
		t.Error("not the packet that was sent")
	}
	if r := got[0].Room; len(r) != 30 || &r[:31][30] != &p.Data[0] {
		t.Errorf("room of %d bytes, or elsewhere; the sender's was 30", len(r))
	}
	if got[0].Tunnel.GSO != packet.GSOTCPv4 || got[0].Tunnel.GSOSize != 1400 || !got[0].Tunnel.Partial {
		t.Errorf("tunnel %+v does not tell the offload", got[0].Tunnel)
	}
}

// A chain option that was handed out stays what it is until the next Recv,
// also when the inbox fills up meanwhile.
func TestMemoryKeepsChains(t *testing.T) {
	x := wire.NewExchange()
	a, b := x.Port(1), x.Port(2)
	var chain [packet.ChainLen]byte
	send := func(n byte) {
		chain = [packet.ChainLen]byte{n}
		a.Send(&wire.Packet{Packet: wiretest.UDP(4000, 1, 10, 0), Peer: 2, Tunnel: packet.Tunnel{Stage: packet.StageChain, Chain: &chain}})
	}
	fill := func(n byte) {
		for refused := a.Stats().RefusedPackets; a.Stats().RefusedPackets == refused; {
			send(n)
		}
	}
	fill(1)
	pkts := make([]wire.Packet, 100)
	for n := byte(2); n < 50; n++ {
		got, _ := b.Recv(pkts)
		if got != len(pkts) {
			t.Fatalf("turn %d: received %d", n, got)
		}
		fill(n)
		for i, p := range pkts {
			if p.Tunnel.Chain[0] >= n {
				t.Fatalf("turn %d: packet %d has the chain option of one sent later, %d", n, i, p.Tunnel.Chain[0])
			}
		}
	}
}

// Nobody there, or the inbox full: refused to the sender, exactly.
func TestMemoryRefuses(t *testing.T) {
	x := wire.NewExchange()
	a, b := x.Port(1), x.Port(2)
	if x.Port(2) != b {
		t.Error("two ports with one address")
	}
	p := wire.Packet{Packet: wiretest.UDP(4000, 1, 10, 0), Peer: 3}
	a.Send(&p)
	if s := a.Stats(); s.RefusedPackets != 1 || x.Pending() != 0 {
		t.Errorf("unknown address: refused %d, pending %d", s.RefusedPackets, x.Pending())
	}
	p.Peer = 2
	const many = 100000
	for range many {
		a.Send(&p)
	}
	s := *a.Stats()
	if s.SentPackets+s.RefusedPackets != many+1 || s.RefusedPackets < 2 || uint64(x.Pending()) != s.SentPackets {
		t.Errorf("sent %d, refused %d, pending %d of %d", s.SentPackets, s.RefusedPackets, x.Pending(), many)
	}
	pkts := make([]wire.Packet, 100)
	if n, _ := b.Recv(pkts); n != len(pkts) || uint64(x.Pending()) != s.SentPackets-100 {
		t.Errorf("received %d, pending %d", n, x.Pending())
	}
	b.Close()
	if got := b.Stats(); got.ReceivedPackets+got.Overflow != s.SentPackets || x.Pending() != 0 {
		t.Errorf("received %d, lost with Close %d, pending %d; sent were %d", got.ReceivedPackets, got.Overflow, x.Pending(), s.SentPackets)
	}
	before := *a.Stats()
	a.Send(&p)
	if after := a.Stats(); after.RefusedPackets != before.RefusedPackets+1 || after.SentPackets != before.SentPackets {
		t.Errorf("sent to a closed port: %+v, before %+v", *after, before)
	}
}
