package nitrosim

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/liveness"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Verdict says where a packet goes: to an instance of this host, to the resolver of a
// VPC, to p.Peer, or nowhere (dropped and counted, consumed, or held for its other
// fragments).
type Verdict struct {
	Instance *cellstate.Instance // not nil: to this instance
	Resolver *cellstate.VPC      // not nil: to the resolver of this VPC
	ToPeer   bool
}

var nowhere Verdict

// Host is the pure core of one host's Nitro. It is not safe for concurrent use.
type Host struct {
	name        string
	state       *cellstate.State
	tops        *liveness.Detector
	frags       *packet.Reassembler
	reflections *reflections
	egress      *egress
	extras      extras

	six            packet.View6 // the IPv6 packet in hand
	fragments      packet.Fragments
	fragments6     packet.Fragments6
	fragmentID     uint32 // of the last IPv6 packet cut here
	identification uint16 // of the last IPv4 packet made of one of IPv6

	// Traffic accounts for every packet; the shell adds what the kernel refused.
	Traffic telemetry.Traffic
}

// New returns the core of the named host; seed keys its hash tables.
func New(name string, seed flowtable.Seed) *Host {
	h := &Host{
		name: name, tops: liveness.New(), reflections: newReflections(seed), egress: newEgress(seed), extras: newExtras(),
		fragmentID: uint32(seed[1]), identification: uint16(seed[1] >> 32),
	}
	h.frags = packet.NewReassembler(packet.ReassemblerLimits{Seed: seed[0]}, &h.Traffic.Dropped)
	return h
}

// Apply makes s the host's state. Flows and reflections go on; reflections
// outlive the flows of every gateway.
func (h *Host) Apply(now time.Duration, s *cellstate.State) {
	h.state = s
	h.egress.begin(now)
	h.tops.Apply(now, s.CellID, s.Tops)
	h.reflections.idle = 0
	for _, gw := range s.Gateways {
		t := gw.Timeouts
		h.reflections.idle = max(h.reflections.idle, t.TCPIdle, t.TCPOpening, t.TCPClosing, t.UDPIdle, t.ICMPIdle)
	}
	h.reflections.idle += reflectionRest
}

// Tick runs timers; the shell calls it every loop.Tick.
func (h *Host) Tick(now time.Duration) {
	h.frags.Expire(now)
	h.reflections.expire(now)
	h.egress.expire(now)
	h.tops.Tick(now)
}

// Probes returns what to ask the Tops after a Tick; see liveness.
func (h *Host) Probes(now time.Duration) []liveness.Probe {
	probes := h.tops.Probes(now)
	for i := range probes {
		h.Traffic.Generated++
		h.Traffic.Queue(telemetry.Wire, len(probes[i].Payload))
	}
	return probes
}

// Account is the host's traffic, with what reassembly holds and merged.
func (h *Host) Account() telemetry.Traffic {
	t := h.Traffic
	t.Consumed += h.frags.Consumed()
	t.Held = uint64(h.frags.Held())
	return t
}

// FromInstance takes a packet that an instance sent:
//
//  1. decode, 2. source check, 3. router's own address, 4. reflection or
//     route, 5. reassemble what goes to a service, 6. size, 7. encapsulate
func (h *Host) FromInstance(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View) Verdict {
	h.Traffic.Receive(telemetry.TUN, len(p.Data))
	verdict, r := h.route(now, from, p, v)
	if r != drop.None {
		h.Traffic.Dropped[r]++
		return nowhere
	}
	return h.count(verdict, p)
}

// FromWire takes a packet that a peer sent:
//
//  1. may this peer send this, 2. decode, 3. find the instance, 4. remember
//     the service for the answer, 5. size, 6. deliver
//
// A datagram of another stage carries no packet for an instance: it is a Top's
// answer, which ends here, or nothing that this host has a use for.
func (h *Host) FromWire(now time.Duration, p *wire.Packet, v *packet.View) Verdict {
	h.Traffic.Receive(telemetry.Wire, len(p.Data))
	if p.Tunnel.Stage != packet.StageData {
		kind, _ := h.state.Peer(p.Peer)
		if r := h.tops.Receive(kind, p); r != drop.None {
			h.Traffic.Dropped[r]++
		} else {
			h.Traffic.Consumed++
		}
		return nowhere
	}
	verdict, r := h.deliver(now, p, v)
	if r != drop.None {
		h.Traffic.Dropped[r]++
		return nowhere
	}
	return h.count(verdict, p)
}

func (h *Host) count(verdict Verdict, p *wire.Packet) Verdict {
	switch {
	case verdict.ToPeer:
		h.Traffic.Queue(telemetry.Wire, len(p.Data))
	case verdict.Instance != nil, verdict.Resolver != nil:
		h.Traffic.Queue(telemetry.TUN, len(p.Data))
	}
	return verdict
}

