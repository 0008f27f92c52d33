package flowtrack

import (
	"slices"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// miss answers a packet that matched no entry:
//
//  1. whose slot is it: not ours → answer from our copy, or pass it to the owner
//  2. known flow → its decision, once every holder has it
//  3. may it open one, perhaps on the port that its inside endpoint has already, or is
//     declared to have
//  4. ask the Decider
func (m *Master) miss(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	slot := msg.Slot()
	i, known := m.find(msg)
	if !m.Owns(slot) {
		return m.missElsewhere(now, msg, slot, i, known, out)
	}
	if known && !m.declared(&m.records[i]) {
		out = m.cutShort(now, i, out)
		known = false
	}
	if known && m.reopens(msg, i) {
		if m.mayGive(now, &m.records[i]) {
			m.reopen(now, i)
			out = append(out, m.leaseNote(i))
		} else if m.records[i].state == Closing {
			out = m.cutShort(now, i, out)
			known = false
		}
	}
	if known {
		r := &m.records[i]
		r.top = msg.Top
		if !msg.Quoted {
			m.observe(i, now, msg.FlagsOut, msg.FlagsIn)
		}
		return m.expose(now, msg, i, out)
	}
	question, mapped := m.placed(now, msg)
	reason := m.mayOpen(&question)
	if (reason == drop.Unsolicited || reason == drop.NoFlow) && now < m.current.knows[slot] || reason == drop.None && m.asks(now, slot) {
		reason = drop.Rebuilding // it may be a flow that we have not heard of yet
	}
	if reason != drop.None {
		return append(out, refusal(msg, reason))
	}
	if mapped {
		return m.extend(now, msg, &question, out)
	}
	question.Kind, question.To, question.Class = chain.Choose, 0, m.class(now, slot)
	if i, ok := m.findInside(msg.Flow); ok && m.restsFor(i, msg) && m.declared(&m.records[i]) && m.mayGive(now, &m.records[i]) {
		question.Public, question.PublicPort = m.records[i].public, m.records[i].publicPort
	} else if question.Class != 0 && !m.trustsSeat(now, slot) {
		return append(out, refusal(msg, drop.Rebuilding))
	}
	question.Lease, question.View = m.newLease(now), m.current.ballot
	return append(out, question)
}

// asks reports whether this node owns a slot of which it has known nothing, and those
// who know may still be telling it.
func (m *Master) asks(now time.Duration, slot uint32) bool {
	h := m.current
	return !m.standing.Alone && h.asking[slot] && now < h.owned[slot]+askFirst
}

// mayGive reports whether this node may give the port of a record, which is its flow's
// already, to the next connection of that flow. What anyone may have given needs a
// majority and all that is known of the slot. Without these it may as long as Tops
// may have entries from before: they would translate to that port (I3), and in so
// short a time no port changes hands, whoever owned the slot meanwhile. Alone it may
// not: others may have ended the flow long ago.
func (m *Master) mayGive(now time.Duration, r *record) bool {
	class := m.class(now, uint32(r.slot))
	return class == 0 || r.traits&forwarded != 0 || class == r.class() || !m.standing.Alone && now-r.lastSeen < ignoranceMax
}

// reopen makes a record that of a new connection between the same ends. It is a new
// decision, though on the same port: a Top that has yet to tell how the one before
// ended, however late, must not end this one. Every holder has to have it before it
// leaves, so that who owns the flow next does not take it for that one either.
//
// A connection whose end nobody has told yet stays established: the packet may be a
// late copy of the SYN that began it.
func (m *Master) reopen(now time.Duration, i uint32) {
	r := &m.records[i]
	if r.state == Closing {
		r.state = Opening
	}
	r.lease, r.fins, r.copied = m.newLease(now), 0, false
	r.opened, r.lastSeen = now, now
	m.rearm(i)
}

// missElsewhere handles a miss of a slot that this node does not own. A holder
// may answer what it knows as well as the owner: a port changes hands only by a
// message that passes by every holder.
func (m *Master) missElsewhere(now time.Duration, msg *chain.Message, slot uint32, i uint32, known bool, out []chain.Message) []chain.Message {
	owner := m.current.owner(slot)
	if known && m.records[i].copied && !m.reopens(msg, i) && m.standing.Serving && m.current.mine && now >= m.current.knows[slot] && m.declared(&m.records[i]) {
		r := &m.records[i]
		if !msg.Quoted {
			m.observe(i, now, msg.FlagsOut, msg.FlagsIn)
			note := r.message(chain.Seen)
			note.FlagsOut, note.FlagsIn, note.Top, note.To, note.Quoted = msg.FlagsOut, msg.FlagsIn, msg.Top, owner, true
			out = append(out, note)
		}
		return append(out, m.entry(msg, i))
	}
	if owner == 0 || owner == m.self || msg.From != msg.Top { // passed on once: three views must not make a circle (I10)
		return append(out, refusal(msg, drop.NoOwner))
	}
	passed := *msg
	passed.To = owner
	return append(out, passed)
}

// reopens reports whether the packet may begin a new connection on the record of an
// earlier one: only the owner knows whether that has closed, and can open it again.
func (m *Master) reopens(msg *chain.Message, i uint32) bool {
	return msg.Flow.Proto() == packet.ProtoTCP && !m.records[i].opening() && !msg.Inbound && opens(msg)
}

// expose answers with a flow's decision, through the other holders if they may
// not have it yet (I4).
func (m *Master) expose(now time.Duration, msg *chain.Message, i uint32, out []chain.Message) []chain.Message {
	r := &m.records[i]
	if !r.copied && m.standing.Alone && r.class() == 0 && r.traits&forwarded == 0 {
		return append(out, refusal(msg, drop.NoOwner)) // others may have given its port away meanwhile
	}
	if !r.copied {
		if next := m.nextHolder(uint32(r.slot)); next != 0 && m.defect != SkipSecondCopy {
			c := m.entry(msg, i)
			c.Kind, c.To, c.View, c.State, c.Age = chain.Copy, next, m.current.ballot, r.pack(), milliseconds(now-r.lastSeen)
			return append(out, c)
		}
		if !m.standing.Alone { // later it has to be copied
			r.copied = true
		}
	}
	return append(out, m.entry(msg, i))
}

// find looks the message's flow up: by the inside tuple, or for a packet from
// the internet by the outside tuple, which it carries reversed. A flow that
// rests, or of which this node only has a memory, is not found.
func (m *Master) find(msg *chain.Message) (uint32, bool) {
	if msg.Inbound {
		i, ok := m.findOutside(msg.Flow.WithVNI(0).Reverse())
		return i, ok && m.records[i].state != Resting && m.valid(&m.records[i])
	}
	i, ok := m.living(msg.Flow)
	return i, ok && m.valid(&m.records[i])
}

// living finds the record of a flow that has not ended by its inside tuple.
func (m *Master) living(inside packet.Tuple) (uint32, bool) {
	i, ok := m.findInside(inside)
	return i, ok && m.records[i].state != Resting
}

// mayOpen says why the packet cannot open a flow, or None. One from outside has its flow
// as the instance would send it where that has a public port already.
func (m *Master) mayOpen(msg *chain.Message) drop.Reason {
	switch {
	case msg.Inbound && (msg.Public == 0 || !m.admits(msg)):
		return drop.Unsolicited
	case msg.Inbound && m.slab.Len() > len(m.records)/2:
		return drop.FlowTableFull // the other half is for those that the gateway is there for
	case !msg.Inbound && !opens(msg):
		return drop.NoFlow
	}
	if reason := m.belongs(msg); reason != drop.None {
		return reason
	}
	if m.slab.Len() == len(m.records) {
		return drop.FlowTableFull
	}
	if m.crowded(m.state.Gateway(msg.Service), msg.Flow) {
		return drop.InstanceLimit
	}
	return drop.None
}

// opens reports whether a packet from inside is of a kind that begins a flow: a
// TCP SYN, any UDP datagram, an ICMP echo request. An error message never does.
func opens(msg *chain.Message) bool {
	switch {
	case msg.Quoted:
		return false
	case msg.Flow.Proto() == packet.ProtoTCP:
		return begins(msg.FlagsOut)
	case msg.Flow.Proto() == packet.ProtoUDP:
		return true
	case msg.Flow.Proto() == packet.ProtoICMP:
		return msg.Flow.DstPort == 0 // a reply has its identifier there
	}
	return false
}

// begins reports whether TCP flags are those of a connection's first segment.
func begins(flags uint8) bool {
	return flags&(packet.TCPSyn|packet.TCPAck|packet.TCPFin|packet.TCPRst) == packet.TCPSyn
}

// belongs says why the flow's VPC may not use the service, or None (I7).
func (m *Master) belongs(msg *chain.Message) drop.Reason {
	if m.state == nil {
		return drop.UnknownService
	}
	gateway := m.state.Gateway(msg.Service)
	if gateway == nil {
		return drop.UnknownService
	}
	if gateway.VPC.VNI != msg.Flow.VNI() {
		return drop.WrongTenant
	}
	if gateway.Independent(msg.Flow) != msg.Independent {
		return drop.StaleDecision // whoever sent it has another state
	}
	return drop.None
}

// declared reports whether the state still has what the flow stands on, and does not
// give its public port, or its inside endpoint another one, by a port forward.
func (m *Master) declared(r *record) bool {
	if m.state == nil {
		return false
	}
	gateway := m.state.Gateway(r.service)
	if gateway == nil || gateway.VPC.VNI != r.inside.VNI() || !slices.Contains(gateway.Public, r.public) || gateway.Independent(r.inside) != r.independent() {
		return false
	}
	proto := r.inside.Proto()
	f := gateway.ForwardTo(proto, r.public, r.publicPort)
	return f == gateway.ForwardFrom(proto, r.inside.Src, r.inside.SrcPort) && (f != nil || r.traits&forwarded == 0)
}

// entry is the answer to msg that tells the flow's decision to the Top.
func (m *Master) entry(msg *chain.Message, i uint32) chain.Message {
	r := &m.records[i]
	e := *msg
	e.Kind, e.Reason, e.To = chain.Entry, drop.None, msg.Top
	e.Flow, e.Service, e.State = r.inside, r.service, r.pack()
	e.Public, e.PublicPort, e.Lease = r.public, r.publicPort, r.lease
	if msg.Quoted {
		r.traits |= quoted
	}
	return e
}
