package decider

import (
	"slices"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// choose answers a Choose. The answer is the question with the decision added,
// and goes back to who asked.
func (d *Decider) choose(now time.Duration, msg chain.Message) chain.Message {
	msg.Kind, msg.Reason = chain.Chosen, d.lease(now, &msg)
	if msg.Reason != drop.None {
		msg.Kind, msg.Public, msg.PublicPort = chain.Refused, 0, 0
	}
	msg.To, msg.From = msg.From, msg.To
	return msg
}

// lease finds a free port for the flow on one of the gateway's addresses and
// writes the decision into msg.
func (d *Decider) lease(now time.Duration, msg *chain.Message) drop.Reason {
	if d.state == nil {
		return drop.UnknownService
	}
	gateway := d.state.Gateway(msg.Service)
	if gateway == nil {
		return drop.UnknownService
	}
	if d.slab.Len() == len(d.leases) {
		return drop.FlowTableFull
	}
	if gateway.PortBlocks != nil {
		return d.leaseOfBlock(now, msg, gateway)
	}
	if msg.PublicPort != 0 && slices.Contains(gateway.Public, msg.Public) {
		return d.again(now, msg, gateway.FlowsPerDestination)
	}
	n := uint64(len(gateway.Public))
	first := uint64(mix(msg.Flow.Src)) * n >> 32
	for k := range n {
		msg.Public = gateway.Public[(first+k)%n]
		if !gateway.Gives(msg.Public) {
			continue
		}
		// What speaks from several ports expects one address (RFC 4787, REQ-2).
		if reason := d.leaseOn(now, msg, gateway, classOf(msg)); reason != drop.PortsExhausted || msg.Independent {
			return reason
		}
	}
	return drop.PortsExhausted
}

// again leases the port that the flow had until it ended a moment ago, and that rests
// for it alone: the Flow Master, which knows that, names it in the question. The
// limit holds for it as for any other.
func (d *Decider) again(now time.Duration, msg *chain.Message, livingMax int) drop.Reason {
	i, known := d.find(msg.Held())
	counted := known && d.leases[i].destination&resting == 0
	if held := d.heldTowards(destinationOf(msg)); !counted && held.living() >= livingMax {
		return drop.PortsExhausted
	}
	d.adopt(now, msg)
	return drop.None
}

// leaseOfBlock leases one of the ports that the instance has for itself.
func (d *Decider) leaseOfBlock(now time.Duration, msg *chain.Message, gateway *cellstate.NATGateway) drop.Reason {
	public, first, ok := gateway.Block(msg.Flow.Src)
	if !ok {
		return drop.PortsExhausted
	}
	if holder, known := gateway.Holder(msg.Public, msg.PublicPort); known && holder == msg.Flow.Src {
		return d.again(now, msg, gateway.FlowsPerDestination)
	}
	msg.Public = public
	return d.leaseOn(now, msg, gateway, classOf(msg).within(first, uint32(gateway.PortBlocks.Blocks)))
}

// leaseOn leases a port of a class of the one address msg.Public.
func (d *Decider) leaseOn(now time.Duration, msg *chain.Message, gateway *cellstate.NATGateway, c class) drop.Reason {
	destination := destinationOf(msg)
	held := d.heldTowards(destination)
	if held.living() >= gateway.FlowsPerDestination || msg.Class == 0 && held.open >= heldPerDestinationMax {
		return drop.PortsExhausted
	}
	outside, ok := d.search(gateway, destination, c, parityOf(gateway, msg))
	if !ok {
		return drop.PortsExhausted
	}
	if !d.insert(now, outside, msg.Lease) {
		return drop.FlowTableFull
	}
	msg.PublicPort = outside.SrcPort
	return drop.None
}

// destinationOf is the key of what is held of msg.Public where msg's flow goes: towards
// its remote end, or if it is Independent, towards everybody.
func destinationOf(msg *chain.Message) packet.Tuple {
	key := msg.Held()
	key.SrcPort = 0
	return key
}

// parity is which ports will do: all, or those that are odd, or even.
type parity uint8

const (
	anyParity parity = iota
	even
	odd
)

// parityOf is that of the inside port where the gateway preserves it (RFC 4787, REQ-4).
// Where only ports of one seat are given there is nothing to choose from.
func parityOf(gateway *cellstate.NATGateway, msg *chain.Message) parity {
	if !gateway.PortParity || msg.Class != 0 || msg.Flow.Proto() == packet.ProtoICMP {
		return anyParity
	}
	inside := msg.Flow.SrcPort
	return even + parity(inside&1)
}

func (p parity) fits(port uint16) bool { return p == anyParity || even+parity(port&1) == p }

// search returns an outside tuple towards the destination with a port of the
// class and parity that nobody holds: random draws first, then one sweep over the class
// from where the last draw fell.
func (d *Decider) search(gateway *cellstate.NATGateway, outside packet.Tuple, c class, p parity) (packet.Tuple, bool) {
	size := c.size(d.blocks)
	if size == 0 {
		return outside, false
	}
	var k uint32
	for range drawsMax {
		k = uint32(uint64(uint32(d.random.Uint64())) * uint64(size) >> 32)
		outside.SrcPort = c.port(k)
		if p.fits(outside.SrcPort) && d.isFree(gateway, outside) {
			return outside, true
		}
	}
	for range size - 1 {
		if k++; k == size {
			k = 0
		}
		outside.SrcPort = c.port(k)
		if p.fits(outside.SrcPort) && d.isFree(gateway, outside) {
			return outside, true
		}
	}
	return outside, false
}

// isFree reports whether nobody holds an outside tuple, nor has its port by a port forward.
func (d *Decider) isFree(gateway *cellstate.NATGateway, outside packet.Tuple) bool {
	_, held := d.find(outside)
	return !held && gateway.ForwardTo(outside.Proto(), outside.Src, outside.SrcPort) == nil
}

// mix spreads the bits of an inside address (the finisher of MurmurHash3), so
// that neighbours use different public addresses. It has no seed: an instance
// keeps its public address when the Decider starts anew, or another one answers.
func mix(a packet.Addr4) uint32 {
	x := uint32(a)
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}
