package flowtrack

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
)

// Apply replaces the state. New flows follow it at once. The flows that live
// are compared with it by a sweep that begins here and continues in Tick: one
// whose gateway, VPC or public address is gone ends as if it had expired, and
// the timer of one whose timeouts became shorter moves nearer. The sweep is the
// same work whether something changed or not.
func (m *Master) Apply(now time.Duration, state *cellstate.State, out []chain.Message) []chain.Message {
	m.state = state
	m.tallies(state)
	// Records above this mark will be written under the new state. The cursor goes
	// on from where an unfinished sweep left it, so that no record is starved by
	// states that follow each other closely.
	m.sweepHigh = m.slab.High()
	m.sweepLeft = m.sweepHigh
	return m.sweep(now, out)
}

// sweep compares up to sweepPerCallMax records with the state, and sets their timers
// anew. Enter begins one, too: the owner's deadline for a flow is before a holder's.
func (m *Master) sweep(now time.Duration, out []chain.Message) []chain.Message {
	for n := min(m.sweepLeft, sweepPerCallMax); n > 0; n-- {
		m.sweepLeft--
		if m.sweepAt >= m.sweepHigh {
			m.sweepAt = 0
		}
		i := uint32(m.sweepAt)
		m.sweepAt++
		switch {
		case !m.slab.InUse(i):
		case m.records[i].state == Resting, m.declared(&m.records[i]):
			m.rearm(i)
		case m.Owns(uint32(m.records[i].slot)):
			out = m.cutShort(now, i, out)
		}
	}
	return out
}

// cutShort ends a flow before its deadline, and with it the copies of its
// decision that may still be under way.
func (m *Master) cutShort(now time.Duration, i uint32, out []chain.Message) []chain.Message {
	m.cut = m.asked
	return m.end(now, i, out)
}
