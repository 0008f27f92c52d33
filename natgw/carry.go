package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// carry takes a packet and its message from tier to tier, as far as they stand on
// this node, and addresses it to the next one that does not. It returns true when
// p is to be sent to p.Peer. Steps on one node are function calls; their number is
// bounded, since each tier answers by a message for another.
func (n *Node) carry(now time.Duration, p *wire.Packet, v *packet.View, m chain.Message) (bool, drop.Reason) {
	for range carryMax {
		if m.Kind == chain.Choose && m.To == 0 {
			if m.To = n.deciderOf(m.Slot()); m.To == 0 {
				m.Kind, m.Reason, m.Lease, m.To = chain.Refused, drop.NoOwner, 0, m.Top
			}
		}
		if m.Kind == chain.Refused && m.Lease == 0 && m.Inbound {
			// Its Top would only drop it: nobody on the internet is told. So it is
			// dropped and counted here, and a scan costs no datagram back.
			v.Tuple = m.Flow
			return false, m.Reason
		}
		if m.To == 0 {
			return false, m.Reason // its way ends here
		}
		if m.To != n.self {
			return n.sendAlong(p, &m), drop.None
		}
		switch {
		case m.Kind == chain.Choose:
			n.next = n.decider.Step(now, m, n.next[:0])
		case m.Kind == chain.Entry, m.Kind == chain.Refused && m.Lease == 0:
			return n.resume(now, p, v, &m)
		default:
			n.mirror(now, &m)
			n.next = n.master.Step(now, m, n.next[:0])
		}
		m = chain.Message{}
		for i := range n.next {
			if x := &n.next[i]; x.Packet {
				m = *x
			} else {
				n.queue = append(n.queue, *x)
			}
		}
		n.settle(now)
		if m.Kind == 0 { // a kind that is not for this node
			return false, drop.BadMessage
		}
		m.From = n.self
	}
	return false, drop.HopBudget
}

// sendAlong addresses a packet to the next tier of the chain.
func (n *Node) sendAlong(p *wire.Packet, m *chain.Message) bool {
	o := p.Tunnel.Chain
	if o == nil {
		o = n.options.take()
	}
	chain.PutOption(o, n.outbox.cell, m)
	p.Tunnel.Stage, p.Tunnel.Chain, p.Peer = packet.StageChain, o, m.To
	n.Signals.Carried++
	return true
}

// alongChain takes a packet that another node sent along the chain.
func (n *Node) alongChain(now time.Duration, p *wire.Packet, v *packet.View) (bool, drop.Reason) {
	m, r := chain.ParseOption(p.Tunnel.Chain, n.outbox.cell)
	if r != drop.None {
		return false, r
	}
	if !m.Packet {
		return false, drop.BadMessage
	}
	m.From, m.To = p.Peer, n.self
	return n.carry(now, p, v, m)
}

// mirror lets this node's Decider know what its Flow Master is told about ports.
func (n *Node) mirror(now time.Duration, m *chain.Message) {
	if m.Kind != chain.Copy || m.View != n.entered || !n.roles.Has(cellstate.RoleDecider) {
		return
	}
	note := *m
	note.Kind, note.Packet = chain.Lease, false
	if flowtrack.State(m.State&0x0f) == flowtrack.Resting {
		note.Kind = chain.End
	}
	n.decider.Step(now, note, nil)
}

// settle handles the messages that are for this node and puts the others into the
// outbox. Their number is bounded: none of them causes a question.
func (n *Node) settle(now time.Duration) {
	for i := 0; i < len(n.queue); i++ {
		m := n.queue[i]
		switch m.Kind {
		case chain.Lease, chain.End, chain.Release:
			if m.To == 0 {
				n.toDeciders(now, m)
				continue
			}
		}
		if m.To != n.self {
			n.outbox.add(&m)
			continue
		}
		n.handle(now, &m)
	}
	n.queue = n.queue[:0]
}

// handle takes a message that travels without a packet.
func (n *Node) handle(now time.Duration, m *chain.Message) {
	switch m.Kind {
	case chain.Confirm:
		n.cache.confirm(m)
	case chain.Forget:
		n.forget(now, m)
	case chain.Lease, chain.End, chain.Release:
		if n.roles.Has(cellstate.RoleDecider) {
			n.decider.Step(now, *m, nil)
		}
	default:
		n.mirror(now, m)
		n.queue = n.master.Step(now, *m, n.queue)
	}
}
