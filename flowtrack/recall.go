package flowtrack

import (
	"slices"
	"time"

	"hyperplane/chain"
	"hyperplane/shard"
)

// Where nodes are taken for dead that are not, twice within a moment, a slot comes to
// an owner that knows nothing, while those who held it live. They tell it:
//
//	┌────────┐ it knows     ┌───────┐ says "not complete"  ┌───────┐
//	│ held   │ all flows    │ left  │─────────────────────▶│ tells │ Seen, for each memory,
//	│ a slot ├─────────────▶│ at …  │                      │       │ once a second while they
//	└────────┘ next view:   └───────┘ recallFresh passes   └───────┘ are fresh
//	           not a holder
//
// A memory is told as a Top would report it; the owner takes it in as it takes in those
// reports.

// leave notes, before that changes, of which slots all flows are known.
func (m *Master) leave() {
	if !m.current.mine || m.current.uncertain || !m.begun {
		return
	}
	for s := range uint32(shard.Slots) {
		if m.actedAt >= m.current.knows[s] && m.current.holds(m.self, s) {
			m.leftAt[s], m.leftSince[s] = m.actedAt, m.current.since[s]
		}
	}
}

// recall tells owners that do not know all flows of their slots what this node
// remembers of them.
func (m *Master) recall(now time.Duration, out []chain.Message) []chain.Message {
	if len(m.standing.Rebuilding) == 0 {
		return out
	}
	if m.recallAt >= m.recallEnd {
		if now-m.recalledAt < roundPeriod {
			return out
		}
		m.recalledAt, m.recallAt, m.recallEnd = now, 0, m.slab.High()
	}
	most := len(out) + recallsPerTickMax
	for range sweepPerCallMax {
		if m.recallAt >= m.recallEnd || len(out) == most {
			break
		}
		i := uint32(m.recallAt)
		m.recallAt++
		if !m.slab.InUse(i) {
			continue
		}
		r := &m.records[i]
		s := uint32(r.slot)
		if r.state == Resting || m.valid(r) || r.mark < m.leftSince[s] || now >= m.leftAt[s]+recallFresh {
			continue
		}
		if owner := m.current.owner(s); owner != m.self && slices.Contains(m.standing.Rebuilding, owner) {
			out = append(out, m.noteTo(owner, i, now))
		}
	}
	return out
}
