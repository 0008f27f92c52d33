package flowtrack

import (
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
)

// observe notes that the flow had packets, the last of them at the given time,
// and the TCP flags they carried.
func (m *Master) observe(i uint32, at time.Duration, flagsOut, flagsIn uint8) {
	r := &m.records[i]
	if at > r.lastSeen {
		r.lastSeen, r.traits = at, r.traits&^quoted
	}
	if before := r.state; before != Active {
		r.follow(flagsOut, flagsIn)
		if r.state != before {
			m.turned = i + 1
			m.rearm(i)
		}
	}
}

// announce tells the other holders of a change of state at once: the state says how
// long the flow may be silent, so one that took over with an older state would end
// an established connection as one that nobody had answered.
func (m *Master) announce(now time.Duration, out []chain.Message) []chain.Message {
	if m.turned == 0 || m.standing.Alone {
		return out
	}
	r := &m.records[m.turned-1]
	if !r.copied || !m.ownsInView(uint32(r.slot)) {
		return out // what is on its way to them carries it
	}
	return m.tell(r, now-r.lastSeen, out)
}

// tell sends the record to the other holders, without a packet.
func (m *Master) tell(r *record, age time.Duration, out []chain.Message) []chain.Message {
	note := r.message(chain.Copy)
	note.View, note.Age = m.current.ballot, milliseconds(age)
	for _, a := range m.Holders(uint32(r.slot)) {
		if a != m.self {
			note.To = a
			out = append(out, note)
		}
	}
	return out
}

// follow is the TCP state machine of the package documentation. The flags may
// be those of many segments ORed; the order of the rules is the order in which
// one connection shows them.
func (r *record) follow(flagsOut, flagsIn uint8) {
	if r.state == Opening && flagsIn != 0 || r.state == OpeningIn && flagsOut != 0 {
		r.state = Established
	}
	if flagsOut&packet.TCPFin != 0 {
		r.fins |= finOut
	}
	if flagsIn&packet.TCPFin != 0 {
		r.fins |= finIn
	}
	switch reset := (flagsOut|flagsIn)&packet.TCPRst != 0; {
	case reset:
		r.state, r.fins = Closing, r.fins&finBoth
	case r.fins&finBoth == finBoth:
		r.state = Closing
	case r.state == Closing:
		r.revive(flagsOut, flagsIn)
	}
}

// revive takes a flow that an RST had closed for open again when segments have come
// from both sides since: their ends did not believe it. It may have answered a late
// segment of an earlier connection on these ports, or be forged; the window that
// would tell (RFC 5961, section 3) is not known here.
func (r *record) revive(flagsOut, flagsIn uint8) {
	if flagsOut&packet.TCPAck != 0 {
		r.fins |= liveOut
	}
	if flagsIn&packet.TCPAck != 0 {
		r.fins |= liveIn
	}
	if r.fins&liveBoth == liveBoth {
		r.state, r.fins = Established, r.fins&finBoth
	}
}
