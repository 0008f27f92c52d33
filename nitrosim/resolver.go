package nitrosim

import (
	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// What an instance sends to its VPC's resolver ends on its own host, where a device of its
// own has the resolver's addresses; what comes from that device goes to an instance of the
// VPC on this host, and nowhere else.

// toResolver hands an instance's packet to the resolver of its VPC.
func (h *Host) toResolver(from *cellstate.Instance) (Verdict, drop.Reason) {
	if len(h.state.Resolvers) == 0 {
		return nowhere, drop.NoInstance
	}
	return Verdict{Resolver: from.VPC}, drop.None
}

// FromResolver takes a packet that the resolver of a VPC sent to an instance.
func (h *Host) FromResolver(vpc *cellstate.VPC, p *wire.Packet, v *packet.View) Verdict {
	h.Traffic.Receive(telemetry.TUN, len(p.Data))
	verdict, r := h.answered(vpc, p, v)
	if r != drop.None {
		h.Traffic.Dropped[r]++
		return nowhere
	}
	return h.count(verdict, p)
}

func (h *Host) answered(vpc *cellstate.VPC, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	var to *cellstate.Instance
	six := packet.IsIPv6(p.Data)
	if six {
		if r := h.six.Decode(&p.Packet); r != drop.None {
			return nowhere, r
		}
		if h.six.IP.Src() != cellstate.Resolver6 {
			return nowhere, drop.SpoofedSource
		}
		to = h.state.Instance6(h.six.IP.Dst())
	} else {
		if r := v.Decode(&p.Packet); r != drop.None {
			return nowhere, r
		}
		if !vpc.IsResolver(v.IP.Src()) {
			return nowhere, drop.SpoofedSource
		}
		to = vpc.Instance(v.IP.Dst())
	}
	if to == nil || to.VPC != vpc || to.Of != nil || to.Host.Name != h.name {
		return nowhere, drop.NoInstance
	}
	if six {
		return h.handOver6(to, p)
	}
	return h.handOver(to, p, v)
}
