package blackfoot

import (
	"testing"

	"hyperplane/cellstate"
	"hyperplane/liveness/livenesstest"
	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

func newTestEdge(t *testing.T) (*Edge, *cellstate.State) {
	t.Helper()
	e, s := New(), livenesstest.Example(t)
	e.Apply(0, s)
	return e, s
}

// From the internet: by public address to the gateway, by slot to a Top, as VNI 0.
func TestEncapsulate(t *testing.T) {
	e, s := newTestEdge(t)
	var v packet.View
	p := wire.Packet{Packet: packet.Packet{Data: packettest.TCP("203.0.113.10:80", "198.51.100.2:4000", "SA", nil)}}
	if !e.FromInternet(&p, &v) {
		t.Fatalf("dropped: %v", e.Traffic.Dropped)
	}
	if top := livenesstest.FirstTop(s, shard.Slot(2, packet.ProtoTCP, packettest.Addr("203.0.113.10"), 80)); p.Peer != top || p.Tunnel != (packet.Tunnel{Service: 2, Hops: hopBudget}) {
		t.Errorf("to %v with %+v", p.Peer, p.Tunnel)
	}
	stray := wire.Packet{Packet: packet.Packet{Data: packettest.TCP("203.0.113.10:80", "198.51.100.99:4000", "SA", nil)}}
	if e.FromInternet(&stray, &v) || e.Traffic.Dropped[drop.UnknownPublicAddress] != 1 {
		t.Error("a public address of no gateway was let in")
	}
	if n := e.Traffic.Unaccounted(); n != 0 {
		t.Errorf("%d packets unaccounted for", n)
	}
}

// What one turn may cut is bounded; beyond it packets are dropped with a
// reason, and the account stays exact (I8, I13).
func TestCutIsBounded(t *testing.T) {
	e, s := newTestEdge(t)
	long := func() wire.Packet {
		return wire.Packet{
			Packet: packet.Packet{Data: packettest.UDP("198.51.100.1:4000", "203.0.113.10:53", packettest.Payload(60_000))},
			Tunnel: packet.Tunnel{Service: 1, Hops: 1}, Peer: s.Tops[0].Addr,
		}
	}
	var v packet.View
	for range 64 {
		p := long()
		if e.FromCell(&p, &v) == ToInternet {
			t.Fatal("60,000 bytes left as they are")
		}
		if n := e.Traffic.Unaccounted(); n != 0 {
			t.Fatalf("%d packets unaccounted for", n)
		}
	}
	if len(e.Pieces()) == 0 || len(e.Pieces()) > piecesMax || e.Traffic.Dropped[drop.FragmentMemory] == 0 {
		t.Errorf("%d pieces, %d packets dropped", len(e.Pieces()), e.Traffic.Dropped[drop.FragmentMemory])
	}
	for _, p := range e.Pieces() {
		if len(p.Data) > s.InternetMTU {
			t.Fatalf("a piece of %d bytes (I11)", len(p.Data))
		}
	}
	before := e.Traffic.Dropped[drop.FragmentMemory]
	e.EndTurn()
	p := long()
	if e.FromCell(&p, &v); e.Traffic.Dropped[drop.FragmentMemory] != before {
		t.Error("the next turn has no room")
	}
}

// A packet for a public address of the cell goes back to it, to a Top of that address, and
// not to the internet (RFC 4787, section 6).
func TestHairpin(t *testing.T) {
	e, s := newTestEdge(t)
	var v packet.View
	p := wire.Packet{
		Packet: packet.Packet{Data: packettest.UDP("198.51.100.1:4000", "198.51.100.2:53", nil)},
		Tunnel: packet.Tunnel{Service: 1, Hops: 1}, Peer: s.Tops[0].Addr,
	}
	if way := e.FromCell(&p, &v); way != ToCell {
		t.Fatalf("way %v, dropped %v", way, e.Traffic.Dropped)
	}
	if top := livenesstest.FirstTop(s, shard.Slot(2, packet.ProtoUDP, packettest.Addr("198.51.100.1"), 4000)); p.Peer != top || p.Tunnel != (packet.Tunnel{Service: 2, Hops: hopBudget}) {
		t.Errorf("to %v with %+v", p.Peer, p.Tunnel)
	}
	if n := e.Traffic.Unaccounted(); n != 0 {
		t.Errorf("%d packets unaccounted for", n)
	}
}

// Nobody on the internet has a public address of the cell.
func TestForgedOwnSource(t *testing.T) {
	e, _ := newTestEdge(t)
	var v packet.View
	p := wire.Packet{Packet: packet.Packet{Data: packettest.UDP("198.51.100.2:53", "198.51.100.1:4000", nil)}}
	if e.FromInternet(&p, &v) || e.Traffic.Dropped[drop.SpoofedSource] != 1 {
		t.Errorf("let in; dropped %v", e.Traffic.Dropped)
	}
}
