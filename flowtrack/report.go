package flowtrack

import (
	"slices"
	"time"

	"hyperplane/chain"
	"hyperplane/telemetry/drop"
)

// seen takes a Top's report about one of its entries. It is how the owner learns
// that a flow lives, and the one path by which a flow comes back that no Flow
// Master knows any more.
//
//	current, fresh     → Confirm: the Top may use the entry for another lease
//	current, idle      → nothing: the next packet asks; or, when it came with flags,
//	                     Confirm as of time 0, which renews no lease
//	not the decision   → Forget: its port may be another flow's
//	unknown            → adopted if it may be older than what this node knows of
//	                     the slot, or was given by a node that was alone; else Forget
func (m *Master) seen(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	slot := msg.Slot()
	own := m.Owns(slot)
	if !own {
		if owner := m.current.owner(slot); owner != 0 && owner != m.self && !msg.Quoted {
			relayed := *msg
			relayed.To, relayed.Quoted = owner, true // once
			out = append(out, relayed)
		}
		if !m.standing.Serving || !m.current.mine || now < m.current.knows[slot] {
			return out
		}
	}
	i, known := m.living(msg.Flow)
	if known && m.records[i].lease == msg.Lease && (own || m.valid(&m.records[i])) {
		r := &m.records[i]
		if own {
			if !m.valid(r) { // a memory comes true; the others have to be told
				r.opened, r.copied = now, m.standing.Alone
			}
			r.top, r.mark = msg.Top, m.current.number()
		}
		m.observe(i, now-age(msg.Age), msg.FlagsOut, msg.FlagsIn)
		if State(msg.State&0x0f) == Established && r.opening() {
			// The one who told the sender so was the owner then, and could not tell us.
			r.state, m.turned = Established, i+1
			m.rearm(i)
		}
		confirm := m.reply(msg, chain.Confirm, r.pack())
		if age(msg.Age) > reportAgeMax {
			if msg.FlagsOut|msg.FlagsIn == 0 {
				return out
			}
			confirm.At = 0
		}
		return append(out, confirm)
	}
	if !own {
		return out // the owner knows
	}
	if known && !m.valid(&m.records[i]) {
		m.remove(i)
		known = false
	}
	if !known && m.adopt(now, msg, slot) {
		return append(out, m.reply(msg, chain.Confirm, msg.State))
	}
	return append(out, m.reply(msg, chain.Forget, msg.State))
}

// reply answers a report, with the flags that were in it: the Top need not say them
// again. It goes to the Top, not to who relayed the report.
func (m *Master) reply(msg *chain.Message, kind chain.Kind, state uint8) chain.Message {
	a := *msg
	a.Kind, a.To, a.State, a.Quoted = kind, msg.Top, state, false
	return a
}

// adopt makes a flow that only a Top knows this owner's. It must contradict
// nothing that is known.
func (m *Master) adopt(now time.Duration, msg *chain.Message, slot uint32) bool {
	if now >= m.current.knows[slot] && chain.PortClass(msg.PublicPort) == 0 && !m.standing.Alone {
		return false // it ended
	}
	state, fins, ok := unpack(msg.State)
	if !ok || state == Resting || !consistent(msg) || m.contested(*msg) || m.belongs(msg) != drop.None || !slices.Contains(m.state.Gateway(msg.Service).Public, msg.Public) {
		return false
	}
	if i, taken := m.findOutside(msg.Outside()); taken {
		if m.valid(&m.records[i]) {
			return false
		}
		m.remove(i)
	}
	r := record{
		inside: msg.Flow, opened: now, lastSeen: now - age(msg.Age), lease: msg.Lease, // opened: since when others can be told
		public: msg.Public, publicPort: msg.PublicPort, service: msg.Service, top: msg.Top,
		slot: uint16(slot), state: state, fins: fins, traits: traitsOf(msg),
		copied: m.standing.Alone, // there is nobody else
	}
	if m.deadline(&r) <= now {
		return false
	}
	if _, ok := m.put(r); !ok {
		return false
	}
	m.Taken.Adopted++
	return true
}
