package flowtrack

import (
	"math"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/shard"
)

// View is what the Flow Master needs of the cell's agreement: a ballot, and who
// may hold flows. The zero value is a cell in which nobody does.
type View struct {
	Ballot, Prev uint64
	// Uncertain: those who agreed may not know of flows that others know. Empty:
	// there were no flows anywhere when they agreed.
	Uncertain, Empty bool
	// Mine: this very process is among the members, not one before it that has
	// ended.
	Mine bool
	// Copies is how many nodes hold each flow, 1 or 2, where so many are there.
	Copies  int
	Members []Member
}

// Member is a Flow Master that is there.
type Member struct {
	Addr packet.Addr4
	ID   uint64 // shard.NodeID: what places it
	Now  bool   // owns slots in this view
	Next bool   // owns slots in the next, when all hold what they should
}

// Standing says by what right this node acts.
type Standing struct {
	// Serving: a majority was in its view not long ago.
	Serving bool
	// Alone: it sees no majority, and goes on by itself.
	Alone bool
	// Seat numbers the ports that this node alone gives out. SeatClean: nobody has a
	// flow on one of them, not even from an earlier life of this node; see seats.go.
	Seat      uint8
	SeatClean bool
	// Rebuilding are the members that say that they do not know all flows of their slots.
	// It is read until the next Stand.
	Rebuilding []packet.Addr4
}

// never is a time that does not come, longAgo one before all.
const (
	never   = time.Duration(math.MaxInt64)
	longAgo = -never / 2
)

// holding is the slots of one view: who holds them, and since when this node
// knows all flows of each.
type holding struct {
	ballot    uint64
	uncertain bool
	mine      bool
	// holders of each slot, the owner first: those who own it now, then those who
	// are to own it next.
	holders [shard.Slots][HoldersMax]packet.Addr4
	n       [shard.Slots]uint8
	// knows is the time from which this node knows all flows of the slot; never if
	// it is not among the holders or is still being told.
	knows [shard.Slots]time.Duration
	// owned is since when it has been the slot's owner.
	owned [shard.Slots]time.Duration
	// asking: this node became the owner without knowing the slot's flows.
	asking [shard.Slots]bool
	// since is the number of the view from which on it has been told of every change
	// in the slot. Records that were last right before are not believed.
	since [shard.Slots]uint32
}

// number is what views are counted by.
func (h *holding) number() uint32 { return uint32(h.ballot >> 32) }

// Enter makes v the view that this node acts in. Messages of other views are
// refused from now on.
//
// What this node knows of a slot carries over where it held it in the view that
// v was made from: every decision of that view passed by it. Where it did not,
// it is told by the owner's stream; where it is the owner itself and nobody can
// tell it, it learns from the Tops.
//
// Where v was made from a view that this node was never in, missed says which, if that
// is known. Nobody but this node itself could decide there about slots that it owned in
// it, so of these it has missed nothing.
func (m *Master) Enter(now time.Duration, v, missed View) {
	m.leave()
	from, next := m.rotate(v)
	var between *holding
	if missed.Mine && missed.Ballot == v.Prev && missed.Prev != 0 && missed.Prev == m.prior.ballot && !missed.Uncertain {
		from, between = m.prior, m.spare
		m.place(between, missed)
	}
	strayed := m.strayed
	m.strayed = false
	next.ballot, next.uncertain, next.mine = v.Ballot, v.Uncertain, v.Mine
	m.place(next, v)
	m.enteredAt, m.begun = now, false
	if m.entered = now; v.Empty {
		m.entered = now - restGuard // there was nobody to wait for
	}
	m.heldRounds = m.heldRounds[:0]
	m.lapsed = v.Mine && from == nil && v.Prev != 0
	m.learning = 0
	for s := range uint32(shard.Slots) {
		next.knows[s], next.owned[s], next.since[s], next.asking[s] = never, now, next.number(), false
		if !v.Mine || !next.holds(m.self, s) {
			continue
		}
		owner := next.owner(s) == m.self
		held := from != nil && from.holds(m.self, s) && (between == nil || between.owner(s) == m.self)
		if owner && (from == nil || from.owner(s) != m.self) {
			m.Taken.Takeovers++
		}
		switch {
		case v.Empty:
			next.knows[s] = now
		case held && strayed:
			if owner {
				next.since[s] = from.since[s] // it goes on with what it has, and learns what it may have ended
			}
		case held:
			next.knows[s], next.since[s] = from.knows[s], from.since[s]
			if owner && from.owner(s) == m.self {
				next.owned[s] = from.owned[s]
			}
			if owner && from.uncertain && !v.Uncertain {
				next.knows[s] = max(next.knows[s], now+rebuildTime) // what others hid may appear
			}
		}
		if owner && next.knows[s] == never {
			next.knows[s], next.asking[s] = now+rebuildTime, true
			m.lapsed = m.lapsed || between != nil
		}
		if next.knows[s] > now {
			m.learning++
		}
	}
	m.sweepHigh, m.sweepLeft = m.slab.High(), m.slab.High() // who owns a flow has an earlier deadline
	m.restream(now, v)
}

