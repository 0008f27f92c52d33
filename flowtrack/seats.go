package flowtrack

import "time"

// A node that may not give any port gives those of its seat, which nobody else gives.
// So it can only be in its own way: by flows that it opened in an earlier life, or when
// it owned the slot before, and that it no longer knows.
//
//	start ──▶ all slots are dubious ──SeatClean──▶ none is ──gives one──▶ this slot is
//
// In a slot that is dubious it gives ports of its seat
//
//   - while it knows all flows of the slot, and as long afterwards as its memories
//     outlive the owner's records (memoryGrace),
//   - or when it has been alone for as long as a port rests: who else may have such a
//     flow is cut off from it, or has told it.
//
// Else it refuses (Rebuilding). That meets the new flows of a slot whose holders are
// both lost, for rebuildTime, and only where this node was started since the seats
// were last clean.

// Seats has a bit for each seat on whose ports this node has records.
func (m *Master) Seats() (seats uint16) {
	for class, n := range m.onSeat {
		if class > 0 && n > 0 {
			seats |= 1 << (class - 1)
		}
	}
	return seats
}

// doubtSeat forgets what was known of the seat: it is another, or this life begins.
func (m *Master) doubtSeat() {
	for s := range m.dubious {
		m.dubious[s] = true
	}
}

// trustsSeat reports whether this node knows of every flow of the slot that may have a
// port of its seat.
func (m *Master) trustsSeat(now time.Duration, slot uint32) bool {
	return !m.dubious[slot] || now >= m.current.knows[slot] || now < m.leftAt[slot]+memoryGrace ||
		m.standing.Alone && now >= m.aloneSince+restGuard
}

// aloneMayFree reports whether a node that is alone may give the port of an ended flow
// to another: if it opened that flow since it is alone, nobody else has it.
func (m *Master) aloneMayFree(r *record) bool {
	return r.class() != 1+m.standing.Seat || r.lease > m.aloneLease
}
