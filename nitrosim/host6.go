package nitrosim

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// route6 takes an IPv6 packet that an instance sent, in the order of route. A packet for
// an IPv4 address becomes one on the way to the NAT gateway: see toNAT64.
func (h *Host) route6(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	six := &h.six
	if r := six.Decode(&p.Packet); r != drop.None {
		return nowhere, r
	}
	dst := six.IP.Dst()
	if !from.Has6() || six.IP.Src() != from.Addr6 {
		return nowhere, drop.SpoofedSource
	}
	if dst == cellstate.Resolver6 {
		return h.toResolver(from)
	}
	if !dst.Routable() {
		return nowhere, drop.BadAddress
	}
	if dst == from.Subnet.Router6 {
		return h.answerAsRouter6(now, from, p)
	}
	switch target := from.Subnet.Route6(dst); target.Kind {
	case cellstate.RouteLocal:
		return h.toInstance6(now, from, p)
	case cellstate.RouteEgress:
		return h.toInternet6(now, from, p)
	case cellstate.RouteNAT:
		return h.toNAT64(now, from, p, v, target.Gateway)
	case cellstate.RouteBlackhole:
		return nowhere, drop.Blackhole
	}
	h.extras.icmp6(h, now, from, p, packet.ICMPv6Unreachable, packet.ICMPv6CodeNoRoute, 0)
	return nowhere, drop.NoRoute
}

// toInstance6 sends within the VPC.
func (h *Host) toInstance6(now time.Duration, from *cellstate.Instance, p *wire.Packet) (Verdict, drop.Reason) {
	to := h.state.Instance6(h.six.IP.Dst())
	if to == nil || to.VPC != from.VPC {
		return nowhere, drop.NoInstance
	}
	if tooBig6(&p.Packet, &h.six, to.MTU) {
		h.extras.icmp6(h, now, from, p, packet.ICMPv6PacketTooBig, 0, uint32(to.MTU))
		return nowhere, drop.TooBig
	}
	if to.Host.Name == h.name {
		return Verdict{Instance: to}, drop.None
	}
	p.Peer = to.Host.Addr
	p.Tunnel = packet.Tunnel{VNI: from.VPC.VNI, Hops: hopBudget}
	return Verdict{ToPeer: true}, drop.None
}

// toInternet6 sends through the egress-only gateway: to an edge, whole, since the flow has
// to be known by its ports.
func (h *Host) toInternet6(now time.Duration, from *cellstate.Instance, p *wire.Packet) (Verdict, drop.Reason) {
	cut := h.six.Kind == packet.KindFragment
	if cut {
		if whole, r := h.reassemble6(now, from.VPC, p); !whole {
			return nowhere, r
		}
	}
	if h.six.IP.HopLimit() <= 1 {
		h.extras.icmp6(h, now, from, p, packet.ICMPv6TimeExceeded, 0, 0)
		return nowhere, drop.TTLExpired
	}
	// What came in fragments, the edge cuts again.
	if mtu := h.state.InternetMTU; !cut && tooBig6(&p.Packet, &h.six, mtu) {
		h.extras.icmp6(h, now, from, p, packet.ICMPv6PacketTooBig, 0, uint32(mtu))
		return nowhere, drop.TooBig
	}
	h.six.DecrementHopLimit() // answers quote what came
	tuple := h.six.Tuple.WithVNI(from.VPC.VNI)
	if r := h.egress.leaves(now, tuple, h.six.Kind, h.six.TCPFlags); r != drop.None {
		return nowhere, r
	}
	edge := h.state.Edge(spread(&tuple))
	if edge == nil {
		return nowhere, drop.NoEdge
	}
	p.Peer = edge.Addr
	p.Tunnel = packet.Tunnel{VNI: from.VPC.VNI, Hops: hopBudget}
	return Verdict{ToPeer: true}, drop.None
}

