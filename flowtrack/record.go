package flowtrack

import (
	"time"
	"unsafe"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/shard"
)

// record is one flow, in one cache line.
//
//	   0               8              16              24      32
//	 0 │        inside (16 bytes)      │    opened     │ lastSeen │
//	32 │    lease      │public│service │ top  │pp│sl│st│fi│co│qu│mark│
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
	quoted     bool   // told to a Top for an error message, which is no use of the flow
	mark       uint32 // the number of the view in which it was last known to be right; see valid
}

var _ [64]byte = [unsafe.Sizeof(record{})]byte{}

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

func (r *record) isEcho() bool { return r.inside.Proto() == packet.ProtoICMP }

// slotOf is the slot of a flow given as its instance sends it.
func slotOf(service uint32, flow packet.Tuple) uint32 {
	return shard.Slot(service, flow.Proto(), flow.Dst, flow.DstPort)
}

// SlotOf is the slot of the flow that a message is about, in whichever direction
// it names it.
func SlotOf(msg *chain.Message) uint32 {
	if msg.Inbound && msg.Kind == chain.Miss {
		return slotOf(msg.Service, msg.Flow.Reverse())
	}
	return slotOf(msg.Service, msg.Flow)
}

// pack puts the flow's state and FINs into a message's one byte.
func (r *record) pack() uint8 { return uint8(r.state) | r.fins<<4 }

// unpack is its inverse; false for what is no state.
func unpack(b uint8) (s State, fins uint8, ok bool) {
	s, fins = State(b&0x0f), b>>4
	return s, fins, s >= Active && s <= Resting
}

// message is a message about the record.
func (r *record) message(kind chain.Kind) chain.Message {
	return chain.Message{
		Kind: kind, Service: r.service, Flow: r.inside, State: r.pack(),
		Public: r.public, PublicPort: r.publicPort, Lease: r.lease, Top: r.top,
	}
}

// milliseconds is an age as messages carry it: rounded down, never negative.
func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Millisecond, 0), 1<<32-1))
}

// age is the inverse of milliseconds.
func age(ms uint32) time.Duration { return time.Duration(ms) * time.Millisecond }
