package flowtrack

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Endpoint-independent mapping (RFC 4787, section 4.1): an inside endpoint, an address
// and port of an instance, has one public port towards everybody. A mapping is not a
// record of its own. It is what the records of the endpoint's flows have in common, and
// lives as long as one of them does; the port rests as long as one of them rests.
//
//	10.0.1.10:4000 ─┬─ flow to 203.0.113.10:53 ─┬─ 198.51.100.1:30001
//	   (endpoint)   └─ flow to 203.0.113.20:53 ─┘    (public port)
//
// All flows of an endpoint are in one slot, that of its class, and so are all flows of a
// public port, whoever they come from: the port's block tells the same class. So one
// owner sees both ends of every mapping, as it sees both directions of other flows.

// endpoints finds records by what they share. It is made with the first flow that is
// independent.
type endpoints struct {
	inside *groups // by inside address and port
	public *groups // by public address and port
	peers  *groups // by inside address and port, and remote address
}

func newEndpoints(n int, seed flowtable.Seed) *endpoints {
	return &endpoints{
		inside: newGroups(n, seed, insideEnd),
		public: newGroups(n, seed, publicEnd),
		peers:  newGroups(n, seed, peerOfEnd),
	}
}

// peerOf is the sending end of a tuple and the host at the other.
func peerOf(t packet.Tuple) packet.Tuple {
	t.DstPort = 0
	return t
}

// bind puts a new record among those that it shares something with; false when there is
// no room.
func (m *Master) bind(i uint32) bool {
	r := &m.records[i]
	if !r.independent() {
		return true
	}
	if m.shared == nil {
		m.shared = newEndpoints(len(m.records), m.seed)
	}
	e := m.shared
	if !e.inside.join(m.records, i) {
		return false
	}
	if !e.public.join(m.records, i) {
		e.inside.part(m.records, i)
		return false
	}
	if !e.peers.join(m.records, i) {
		e.inside.part(m.records, i)
		e.public.part(m.records, i)
		return false
	}
	if r.state == Resting {
		m.lower(i)
	}
	return true
}

// unbind is the inverse of bind.
func (m *Master) unbind(i uint32) {
	if m.records[i].independent() {
		m.shared.inside.part(m.records, i)
		m.shared.public.part(m.records, i)
		m.shared.peers.part(m.records, i)
	}
}

// lower notes that a flow rests: those that live are found before it.
func (m *Master) lower(i uint32) {
	if m.records[i].independent() {
		m.shared.inside.lower(m.records, i)
		m.shared.public.lower(m.records, i)
		m.shared.peers.lower(m.records, i)
	}
}

// placed returns msg as the instance would send it, with the public address and port that
// its inside endpoint has already or is declared to have; false where it has none, and a
// Decider has to choose.
func (m *Master) placed(now time.Duration, msg *chain.Message) (placed chain.Message, ok bool) {
	placed = *msg
	placed.Public, placed.PublicPort = 0, 0
	var inside packet.Tuple
	if f := m.forward(msg); f != nil {
		placed.Public, placed.PublicPort = f.Public, f.PublicPort
		inside = packet.MakeTuple(m.state.Gateway(msg.Service).VPC.VNI, f.Proto, f.Inside, f.InsidePort, 0, 0)
	} else if i, mapped := m.mapped(now, msg); mapped {
		r := &m.records[i]
		placed.Public, placed.PublicPort = r.public, r.publicPort
		inside = r.inside
	} else {
		return placed, false
	}
	if msg.Inbound {
		placed.Flow = inside
		placed.Flow.Dst, placed.Flow.DstPort = msg.Flow.Src, msg.Flow.SrcPort
	}
	return placed, true
}

// forward returns the port forward that a message's flow uses, or nil.
func (m *Master) forward(msg *chain.Message) *cellstate.PortForward {
	if m.state == nil || msg.Quoted {
		return nil
	}
	gateway := m.state.Gateway(msg.Service)
	switch {
	case gateway == nil:
		return nil
	case msg.Inbound && msg.Kind == chain.Miss && msg.Flow.VNI() == 0:
		return gateway.ForwardTo(msg.Flow.Proto(), msg.Flow.Dst, msg.Flow.DstPort)
	}
	return gateway.ForwardFrom(msg.Flow.Proto(), msg.Flow.Src, msg.Flow.SrcPort)
}

// isForwarded reports whether a record's public end is the declared one of its inside end.
func (m *Master) isForwarded(r *record) bool {
	note := r.message(chain.Lease)
	f := m.forward(&note)
	return f != nil && f.Public == r.public && f.PublicPort == r.publicPort
}