func (h *Host) route(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	if packet.IsIPv6(p.Data) {
		return h.route6(now, from, p, v)
	}
	if r := v.Decode(&p.Packet); r != drop.None {
		return nowhere, r
	}
	src, dst := v.IP.Src(), v.IP.Dst()
	if src != from.Addr || src == 0 {
		return nowhere, drop.SpoofedSource
	}
	if from.VPC.IsResolver(dst) && len(h.state.Resolvers) > 0 {
		return h.toResolver(from)
	}
	if !dst.Routable() {
		return nowhere, drop.BadAddress
	}
	if dst == from.Subnet.Router {
		return h.answerAsRouter(now, from, p, v)
	}
	vpc := from.VPC
	if service, ok := h.reflections.lookup(now, v.Tuple.WithVNI(vpc.VNI)); ok {
		// A gateway that is gone leaves its flows to the route table.
		if gw := h.state.Gateway(service); gw != nil && gw.VPC == vpc {
			return h.toGateway(now, p, v, gw)
		}
	}
	switch target := from.Subnet.Route(dst); target.Kind {
	case cellstate.RouteLocal:
		return h.toInstance(now, from, p, v)
	case cellstate.RouteNAT:
		return h.toGateway(now, p, v, target.Gateway)
	case cellstate.RouteBlackhole:
		return nowhere, drop.Blackhole
	}
	h.extras.icmp(h, now, from, p, v, packet.ICMPUnreachable, packet.ICMPCodeNet, 0)
	return nowhere, drop.NoRoute
}

// toInstance sends within the VPC: directly, no cell involved.
func (h *Host) toInstance(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	to := from.VPC.Instance(v.IP.Dst())
	if to == nil || to.Of != nil {
		return nowhere, drop.NoInstance
	}
	if tooBig(&p.Packet, v, to.MTU) && (v.IP.DontFragment() || p.Offload.GSO != packet.GSONone) {
		h.extras.icmp(h, now, from, p, v, packet.ICMPUnreachable, packet.ICMPCodeFragNeeded, uint32(to.MTU))
		return nowhere, drop.TooBig
	}
	if to.Host.Name == h.name {
		return h.handOver(to, p, v)
	}
	p.Peer = to.Host.Addr
	p.Tunnel = packet.Tunnel{VNI: from.VPC.VNI, Hops: hopBudget}
	return Verdict{ToPeer: true}, drop.None
}

// toGateway sends to the Top of the flow's slot, whole: the slot and the gateway
// need the ports, which only a first fragment has.
func (h *Host) toGateway(now time.Duration, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway) (Verdict, drop.Reason) {
	if v.Kind == packet.KindFragment {
		if whole, r := h.reassemble(now, gw.VPC, p, v); !whole {
			return nowhere, r
		}
	}
	if p.Peer = h.tops.Top(liveness.Slot(gw.Service, v.Tuple)); p.Peer == 0 {
		return nowhere, drop.NoNode
	}
	p.Tunnel = packet.Tunnel{VNI: gw.VPC.VNI, Service: gw.Service, Hops: hopBudget}
	return Verdict{ToPeer: true}, drop.None
}

// reassemble adds the fragment p to its packet and puts the whole into p when
// it is complete; until then it is held, or dropped with a reason.
func (h *Host) reassemble(now time.Duration, vpc *cellstate.VPC, p *wire.Packet, v *packet.View) (bool, drop.Reason) {
	whole, done, r := h.frags.Add(now, vpc.VNI, &p.Packet)
	if !done {
		return false, r
	}
	h.Traffic.Generated++
	p.Packet, p.Room = packet.Packet{Data: whole}, nil
	if r := v.Decode(&p.Packet); r != drop.None {
		return false, r
	}
	return true, drop.None
}

func (h *Host) deliver(now time.Duration, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	kind, peer := h.state.Peer(p.Peer)
	vpc := h.state.VPC(p.Tunnel.VNI)
	switch {
	case kind == cellstate.PeerUnknown:
		return nowhere, drop.UnknownPeer
	case vpc == nil:
		return nowhere, drop.UnknownVNI
	case p.Tunnel.Hops == 0:
		return nowhere, drop.HopBudget
	}
	if packet.IsIPv6(p.Data) {
		return h.deliver6(now, p, kind, peer, vpc)
	}
	if r := v.Decode(&p.Packet); r != drop.None {
		return nowhere, r
	}
	switch kind {
	case cellstate.PeerHost:
		// A host speaks only for the instances that it holds.
		if s := vpc.Instance(v.IP.Src()); s == nil || s.Of != nil || s.Host.Name != peer.Name || p.Tunnel.Service != 0 {
			return nowhere, drop.SpoofedSource
		}
	case cellstate.PeerNode:
		gw := h.state.Gateway(p.Tunnel.Service)
		if gw == nil {
			return nowhere, drop.UnknownService
		}
		if gw.VPC != vpc {
			return nowhere, drop.WrongTenant
		}
	default:
		return nowhere, drop.WrongTenant // an edge speaks to nodes only
	}
	to := vpc.Instance(v.IP.Dst())
	if to == nil || to.Host.Name != h.name {
		return nowhere, drop.NoInstance
	}
	if kind == cellstate.PeerNode && v.Kind != packet.KindICMPError {
		h.reflections.learn(now, v.Tuple.Reverse().WithVNI(vpc.VNI), p.Tunnel.Service)
	}
	if to.Of != nil {
		return h.fromNAT64(to, p, v)
	}
	return h.handOver(to, p, v)
}

// handOver gives p to an instance of this host, cut to the instance's MTU.
func (h *Host) handOver(to *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	if !tooBig(&p.Packet, v, to.MTU) {
		return Verdict{Instance: to}, drop.None
	}
	if p.Offload.GSO != packet.GSONone {
		return nowhere, drop.TooBig
	}
	return nowhere, h.extras.cut(h, to, p, v)
}

// tooBig reports whether p does not fit an MTU; of a superpacket, each segment has to.
func tooBig(p *packet.Packet, v *packet.View, mtu int) bool {
	if p.Offload.GSO != packet.GSONone {
		return v.HeadLen+int(p.Offload.GSOSize) > mtu
	}
	return len(p.Data) > mtu
}
