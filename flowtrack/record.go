package flowtrack

import (
	"time"
	"unsafe"

	"hyperplane/chain"
	"hyperplane/packet"
)

// record is one flow, in one cache line.
//
//	   0               8              16              24      32
//	 0 │        inside (16 bytes)      │    opened     │ lastSeen │
//	32 │    lease      │public│service │ top  │pp│sl│st│fi│co│tr│mark│
type record struct {
	inside     packet.Tuple
	opened     time.Duration // Resting: when its port is free
	lastSeen   time.Duration // Resting: when it ended
	lease      uint64
	public     packet.Addr4
	service    uint32
	top        packet.Addr4 // the last that asked or reported; it hears of the end
	publicPort uint16
	slot       uint16
	state      State
	fins       uint8  // finOut, finIn, liveOut, liveIn
	copied     bool   // every holder of the view in which it was opened has it: a Top may hear of it
	traits     traits // see there
	mark       uint32 // the number of the view in which it was last known to be right; see valid
}

var _ [64]byte = [unsafe.Sizeof(record{})]byte{}

// traits are what is true of a record, or not.
type traits uint8

const (
	quoted      traits = 1 << iota // told to a Top for an error message, which is no use of the flow
	independent                    // see chain.Message
	forwarded                      // its public port was declared, not chosen, when it was opened
)

func (r *record) independent() bool { return r.traits&independent != 0 }

// traitsOf are those that a message about a flow tells.
func traitsOf(msg *chain.Message) (t traits) {
	if msg.Independent {
		t = independent
	}
	return t
}

// opening reports whether one side has yet to answer.
func (r *record) opening() bool { return r.state == Opening || r.state == OpeningIn }

// Sides from which a FIN has been seen.
const (
	finOut uint8 = 1 << iota
	finIn
	liveOut // and from which segments came after an RST that was not believed by both
	liveIn
	finBoth  = finOut | finIn
	liveBoth = liveOut | liveIn
)

func (r *record) outside() packet.Tuple {
	return chain.Outside(r.inside, r.public, r.publicPort)
}

// class is the class of its public port. A declared one is nobody's to give.
func (r *record) class() uint8 {
	if r.traits&forwarded != 0 {
		return 0
	}
	return chain.PortClass(r.publicPort)
}

func (r *record) isEcho() bool { return r.inside.Proto() == packet.ProtoICMP }

// pack puts the flow's state and FINs into a message's one byte.
func (r *record) pack() uint8 { return uint8(r.state) | r.fins<<4 }

// unpack is its inverse; false for what is no state.
func unpack(b uint8) (s State, fins uint8, ok bool) {
	s, fins = State(b&0x0f), b>>4
	return s, fins, s >= Active && s <= OpeningIn
}

// message is a message about the record.
func (r *record) message(kind chain.Kind) chain.Message {
	return chain.Message{
		Kind: kind, Service: r.service, Flow: r.inside, Independent: r.independent(), State: r.pack(),
		Public: r.public, PublicPort: r.publicPort, Lease: r.lease, Top: r.top,
	}
}

// milliseconds is an age as messages carry it: rounded down, never negative.
func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Millisecond, 0), 1<<32-1))
}

// age is the inverse of milliseconds.
func age(ms uint32) time.Duration { return time.Duration(ms) * time.Millisecond }