// attend notes when this node begins to act for its slots. It enters a view before a
// majority is in it; until then others act in the one before, and no Top reports to
// this node, so what takes time begins only now. One that did not act for a while has
// missed reports and takes none of its flows for idle.
func (m *Master) attend(now time.Duration) {
	if m.standing.Alone && !m.strayed {
		m.stray(now)
	}
	if !m.standing.Serving || !m.current.mine {
		return
	}
	if missed := m.begun && now-m.actedAt > chain.ReportPeriod; !m.begun || missed {
		m.resume(now, missed)
	}
	m.actedAt = now
}

// stray notes that this node decides by itself: it ends flows that others may go on
// with, and hears nothing of those that they end. From now on it knows of no slot that
// it knows all flows of it; and what it has of slots that others own in the next
// view is a memory, until an owner or a Top names it.
func (m *Master) stray(now time.Duration) {
	m.leave()
	m.aloneSince, m.aloneLease = now, m.lease()
	m.strayed, m.lapsed = true, m.current.mine
	for s := range uint32(shard.Slots) {
		if m.current.knows[s] = never; m.current.holds(m.self, s) {
			m.learning++
		}
	}
}

func (m *Master) resume(now time.Duration, missed bool) {
	h, waited := m.current, now-m.enteredAt
	m.sweepHigh, m.sweepLeft = m.slab.High(), m.slab.High() // what the state took away meanwhile was not this node's to end
	for s := range uint32(shard.Slots) {
		if !m.ownsInView(s) {
			continue
		}
		if missed || h.owned[s] == m.enteredAt {
			h.owned[s] = now
		}
		if !m.begun && h.knows[s] > m.enteredAt && h.knows[s] != never {
			h.knows[s] += waited
		}
	}
	if !m.begun {
		m.begun, m.entered = true, m.entered+waited
	}
}

// rotate makes room for v and returns what this node knew in the view that v was
// made from, or nil. That may be the one before the present one: then the present
// one came to nothing.
func (m *Master) rotate(v View) (from, next *holding) {
	next = m.spare
	if v.Prev != 0 && v.Prev == m.prior.ballot {
		m.current, m.spare = next, m.current
		return m.prior, next
	}
	if v.Prev != 0 && v.Prev == m.current.ballot {
		from = m.current
	}
	m.current, m.prior, m.spare = next, m.current, m.prior
	return from, next
}

// place computes the holders of every slot.
func (m *Master) place(h *holding, v View) {
	var now, next shard.Table
	copies := max(v.Copies, 1)
	nowAddrs := build(&now, v.Members, copies, func(x *Member) bool { return x.Now })
	nextAddrs := build(&next, v.Members, copies, func(x *Member) bool { return x.Next })
	for s := range uint32(shard.Slots) {
		h.n[s] = 0
		for _, i := range now.At(s) {
			h.add(s, nowAddrs[i])
		}
		for _, i := range next.At(s) {
			h.add(s, nextAddrs[i])
		}
	}
}

