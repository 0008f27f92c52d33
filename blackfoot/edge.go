package blackfoot

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/liveness"
	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Edge is the pure core of one Blackfoot. It is not safe for concurrent use.
type Edge struct {
	state *cellstate.State
	tops  *liveness.Detector

	pieces []packet.Packet // fragments made in this turn
	arena  []byte
	used   int

	six        packet.View6 // the IPv6 packet in hand
	fragments  packet.Fragments
	fragments6 packet.Fragments6
	fragmentID uint32 // of the last IPv6 packet cut here

	// Traffic accounts for every packet; the shell adds what the kernel refused.
	Traffic telemetry.Traffic
}

// New returns an edge that forwards nothing until a state is applied.
func New() *Edge {
	return &Edge{tops: liveness.New(), pieces: make([]packet.Packet, 0, piecesMax), arena: make([]byte, pieceArena)}
}

// Apply makes s the edge's state.
func (e *Edge) Apply(now time.Duration, s *cellstate.State) {
	e.state = s
	e.tops.Apply(now, s.CellID, s.Tops)
}

// Tick runs timers; the shell calls it every loop.Tick.
func (e *Edge) Tick(now time.Duration) { e.tops.Tick(now) }

// Probes returns what to ask the Tops after a Tick; see liveness.
func (e *Edge) Probes(now time.Duration) []liveness.Probe {
	probes := e.tops.Probes(now)
	for i := range probes {
		e.Traffic.Generated++
		e.Traffic.Queue(telemetry.Wire, len(probes[i].Payload))
	}
	return probes
}

// FromInternet takes a packet from the TUN; true when p, encapsulated, is to
// be sent to p.Peer, the Top of its slot.
func (e *Edge) FromInternet(p *wire.Packet, v *packet.View) bool {
	e.Traffic.Receive(telemetry.TUN, len(p.Data))
	if r := e.encapsulate(p, v); r != drop.None {
		e.Traffic.Dropped[r]++
		return false
	}
	e.Traffic.Queue(telemetry.Wire, len(p.Data))
	return true
}

func (e *Edge) encapsulate(p *wire.Packet, v *packet.View) drop.Reason {
	if packet.IsIPv6(p.Data) {
		return e.encapsulate6(p)
	}
	if r := v.Decode(&p.Packet); r != drop.None {
		return r
	}
	if !v.IP.Src().Routable() {
		return drop.BadAddress
	}
	if e.state.GatewayByPublic(v.IP.Src()) != nil {
		return drop.SpoofedSource // what the cell sends to itself does not come from there (RFC 2827)
	}
	return e.toTop(p, v)
}

// toTop addresses a packet to a Top of the gateway whose public address it is for.
func (e *Edge) toTop(p *wire.Packet, v *packet.View) drop.Reason {
	gw := e.state.GatewayByPublic(v.IP.Dst())
	if gw == nil {
		return drop.UnknownPublicAddress
	}
	if p.Peer = e.tops.Top(slot(gw.Service, v)); p.Peer == 0 {
		return drop.NoNode
	}
	p.Tunnel = packet.Tunnel{Service: gw.Service, Hops: hopBudget}
	return drop.None
}

// slot is where a packet from the internet belongs. Fragments pass as they are,
// and most of them have no ports: the identification, which all fragments of a
// packet share, stands for them, so that one Top collects the packet.
func slot(service uint32, v *packet.View) uint32 {
	if v.Kind == packet.KindFragment {
		return shard.FragmentSlot(service, v.IP.Protocol(), v.IP.Src(), v.IP.ID())
	}
	return liveness.Slot(service, v.Tuple.Reverse())
}

// Way is where a packet from a node goes on.
type Way uint8

const (
	// Ends: nowhere. It was dropped and counted, or is among Pieces, or was for the
	// edge itself.
	Ends Way = iota
	// ToInternet: to the TUN as it is.
	ToInternet
	// ToCell: back, to p.Peer. It is for a public address of the cell (hairpinning,
	// RFC 4787, section 6): the internet would only send it back here.
	ToCell
)

// FromCell takes a packet from a node and says where it goes. A datagram of another
// stage carries no packet for the internet: it is a Top's answer, which ends here, or
// nothing that an edge has a use for.
func (e *Edge) FromCell(p *wire.Packet, v *packet.View) Way {
	e.Traffic.Receive(telemetry.Wire, len(p.Data))
	if p.Tunnel.Stage != packet.StageData {
		kind, _ := e.state.Peer(p.Peer)
		if r := e.tops.Receive(kind, p); r != drop.None {
			e.Traffic.Dropped[r]++
		} else {
			e.Traffic.Consumed++
		}
		return Ends
	}
	if packet.IsIPv6(p.Data) {
		way, r := e.fromHost(p)
		if r != drop.None {
			e.Traffic.Dropped[r]++
		}
		return way
	}
	if r := e.decapsulate(p, v); r != drop.None {
		e.Traffic.Dropped[r]++
		return Ends
	}
	if e.state.GatewayByPublic(v.IP.Dst()) != nil {
		if r := e.toTop(p, v); r != drop.None {
			e.Traffic.Dropped[r]++
			return Ends
		}
		e.Traffic.Queue(telemetry.Wire, len(p.Data))
		return ToCell
	}
	if p.Offload.GSO == packet.GSONone && len(p.Data) > e.state.InternetMTU {
		if r := e.cut(p, v); r != drop.None {
			e.Traffic.Dropped[r]++
		}
		return Ends
	}
	e.Traffic.Queue(telemetry.TUN, len(p.Data))
	return ToInternet
}

func (e *Edge) decapsulate(p *wire.Packet, v *packet.View) drop.Reason {
	kind, _ := e.state.Peer(p.Peer)
	switch {
	case kind == cellstate.PeerUnknown:
		return drop.UnknownPeer
	case kind != cellstate.PeerNode, p.Tunnel.VNI != 0:
		return drop.WrongTenant
	case p.Tunnel.Hops == 0:
		return drop.HopBudget
	}
	if r := v.Decode(&p.Packet); r != drop.None {
		return r
	}
	gw := e.state.Gateway(p.Tunnel.Service)
	switch {
	case gw == nil:
		return drop.UnknownService
	case e.state.GatewayByPublic(v.IP.Src()) != gw:
		return drop.SpoofedSource
	case !v.IP.Dst().Routable():
		return drop.BadAddress
	case p.Offload.GSO != packet.GSONone && v.HeadLen+int(p.Offload.GSOSize) > e.state.InternetMTU:
		return drop.TooBig // the node answers these; one that does not is wrong
	}
	return drop.None
}

// cut makes fragments of p that fit the internet's MTU.
func (e *Edge) cut(p *wire.Packet, v *packet.View) drop.Reason {
	mtu := e.state.InternetMTU
	if r := e.fragments.Plan(&p.Packet, v, mtu); r != drop.None {
		return r
	}
	return e.addPieces(&e.fragments, mtu)
}

// Pieces returns the fragments made in this turn, for the TUN.
func (e *Edge) Pieces() []packet.Packet { return e.pieces }

// EndTurn ends the life of the fragments.
func (e *Edge) EndTurn() { e.pieces, e.used = e.pieces[:0], 0 }
