package flowtrack

import (
	"slices"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// miss answers a packet that matched no entry: 1. known flow, 2. may it open
// one, 3. ask the Decider.
func (m *Master) miss(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	i, known := m.find(msg)
	if known && !m.declared(&m.records[i]) {
		out = m.cutShort(i, out)
		known = false
	}
	if known {
		if !msg.Quoted {
			m.observe(i, now, msg.FlagsOut, msg.FlagsIn)
		}
		return append(out, m.entry(msg, i))
	}
	if reason := m.mayOpen(msg); reason != drop.None {
		return append(out, refusal(msg, reason))
	}
	m.asked = max(m.asked, now, m.cut+1) // after the cut, even in the same instant
	question := *msg
	question.Kind, question.At = chain.Choose, m.asked
	return append(out, question)
}

// find looks the message's flow up: by the inside tuple, or for a packet from
// the internet by the outside tuple, which it carries reversed.
func (m *Master) find(msg *chain.Message) (uint32, bool) {
	if msg.Inbound {
		return m.byOutside.Get(msg.Flow.WithVNI(0).Reverse())
	}
	return m.byInside.Get(msg.Flow)
}

// mayOpen says why the packet cannot open a flow, or None.
func (m *Master) mayOpen(msg *chain.Message) drop.Reason {
	if msg.Inbound {
		return drop.Unsolicited
	}
	if !opens(msg) {
		return drop.NoFlow
	}
	if reason := m.belongs(msg); reason != drop.None {
		return reason
	}
	if m.slab.Len() == len(m.records) {
		return drop.FlowTableFull
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
		return msg.FlagsOut&(packet.TCPSyn|packet.TCPAck|packet.TCPFin|packet.TCPRst) == packet.TCPSyn
	case msg.Flow.Proto() == packet.ProtoUDP:
		return true
	case msg.Flow.Proto() == packet.ProtoICMP:
		return msg.Flow.DstPort == 0 // a reply has its identifier there
	}
	return false
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
	return drop.None
}

// declared reports whether the state still has what the flow stands on.
func (m *Master) declared(r *record) bool {
	gateway := m.state.Gateway(r.service)
	return gateway != nil && gateway.VPC.VNI == r.inside.VNI() && slices.Contains(gateway.Public, r.public)
}

// chosen takes a decision: it becomes the flow's, unless the flow has one.
func (m *Master) chosen(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	if i, known := m.byInside.Get(msg.Flow); known {
		// The same tuple missed twice before the first decision was here, or this is
		// a copy of that decision. The first one stands (I3).
		m.observe(i, min(msg.At, now), msg.FlagsOut, msg.FlagsIn)
		if m.records[i].lease != msg.Lease {
			out = append(out, release(msg))
		}
		return append(out, m.entry(msg, i))
	}
	if msg.At <= m.cut || now-msg.At > chosenAgeMax {
		// Perhaps a late copy, whose port has been given back and is, or will be,
		// another's (I1). A flow does not expire within chosenAgeMax of its question;
		// whoever gives a port back sooner than that voids all questions until then.
		return append(out, release(msg), refusal(msg, drop.StaleDecision))
	}
	reason := m.acceptable(msg)
	if reason == drop.None {
		if i, ok := m.open(now, msg); ok {
			return append(out, m.entry(msg, i))
		}
		reason = drop.FlowTableFull
	}
	m.cut = m.asked
	return append(out, release(msg), refusal(msg, reason))
}

// acceptable says why a decision cannot open a flow any more, or None: much may
// have changed since the question was asked.
func (m *Master) acceptable(msg *chain.Message) drop.Reason {
	if reason := m.belongs(msg); reason != drop.None {
		return reason
	}
	if !slices.Contains(m.state.Gateway(msg.Service).Public, msg.Public) {
		return drop.UnknownPublicAddress
	}
	if _, taken := m.byOutside.Get(msg.Outside()); taken {
		// A Decider that has lost its memory gave out a port in use (I1).
		return drop.PortsExhausted
	}
	return drop.None
}

// open writes the record of a new flow; false when the table is full.
func (m *Master) open(now time.Duration, msg *chain.Message) (uint32, bool) {
	i, ok := m.slab.Take()
	if !ok {
		return 0, false
	}
	if !m.byInside.Put(msg.Flow, i) {
		m.slab.Give(i)
		return 0, false
	}
	if !m.byOutside.Put(msg.Outside(), i) {
		m.byInside.Delete(msg.Flow)
		m.slab.Give(i)
		return 0, false
	}
	r := &m.records[i]
	*r = record{
		inside: msg.Flow, opened: now, lastSeen: now, lease: msg.Lease,
		public: msg.Public, publicPort: msg.PublicPort, service: msg.Service, state: Active,
	}
	if msg.Flow.Proto() == packet.ProtoTCP {
		r.state = Opening
	}
	m.timers.Schedule(i, m.deadline(r))
	return i, true
}

// refused passes the Decider's refusal on, unless the flow has been opened in
// the meantime by another packet.
func (m *Master) refused(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	if i, known := m.byInside.Get(msg.Flow); known {
		m.observe(i, min(msg.At, now), msg.FlagsOut, msg.FlagsIn)
		return append(out, m.entry(msg, i))
	}
	return append(out, refusal(msg, msg.Reason))
}

// seen takes a Top's report. An entry that is not, or no longer, this Master's
// decision must go: its port may be another flow's.
func (m *Master) seen(now time.Duration, msg *chain.Message, out []chain.Message) []chain.Message {
	i, known := m.byInside.Get(msg.Flow)
	if !known || m.records[i].public != msg.Public || m.records[i].publicPort != msg.PublicPort {
		forget := *msg
		forget.Kind, forget.FlagsOut, forget.FlagsIn = chain.Forget, 0, 0
		return append(out, forget)
	}
	m.observe(i, min(msg.At, now), msg.FlagsOut, msg.FlagsIn)
	return out
}

// entry is the answer to msg that tells the flow's decision.
func (m *Master) entry(msg *chain.Message, i uint32) chain.Message {
	r := &m.records[i]
	e := *msg
	e.Kind, e.Reason = chain.Entry, drop.None
	e.Flow, e.Service = r.inside, r.service
	e.Public, e.PublicPort, e.Lease = r.public, r.publicPort, r.lease
	return e
}

// refusal is the answer to msg that there is no flow.
func refusal(msg *chain.Message, reason drop.Reason) chain.Message {
	r := *msg
	r.Kind, r.Reason = chain.Refused, reason
	r.Public, r.PublicPort, r.Lease = 0, 0, 0
	return r
}

// release gives the decision in msg back.
func release(msg *chain.Message) chain.Message {
	r := *msg
	r.Kind, r.Reason = chain.Release, drop.None
	return r
}
