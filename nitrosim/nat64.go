package nitrosim

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// NAT64 (RFC 6146) in two steps, of which this is the one without state (RFC 7915): an
// instance's IPv6 address and its NAT64 side, an IPv4 address, stand for each other, as do
// IPv4 addresses and those under the VPC's prefix (RFC 6052). What is left to do for the
// gateway is NAT between IPv4 addresses, with ports: the Tops, Flow Masters and Deciders
// have one kind of flow.
//
//	instance            this host                            Top                    internet
//	2001:db8::10   ⇄    240.1.2.3, its NAT64 side    ⇄    198.51.100.1:port   ⇄
//	64:ff9b::cb00:710a  203.0.113.10                      203.0.113.10              203.0.113.10
//
// The hop limit is the Top's to take, as that of IPv4.

// toNAT64 makes an IPv4 packet of an instance's IPv6 packet and sends it to the gateway.
func (h *Host) toNAT64(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway) (Verdict, drop.Reason) {
	six, side, prefix := &h.six, from.NAT64, from.VPC.NAT64
	cut := six.Kind == packet.KindFragment
	if cut {
		if whole, r := h.reassemble6(now, from.VPC, p); !whole {
			return nowhere, r
		}
	}
	dst, ok := prefix.Extract(six.IP.Dst())
	if !ok || !dst.Routable() {
		return nowhere, drop.BadAddress
	}
	if from.VPC.Contains(dst) {
		// A gateway leads out of the VPC; what is inside has no way back by it.
		h.extras.icmp6(h, now, from, p, packet.ICMPv6Unreachable, packet.ICMPv6CodeNoRoute, 0)
		return nowhere, drop.NoRoute
	}
	h.identification++
	flow := packet.Rewrite{Src: side.Addr, Dst: dst, SrcPort: six.Tuple.SrcPort, DstPort: six.Tuple.DstPort}
	if six.Kind == packet.KindICMPError {
		// The quoted packet came from whom the flow is with; the error may be for another.
		outer := flow
		if flow.Dst, ok = prefix.Extract(six.Tuple.Dst); !ok {
			return nowhere, drop.BadICMPQuote
		}
		if r := six.ErrorTo4(&p.Packet, outer, flow, h.identification, side.MTU, v); r != drop.None {
			return nowhere, r
		}
	} else if r := six.To4(&p.Packet, flow, h.identification, v); r != drop.None {
		return nowhere, r
	} else if cut {
		v.IP.SetFragment(false, false, 0) // the instance lets it be cut (RFC 7915, section 5.1.1)
	}
	if service, ok := h.reflections.lookup(now, v.Tuple.WithVNI(from.VPC.VNI)); ok {
		if reflected := h.state.Gateway(service); reflected != nil && reflected.VPC == from.VPC {
			gw = reflected
		}
	}
	return h.toGateway(now, p, v, gw)
}

// fromNAT64 gives an instance, as IPv6, what came for its NAT64 side. What is then larger
// than the instance's MTU leaves in fragments, if its sender lets it be cut.
func (h *Host) fromNAT64(side *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	if tooBig(&p.Packet, v, side.MTU) && (v.IP.DontFragment() || p.Offload.GSO != packet.GSONone) {
		return nowhere, drop.TooBig
	}
	room := p.Room
	if need := v.Room6(); !packet.Adjoins(room, p.Data) || len(room) < need {
		b := h.extras.borrow(need + len(p.Data))
		if b == nil {
			return nowhere, drop.FragmentMemory
		}
		copy(b[need:], p.Data)
		p.Data, room = b[need:], b[:need]
		if r := v.Decode(&p.Packet); r != drop.None {
			return nowhere, r
		}
	}
	if r := h.translate6(side, &p.Packet, room, v); r != drop.None {
		return nowhere, r
	}
	return h.handOver6(side.Of, p)
}

// translate6 makes an IPv6 packet for the instance of a NAT64 side.
func (h *Host) translate6(side *cellstate.Instance, p *packet.Packet, room []byte, v *packet.View) drop.Reason {
	prefix, to := side.VPC.NAT64, side.Of
	src, ok := prefix.Embed(v.IP.Src())
	if !ok {
		return drop.BadAddress
	}
	flow := packet.Rewrite6{Src: src, Dst: to.Addr6, SrcPort: v.Tuple.SrcPort, DstPort: v.Tuple.DstPort}
	if v.Kind != packet.KindICMPError {
		return v.To6(p, room, flow, &h.six)
	}
	outer := flow
	if flow.Src, ok = prefix.Embed(v.Tuple.Src); !ok {
		return drop.BadICMPQuote
	}
	return v.ErrorTo6(p, room, outer, flow, to.MTU, &h.six)
}