// mapped finds a record whose public port is that of the flow in msg too, because the
// inside endpoint is the same: the one that sends, or for a packet from outside the one
// that has the public port.
func (m *Master) mapped(now time.Duration, msg *chain.Message) (uint32, bool) {
	if !msg.Independent || m.shared == nil {
		return 0, false
	}
	usable := func(r *record) bool {
		return r.service == msg.Service && m.valid(r) && m.declared(r) && m.mayGive(now, r) && m.state.Gateway(r.service).Gives(r.public)
	}
	if msg.Inbound {
		return m.shared.public.find(m.records, msg.Flow.Reverse().Sender(), func(r *record) bool {
			return r.state != Resting && usable(r)
		})
	}
	return m.shared.inside.find(m.records, msg.Flow.Sender(), func(r *record) bool {
		return usable(r) && !m.contested(r.message(chain.Lease))
	})
}

// contested reports whether another inside endpoint has, or had since, the public port of
// a decision. A node that holds records for others keeps them longer than their owner, so
// it may know of two flows on one port: then the later one has it.
func (m *Master) contested(msg chain.Message) bool {
	_, found := m.onPort(&msg, func(r *record) bool {
		return m.valid(r) && (r.state != Resting || r.lease > msg.Lease)
	})
	return found
}

// taken finds a record of another inside endpoint on the public port of a decision; of
// one that is a memory only as long as this node does not know all flows of the slot.
func (m *Master) taken(now time.Duration, msg *chain.Message) (uint32, bool) {
	return m.onPort(msg, func(r *record) bool { return m.valid(r) || now < m.current.knows[r.slot] })
}

// onPort finds a record of another inside endpoint on the public port of a decision.
func (m *Master) onPort(msg *chain.Message, is func(r *record) bool) (uint32, bool) {
	if !msg.Independent || m.shared == nil {
		return 0, false
	}
	return m.shared.public.find(m.records, msg.Held(), func(r *record) bool {
		return (r.inside.Sender() != msg.Flow.Sender() || r.service != msg.Service) && is(r)
	})
}

// sharer finds another record of the same inside endpoint on the same public port as
// record i; one that lives, if any does.
func (m *Master) sharer(i uint32) (uint32, bool) {
	r := &m.records[i]
	if !r.independent() {
		return 0, false
	}
	return m.shared.public.find(m.records, r.outside().Sender(), func(o *record) bool {
		return o != r && o.inside.Sender() == r.inside.Sender() && o.service == r.service && m.valid(o)
	})
}

// admits reports whether a packet from outside may begin a flow to an inside endpoint
// that has a public port, or is declared to have it (RFC 4787, section 5; RFC 5382,
// REQ-3). A TCP segment other than a SYN begins nothing, and what answers an echo request
// came with the request.
func (m *Master) admits(msg *chain.Message) bool {
	switch proto := msg.Flow.Proto(); {
	case msg.Quoted:
		return false
	case proto == packet.ProtoTCP && !begins(msg.FlagsIn), proto != packet.ProtoTCP && proto != packet.ProtoUDP:
		return false
	}
	if m.forward(msg) != nil {
		return true
	}
	switch m.state.Gateway(msg.Service).Filtering {
	case cellstate.FilterNothing:
		return true
	case cellstate.FilterByAddress:
		_, spoke := m.shared.peers.find(m.records, peerOf(msg.Flow), func(r *record) bool {
			return r.state != Resting && r.service == msg.Service && m.valid(r)
		})
		return spoke
	}
	return false
}

// extend opens a flow on the public port of its inside endpoint: opening is msg, as the
// instance would send it, with the decision. No Decider has to choose.
func (m *Master) extend(now time.Duration, msg, opening *chain.Message, out []chain.Message) []chain.Message {
	opening.Kind, opening.Lease, opening.View = chain.Chosen, m.newLease(now), m.current.ballot
	if i, lives := m.living(opening.Flow); lives && m.valid(&m.records[i]) {
		return append(out, refusal(msg, drop.Unsolicited)) // the endpoint has two public ports, and this flow the other
	}
	reason := m.acceptable(now, opening)
	if reason == drop.None {
		if i, ok := m.open(now, opening); ok {
			return m.expose(now, msg, i, append(out, m.leaseNote(i)))
		}
		reason = drop.FlowTableFull
	}
	return append(out, refusal(msg, reason))
}
