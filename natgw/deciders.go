package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/shard"
)

// deciders is which Deciders this node asks and tells about each slot: the best
// two that are up. What they know only makes their choice better, so it does not
// matter that two nodes may differ about who is up.
type deciders struct {
	table shard.Table
	addrs []packet.Addr4
	ids   []uint64
	fresh []packet.Addr4 // scratch
	made  bool
}

// watchDeciders builds the table anew when another set of Deciders is up.
func (n *Node) watchDeciders() {
	d := &n.asked
	d.fresh = d.fresh[:0]
	for _, p := range n.state.Deciders {
		if n.member.Up(p.Addr) {
			d.fresh = append(d.fresh, p.Addr)
		}
	}
	if d.made && equal(d.fresh, d.addrs) {
		return
	}
	d.made = true
	d.addrs, d.ids = append(d.addrs[:0], d.fresh...), d.ids[:0]
	for _, a := range d.addrs {
		_, p := n.state.Peer(a)
		d.ids = append(d.ids, p.ID)
	}
	d.table.Build(d.ids, 2)
}

func equal(a, b []packet.Addr4) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// deciderOf is the Decider that chooses for a slot, or 0.
func (n *Node) deciderOf(slot uint32) packet.Addr4 {
	if best := n.asked.table.At(slot); len(best) > 0 {
		return n.asked.addrs[best[0]]
	}
	return 0
}

// toDeciders tells the slot's Deciders about a lease. A node that holds the slot's
// records hears it with those.
func (n *Node) toDeciders(now time.Duration, m chain.Message) {
	slot := m.Slot()
	for _, i := range n.asked.table.At(slot) {
		m.To = n.asked.addrs[i]
		switch {
		case m.To == n.self:
			n.handle(now, &m)
		case m.Kind == chain.Release || !n.holdsAndDecides(m.To, slot):
			n.outbox.add(&m)
		}
	}
}

// holdsAndDecides reports whether a node holds a slot's records and is a Decider.
func (n *Node) holdsAndDecides(a packet.Addr4, slot uint32) bool {
	for _, h := range n.master.Holders(slot) {
		if h == a {
			_, p := n.state.Peer(a)
			return p != nil && p.Roles.Has(cellstate.RoleDecider)
		}
	}
	return false
}

// flowMasterOf is whom a Top asks about a slot: the owner, or if that does not
// answer, the next who holds the slot; 0 if nobody does.
func (n *Node) flowMasterOf(slot uint32) packet.Addr4 {
	if n.master.Owns(slot) {
		return n.self
	}
	for _, a := range n.master.Holders(slot) {
		if n.member.Up(a) {
			return a
		}
	}
	return 0
}