// spread spreads flows over edges. Whoever chooses addresses to overload one overloads
// its own path.
func spread(t *packet.Tuple6) (hash uint64) {
	for _, w := range t.Words() {
		hash = (hash ^ w) * 0x9e3779b97f4a7c15
		hash ^= hash >> 32
	}
	return hash
}

// deliver6 takes an IPv6 packet that a peer sent: a host for its instance, or an edge from
// the internet, of which only what belongs to a flow of the egress-only gateway passes.
func (h *Host) deliver6(now time.Duration, p *wire.Packet, kind cellstate.PeerKind, peer *cellstate.Peer, vpc *cellstate.VPC) (Verdict, drop.Reason) {
	six := &h.six
	if r := six.Decode(&p.Packet); r != drop.None {
		return nowhere, r
	}
	switch {
	case kind == cellstate.PeerHost:
		if s := h.state.Instance6(six.IP.Src()); s == nil || s.VPC != vpc || s.Host.Name != peer.Name || p.Tunnel.Service != 0 {
			return nowhere, drop.SpoofedSource
		}
	case kind == cellstate.PeerEdge && p.Tunnel.Service == 0:
	default:
		return nowhere, drop.WrongTenant
	}
	to := h.state.Instance6(six.IP.Dst())
	if to == nil || to.VPC != vpc || to.Host.Name != h.name {
		return nowhere, drop.NoInstance
	}
	if kind == cellstate.PeerEdge {
		return h.fromInternet6(now, to, p)
	}
	return h.handOver6(to, p)
}

// fromInternet6 takes a packet from the internet for an instance of this host. After the
// look-up: what belongs to no flow is never answered.
func (h *Host) fromInternet6(now time.Duration, to *cellstate.Instance, p *wire.Packet) (Verdict, drop.Reason) {
	six := &h.six
	cut := six.Kind == packet.KindFragment
	if cut {
		if whole, r := h.reassemble6(now, to.VPC, p); !whole {
			return nowhere, r
		}
	}
	if !h.egress.returns(now, six.Tuple.Reverse().WithVNI(to.VPC.VNI), six.Kind, six.TCPFlags) {
		return nowhere, drop.Unsolicited
	}
	if six.IP.HopLimit() <= 1 {
		h.extras.icmp6Out(h, now, to, p, packet.ICMPv6TimeExceeded, 0, 0)
		return nowhere, drop.TTLExpired
	}
	if !cut && tooBig6(&p.Packet, six, to.MTU) {
		h.extras.icmp6Out(h, now, to, p, packet.ICMPv6PacketTooBig, 0, uint32(to.MTU))
		return nowhere, drop.TooBig
	}
	six.DecrementHopLimit()
	return h.handOver6(to, p)
}

// handOver6 gives p to an instance of this host. What is larger than the instance's MTU
// came in fragments and leaves so: nothing else may be cut on its way.
func (h *Host) handOver6(to *cellstate.Instance, p *wire.Packet) (Verdict, drop.Reason) {
	if !tooBig6(&p.Packet, &h.six, to.MTU) {
		return Verdict{Instance: to}, drop.None
	}
	if p.Offload.GSO != packet.GSONone {
		return nowhere, drop.TooBig
	}
	return nowhere, h.extras.cut6(h, to, p)
}

// reassemble6 is reassemble for IPv6.
func (h *Host) reassemble6(now time.Duration, vpc *cellstate.VPC, p *wire.Packet) (bool, drop.Reason) {
	whole, done, r := h.frags.Add(now, vpc.VNI, &p.Packet)
	if !done {
		return false, r
	}
	h.Traffic.Generated++
	p.Packet, p.Room = packet.Packet{Data: whole}, nil
	if r := h.six.Decode(&p.Packet); r != drop.None {
		return false, r
	}
	return true, drop.None
}

// tooBig6 is tooBig for IPv6.
func tooBig6(p *packet.Packet, v *packet.View6, mtu int) bool {
	if p.Offload.GSO != packet.GSONone {
		return v.HeadLen+int(p.Offload.GSOSize) > mtu
	}
	return len(p.Data) > mtu
}