func build(t *shard.Table, members []Member, copies int, in func(*Member) bool) (addrs []packet.Addr4) {
	var ids []uint64
	for i := range members {
		if in(&members[i]) {
			ids, addrs = append(ids, members[i].ID), append(addrs, members[i].Addr)
		}
	}
	t.Build(ids, copies)
	return addrs
}

func (h *holding) add(s uint32, a packet.Addr4) {
	for _, b := range h.holders[s][:h.n[s]] {
		if a == b {
			return
		}
	}
	h.holders[s][h.n[s]] = a
	h.n[s]++
}

func (h *holding) holds(a packet.Addr4, s uint32) bool {
	for _, b := range h.holders[s][:h.n[s]] {
		if a == b {
			return true
		}
	}
	return false
}

// owner is who owns a slot, or 0.
func (h *holding) owner(s uint32) packet.Addr4 {
	if h.n[s] == 0 {
		return 0
	}
	return h.holders[s][0]
}

// after returns who comes after a in a slot's order, or 0.
func (h *holding) after(a packet.Addr4, s uint32) packet.Addr4 {
	list := h.holders[s][:h.n[s]]
	for i, b := range list {
		if a == b && i+1 < len(list) {
			return list[i+1]
		}
	}
	return 0
}

// Stand says by what right this node acts from now on.
func (m *Master) Stand(s Standing) {
	if s.Seat != m.standing.Seat {
		m.doubtSeat()
	}
	if s.SeatClean {
		m.dubious = [shard.Slots]bool{}
	}
	m.standing = s
}

// Ballot is that of the view this node acts in.
func (m *Master) Ballot() uint64 { return m.current.ballot }

// Holders returns who holds a slot, the owner first. It aliases the view.
func (m *Master) Holders(slot uint32) []packet.Addr4 {
	return m.current.holders[slot][:m.current.n[slot]]
}

// Owns reports whether this node decides about a slot now.
func (m *Master) Owns(slot uint32) bool {
	return m.standing.Alone || m.standing.Serving && m.current.mine && m.ownsInView(slot)
}

func (m *Master) ownsInView(slot uint32) bool {
	return m.current.owner(slot) == m.self
}

// nextHolder is who is to hold a new decision after this node, or 0. A node that
// is alone has nobody.
func (m *Master) nextHolder(slot uint32) packet.Addr4 {
	if m.standing.Alone {
		return 0
	}
	return m.current.after(m.self, slot)
}

// class is which ports a new flow of the slot may get: any that a quorum gives, or
// those of this node's seat, which nobody else gives to anyone.
func (m *Master) class(now time.Duration, slot uint32) uint8 {
	if m.standing.Alone || m.current.uncertain || now < m.current.knows[slot] {
		return 1 + m.standing.Seat
	}
	return 0
}

// Knows reports whether this node knows all flows of every slot that it should
// hold, and whether it has missed a view, so that it may never be told.
func (m *Master) Knows(now time.Duration) (complete, lapsed bool) {
	m.attend(now)
	if m.learning > 0 {
		m.learning = 0
		for s := range uint32(shard.Slots) {
			if m.current.holds(m.self, s) && now < m.current.knows[s] {
				m.learning++
			}
		}
	}
	return m.learning == 0 && m.current.ballot != 0, m.lapsed && m.learning > 0
}

// valid reports whether this node has been told of every change of the record
// since it was last right. One that is not valid is a memory of an earlier view:
// the flow may have ended and its port be another's. It counts again when the
// owner or a Top names the same decision.
func (m *Master) valid(r *record) bool {
	return m.standing.Alone || r.mark >= m.current.since[r.slot]
}
