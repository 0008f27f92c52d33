package blackfoot

import (
	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// IPv6 passes between the internet and hosts, translated by nobody. Which of it an
// instance may have, its host knows (the egress-only gateway): an edge keeps no flow.

// encapsulate6 takes an IPv6 packet from the internet.
func (e *Edge) encapsulate6(p *wire.Packet) drop.Reason {
	if r := e.six.Decode(&p.Packet); r != drop.None {
		return r
	}
	src := e.six.IP.Src()
	if !src.Routable() {
		return drop.BadAddress
	}
	if e.state.Contains6(src) {
		return drop.SpoofedSource // see encapsulate
	}
	return e.toHost(p)
}

// toHost addresses a packet to the host of the instance that it is for.
func (e *Edge) toHost(p *wire.Packet) drop.Reason {
	to := e.state.Instance6(e.six.IP.Dst())
	if to == nil {
		return drop.NoInstance
	}
	p.Peer = to.Host.Addr
	p.Tunnel = packet.Tunnel{VNI: to.VPC.VNI, Hops: hopBudget}
	return drop.None
}

// fromHost takes an IPv6 packet that a host sent for the internet, or for an instance of
// another VPC, whose addresses are of the internet too.
func (e *Edge) fromHost(p *wire.Packet) (Way, drop.Reason) {
	if r := e.decapsulate6(p); r != drop.None {
		return Ends, r
	}
	if e.state.Contains6(e.six.IP.Dst()) {
		if r := e.toHost(p); r != drop.None {
			return Ends, r
		}
		e.Traffic.Queue(telemetry.Wire, len(p.Data))
		return ToCell, drop.None
	}
	if p.Offload.GSO == packet.GSONone && len(p.Data) > e.state.InternetMTU {
		return Ends, e.cut6(p)
	}
	e.Traffic.Queue(telemetry.TUN, len(p.Data))
	return ToInternet, drop.None
}

func (e *Edge) decapsulate6(p *wire.Packet) drop.Reason {
	kind, peer := e.state.Peer(p.Peer)
	vpc := e.state.VPC(p.Tunnel.VNI)
	switch {
	case kind == cellstate.PeerUnknown:
		return drop.UnknownPeer
	case kind != cellstate.PeerHost, p.Tunnel.Service != 0:
		return drop.WrongTenant
	case vpc == nil:
		return drop.UnknownVNI
	case p.Tunnel.Hops == 0:
		return drop.HopBudget
	}
	if r := e.six.Decode(&p.Packet); r != drop.None {
		return r
	}
	src := e.six.IP.Src()
	switch in := e.state.Instance6(src); {
	case in != nil && (in.VPC != vpc || in.Host != peer), in == nil && !(e.six.Kind == packet.KindICMPError && vpc.IsRouter6(src)):
		return drop.SpoofedSource
	case !e.six.IP.Dst().Routable():
		return drop.BadAddress
	case p.Offload.GSO != packet.GSONone && e.six.HeadLen+int(p.Offload.GSOSize) > e.state.InternetMTU:
		return drop.TooBig // the host answers these
	}
	return drop.None
}

// cut6 makes fragments of p that fit the internet's MTU: it came to its host in fragments.
func (e *Edge) cut6(p *wire.Packet) drop.Reason {
	e.fragmentID++
	f, mtu := &e.fragments6, e.state.InternetMTU
	if r := f.Plan(&p.Packet, &e.six, mtu, e.fragmentID); r != drop.None {
		return r
	}
	return e.addPieces(f, mtu)
}

// cutter is packet.Fragments or packet.Fragments6, planned.
type cutter interface {
	N() int
	Piece(i int, dst []byte) int
}

// addPieces makes the fragments of a packet, of at most mtu bytes each.
func (e *Edge) addPieces(f cutter, mtu int) drop.Reason {
	if len(e.pieces)+f.N() > piecesMax || e.used+f.N()*mtu > len(e.arena) {
		return drop.FragmentMemory
	}
	for i := range f.N() {
		b := e.arena[e.used:]
		b = b[:f.Piece(i, b)]
		e.used += len(b)
		e.pieces = append(e.pieces, packet.Packet{Data: b})
		e.Traffic.Generated++
		e.Traffic.Queue(telemetry.TUN, len(b))
	}
	e.Traffic.Consumed++
	return drop.None
}
