package flowtrack

import (
	"slices"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// chosen takes the Decider's decision. The owner writes it down first, in the
// order in which decisions come, so that no two of them ever contradict each
// other; then the other holders, one after the other; the last one exposes it.
func (m *Master) chosen(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	if msg.View != m.current.ballot || !m.Owns(msg.Slot()) {
		// We were the owner when we asked.
		return append(out, toDecider(*msg, chain.Release), refusal(msg, drop.StaleEpoch))
	}
	if i, known := m.living(msg.Flow); known && m.valid(&m.records[i]) {
		// The same tuple missed twice before the first decision was here, or this is
		// a copy of that decision. The first one stands (I3).
		m.observe(i, now, msg.FlagsOut, msg.FlagsIn)
		if m.records[i].lease != msg.Lease {
			out = append(out, toDecider(*msg, chain.Release))
		}
		return m.expose(now, msg, i, out)
	}
	if asked := m.askedAt(msg.Lease); asked <= m.cut || asked+uint64(chosenAgeMax/leaseUnit) < uint64(now/leaseUnit) || m.outgrown(now, msg) {
		// Perhaps a late copy, whose port has been given back and is, or will be,
		// another's (I1). A flow does not expire within chosenAgeMax of its question;
		// whoever gives a port back sooner than that voids all questions until then.
		return append(out, toDecider(*msg, chain.Release), refusal(msg, drop.StaleDecision))
	}
	if i, mapped := m.mapped(now, msg); mapped {
		// Another flow of the same inside endpoint was decided meanwhile.
		if r := &m.records[i]; r.public != msg.Public || r.publicPort != msg.PublicPort {
			out = append(out, toDecider(*msg, chain.Release))
			msg.Public, msg.PublicPort = r.public, r.publicPort
		}
	} else if i, taken := m.taken(now, msg); taken {
		m.cut = m.asked
		return append(out, m.leaseNote(i), refusal(msg, drop.StaleDecision))
	}
	if i, ok := m.findInside(msg.Flow); ok && m.keeps(now, i, msg) {
		return append(out, toDecider(*msg, chain.Release), refusal(msg, drop.StaleDecision))
	}
	reason := m.acceptable(now, msg)
	if reason == drop.None {
		if i, ok := m.open(now, msg); ok {
			out = append(out, m.leaseNote(i))
			return m.expose(now, msg, i, out)
		}
		reason = drop.FlowTableFull
	}
	m.cut = m.asked
	if reason == drop.StaleDecision {
		// The Decider has forgotten what it gave out: the port is taken. Tell it by whom.
		i, _ := m.findOutside(msg.Outside())
		return append(out, m.leaseNote(i), refusal(msg, reason))
	}
	return append(out, toDecider(*msg, chain.Release), refusal(msg, reason))
}

// outgrown reports whether the decision is on a port that anyone may give while this
// node may give only its seat's: it lost the majority, or the view turned uncertain,
// after it had asked. A port that the flow itself had just before is not.
func (m *Master) outgrown(now time.Duration, msg *chain.Message) bool {
	if chain.PortClass(msg.PublicPort) != 0 || m.class(now, msg.Slot()) == 0 {
		return false
	}
	i, known := m.findOutside(msg.Outside())
	return !known || !m.restsFor(i, msg) || !m.mayGive(now, &m.records[i])
}

// leaseNote tells the Deciders who has a port, and whether it rests: not while another
// flow of the same inside endpoint lives on it.
func (m *Master) leaseNote(i uint32) chain.Message {
	r := &m.records[i]
	if j, shares := m.sharer(i); shares && r.state == Resting {
		r = &m.records[j]
	}
	if r.state == Resting {
		return toDecider(r.message(chain.End), chain.End)
	}
	return toDecider(r.message(chain.Lease), chain.Lease)
}

// acceptable says why a decision cannot open a flow, or None: much may have
// changed since the question was asked.
func (m *Master) acceptable(now time.Duration, msg *chain.Message) drop.Reason {
	if reason := m.belongs(msg); reason != drop.None {
		return reason
	}
	if !consistent(msg) {
		return drop.BadMessage
	}
	m.forgetMemories(now, msg)
	gateway := m.state.Gateway(msg.Service)
	if !slices.Contains(gateway.Public, msg.Public) {
		return drop.UnknownPublicAddress
	}
	if m.crowded(gateway, msg.Flow) {
		return drop.InstanceLimit
	}
	if i, taken := m.findOutside(msg.Outside()); taken && !m.restsFor(i, msg) && !(msg.Independent && m.isOwn(i, msg)) {
		return drop.StaleDecision
	}
	return drop.None
}

// consistent reports whether a decision's port tells the slot that its flow is in.
func consistent(msg *chain.Message) bool {
	return !msg.Independent || chain.PortEndpointClass(msg.PublicPort) == chain.EndpointClass(msg.Flow)
}

// restsFor reports whether a record is of a port that rests after the very flow that
// the message is about. That flow may have it again at once: whoever still has an
// entry for it translates as before.
func (m *Master) restsFor(i uint32, msg *chain.Message) bool {
	return m.isOwn(i, msg) && m.valid(&m.records[i])
}

// isOwn is restsFor of what may be a memory. Where the port is that of the inside endpoint,
// it is in nobody's way.
func (m *Master) isOwn(i uint32, msg *chain.Message) bool {
	r := &m.records[i]
	return r.state == Resting && r.inside == msg.Flow && r.service == msg.Service
}

// keeps reports whether the flow has to have the port of record i, which rests for it,
// and not the one that was chosen: a Top may have an entry from before (I3). The Decider
// was told, and did not heed it.
func (m *Master) keeps(now time.Duration, i uint32, msg *chain.Message) bool {
	r := &m.records[i]
	return m.restsFor(i, msg) && m.declared(r) && now-r.lastSeen < ignoranceMax && m.mayGive(now, r) &&
		(r.public != msg.Public || r.publicPort != msg.PublicPort)
}

// forgetMemories removes what stands in a new decision's way and is not believed:
// a memory of the same inside tuple, and, once this node knows all flows of the
// slot, one of the same public port.
func (m *Master) forgetMemories(now time.Duration, msg *chain.Message) {
	if i, ok := m.living(msg.Flow); ok && !m.valid(&m.records[i]) {
		m.remove(i)
	}
	if i, ok := m.findOutside(msg.Outside()); ok && !m.valid(&m.records[i]) && now >= m.current.knows[m.records[i].slot] {
		m.remove(i)
	}
}

// open writes the record of a new flow; false when the table is full.
func (m *Master) open(now time.Duration, msg *chain.Message) (uint32, bool) {
	if i, rests := m.findOutside(msg.Outside()); rests {
		m.remove(i) // its own, from before; see restsFor
	}
	r := record{
		inside: msg.Flow, opened: now, lastSeen: now, lease: msg.Lease,
		public: msg.Public, publicPort: msg.PublicPort, service: msg.Service, top: msg.Top,
		slot: uint16(msg.Slot()), state: Active, traits: traitsOf(msg),
	}
	switch tcp := msg.Flow.Proto() == packet.ProtoTCP; {
	case tcp && msg.Inbound:
		r.state = OpeningIn
	case tcp:
		r.state = Opening
	}
	i, ok := m.put(r)
	if ok && m.records[i].class() != 0 {
		m.dubious[r.slot] = true
	}
	return i, ok
}

// put stores a record whose outside tuple nobody has, and whose inside tuple no
// flow that lives. By the inside tuple a port that rests is found as long as nothing
// else has it.
func (m *Master) put(r record) (uint32, bool) {
	i, ok := m.slab.Take()
	if !ok {
		return 0, false
	}
	old, known := m.findInside(r.inside)
	stands := known && r.state == Resting // the old one, for its tuple
	if known && !stands {
		m.byInside.Delete(r.inside, old)
	}
	if !stands && !m.byInside.Add(r.inside, i) {
		m.slab.Give(i)
		return 0, false
	}
	if !m.byOutside.Add(r.outside(), i) {
		if !stands {
			m.byInside.Delete(r.inside, i)
		}
		m.slab.Give(i)
		return 0, false
	}
	r.mark = m.current.number()
	if m.isForwarded(&r) {
		r.traits |= forwarded
	}
	m.records[i] = r
	if !m.bind(i) {
		m.byOutside.Delete(r.outside(), i)
		if !stands {
			m.byInside.Delete(r.inside, i)
		}
		m.slab.Give(i)
		return 0, false
	}
	if r.state != Resting {
		m.begins(r.inside)
	}
	m.onSeat[r.class()]++
	m.timers.Schedule(i, m.deadline(&m.records[i]))
	return i, true
}

// refused passes the Decider's refusal on, unless the flow has been opened in
// the meantime by another packet.
func (m *Master) refused(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	if i, known := m.living(msg.Flow); known && m.valid(&m.records[i]) && m.Owns(msg.Slot()) {
		m.observe(i, now, msg.FlagsOut, msg.FlagsIn)
		return m.expose(now, msg, i, out)
	}
	return append(out, refusal(msg, msg.Reason))
}

// copy takes a record from the slot's owner, whose word replaces what this node
// has of either tuple. It is the heart of the protocol: a message of another view
// than this node's is not obeyed, whoever sends it (I5).
func (m *Master) copy(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	slot := msg.Slot()
	reason := drop.None
	switch {
	case m.defect == IgnoreEpoch && m.current.mine:
	case msg.View != m.current.ballot:
		reason = drop.StaleEpoch
	case !m.current.mine || !m.current.holds(m.self, slot) || m.ownsInView(slot):
		reason = drop.StaleEpoch
	}
	if _, _, ok := unpack(msg.State); reason == drop.None && (!ok || !consistent(msg)) {
		reason = drop.BadMessage
	}
	if reason == drop.None && m.overtaken(msg) {
		reason = drop.StaleDecision
	}
	if reason == drop.None {
		if i, ahead, ok := m.hold(now, msg, slot); !ok {
			reason = drop.FlowTableFull
		} else if ahead {
			out = append(out, m.noteTo(m.current.owner(slot), i, now))
		}
	}
	if !msg.Packet {
		return out
	}
	switch next := m.current.after(m.self, slot); {
	case reason == drop.FlowTableFull:
		return append(out, refusal(msg, reason))
	case reason != drop.None:
		return append(out, stop(msg, reason))
	case next != 0:
		c := *msg
		c.To = next
		return append(out, c)
	}
	e := *msg
	e.Kind, e.To = chain.Entry, msg.Top
	if owner := m.current.owner(slot); owner != msg.Top {
		// The Top tells its own node.
		done := *msg
		done.Kind, done.Packet, done.To = chain.Done, false, owner
		out = append(out, done)
	}
	return append(out, e)
}

// overtaken reports whether the owner has told this node, in this view, of a later
// decision on either of the tuples: then msg was under way for long, or is a copy of
// a message that was here. (Decisions that differ in view tell no order if one of them
// is on a port of a seat: it may come from a node that was alone. One on a port of this
// node's own seat does: the owner never heard of it.)
func (m *Master) overtaken(msg *chain.Message) bool {
	earlier := func(r *record) bool {
		return msg.Lease < r.lease && r.mark == m.current.number() && r.service == msg.Service &&
			r.class() != 1+m.standing.Seat &&
			(msg.Lease>>leaseClockBits == r.lease>>leaseClockBits ||
				chain.PortClass(msg.PublicPort) == 0 && r.class() == 0)
	}
	if i, ok := m.findOutside(msg.Outside()); ok && earlier(&m.records[i]) {
		return true
	}
	i, ok := m.living(msg.Flow)
	return ok && State(msg.State&0x0f) != Resting && earlier(&m.records[i])
}

// noteTo tells an owner what this node knows of record i, as a Top would.
func (m *Master) noteTo(owner packet.Addr4, i uint32, now time.Duration) chain.Message {
	r := &m.records[i]
	note := r.message(chain.Seen)
	note.To, note.Quoted, note.Age = owner, true, milliseconds(now-r.lastSeen)
	return note
}

// hold makes the record in msg this node's, at i; ok is false when there is no room for
// it. This node is ahead when it knows that a connection was answered while the owner
// does not: it heard so from a Top as the owner before, or in its place.
func (m *Master) hold(now time.Duration, msg *chain.Message, slot uint32) (i uint32, ahead, ok bool) {
	state, fins, _ := unpack(msg.State)
	// Whether every holder has it: of what passes by, the last one knows; in a stream
	// the owner says so.
	all := !msg.Quoted
	if msg.Packet {
		all = m.current.after(m.self, slot) == 0
	}
	i, known := m.findOutside(msg.Outside())
	if known && m.records[i].lease == msg.Lease && m.records[i].inside == msg.Flow {
		r := &m.records[i]
		if r.state != state && (r.state == Resting || state == Resting) {
			m.remove(i)
		} else {
			if ahead = r.state == Established && (state == Opening || state == OpeningIn); !ahead {
				r.state, r.fins = state, fins
			}
			r.lastSeen, r.top = max(r.lastSeen, now-age(msg.Age)), msg.Top
			if all {
				r.copied = true
			}
			r.mark = m.current.number()
			if state == Resting {
				r.opened = now + age(msg.Age)
			}
			m.rearm(i)
			return i, ahead, true
		}
	} else if known {
		m.remove(i)
		m.Taken.Replaced++
	}
	if j, other := m.living(msg.Flow); other && state != Resting {
		if m.records[j].service != msg.Service && m.ownsInView(uint32(m.records[j].slot)) {
			m.retire(now, j) // another gateway's flow, whose port this node answers for
		} else {
			m.remove(j)
		}
		m.Taken.Replaced++
	}
	r := record{
		inside: msg.Flow, opened: now, lastSeen: now - age(msg.Age), lease: msg.Lease,
		public: msg.Public, publicPort: msg.PublicPort, service: msg.Service, top: msg.Top,
		slot: uint16(slot), state: state, fins: fins, copied: all || state == Resting, traits: traitsOf(msg),
	}
	if state == Resting {
		r.opened, r.lastSeen = now+age(msg.Age), now
	}
	m.Taken.Copies++
	i, ok = m.put(r)
	return i, false, ok
}

// done notes that the last holder has a flow.
func (m *Master) done(msg *chain.Message) {
	if msg.View != m.current.ballot && m.defect != IgnoreEpoch {
		return
	}
	if i, known := m.findInside(msg.Flow); known && m.records[i].lease == msg.Lease && m.ownsInView(uint32(m.records[i].slot)) {
		m.records[i].copied = true
	}
}
