package flowtrack

import (
	"time"

	"hyperplane/packet"
)

// observe notes that the flow had packets, the last of them at the given time,
// and the TCP flags they carried. What was seen before the flow (re)opened came
// late and belongs to an earlier connection.
func (m *Master) observe(i uint32, at time.Duration, flagsOut, flagsIn uint8) {
	r := &m.records[i]
	if at < r.opened {
		return
	}
	r.lastSeen = max(r.lastSeen, at)
	if before := r.state; before != Active {
		r.follow(at, flagsOut, flagsIn)
		if r.state != before {
			m.rearm(i)
		}
	}
}

// follow is the TCP state machine of the package documentation. The flags may
// be those of many segments ORed; the order of the rules is the order in which
// one connection shows them.
func (r *record) follow(at time.Duration, flagsOut, flagsIn uint8) {
	if r.state == Closing && flagsOut&packet.TCPSyn != 0 {
		r.state, r.fins, r.opened = Opening, 0, at
	}
	if r.state == Opening && flagsIn != 0 {
		r.state = Established
	}
	if flagsOut&packet.TCPFin != 0 {
		r.fins |= finOut
	}
	if flagsIn&packet.TCPFin != 0 {
		r.fins |= finIn
	}
	if r.fins == finBoth || (flagsOut|flagsIn)&packet.TCPRst != 0 {
		r.state = Closing
	}
}
