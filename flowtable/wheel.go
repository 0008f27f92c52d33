package flowtable

import (
	"time"
	"unsafe"
)

// Wheel is a timing wheel over the ids 0..n-1; each id has at most one timer.
//
//	tick:     hand  +1    +2                   +4095
//	        ┌─────┬─────┬─────┬─────┬── … ──┬─────┐
//	slots   │  ·  │  ·  │     │  ·  │       │  ·  │◀─ and all beyond the horizon
//	        └──┼──┴──┼──┴─────┴──┼──┴── … ──┴──┼──┘
//	           ▼     ▼           ▼             ▼
//	           5     2 ⇄ 9       7             4 ⇄ 1 ⇄ 8
//
// A deadline is rounded up to a tick, so no timer is early. Scheduling and
// cancelling are a few writes; nothing is sorted.
type Wheel struct {
	granularity time.Duration
	nodes       []node
	slots       []uint32 // first id of the slot, plus one
	hand        int64    // every tick before hand has been emptied
	length      int
}

// node links an id into its slot's list. A prev of zero means not scheduled, so zeroed
// memory holds no timer.
type node struct {
	tick uint32 // modulo 2^32; see tickOf
	next uint32 // id plus one; zero at the end of the list
	prev uint32 // id plus one; at the head of a list headOf plus the slot
}

// headOf marks the prev of a list's first node. Ids stay below it (CapacityMax).
const headOf = 1 << 31

var _ [12]byte = [unsafe.Sizeof(node{})]byte{}

// NewWheel returns an empty wheel whose time starts at zero.
func NewWheel(n int, granularity time.Duration) *Wheel {
	checkCapacity("wheel", n)
	if granularity <= 0 {
		panic("flowtable: a wheel needs a positive granularity")
	}
	return &Wheel{granularity: granularity, nodes: make([]node, n), slots: make([]uint32, wheelSlots), hand: 1}
}

// Len returns the number of scheduled ids.
func (w *Wheel) Len() int { return w.length }

// Schedule sets the id's timer, replacing the one it had.
func (w *Wheel) Schedule(id uint32, deadline time.Duration) {
	w.Cancel(id)
	tick := min(max(int64((deadline-1)/w.granularity)+1, 1, w.hand-farMax), w.hand+farMax)
	w.nodes[id].tick = uint32(tick)
	w.link(id, min(max(tick, w.hand), w.hand+wheelSlots-1))
	w.length++
}

// Cancel removes the id's timer, if it has one.
func (w *Wheel) Cancel(id uint32) {
	if w.nodes[id].prev == 0 {
		return
	}
	w.unlink(id)
	w.nodes[id].prev = 0
	w.length--
}

// Deadline returns the time at which the id's timer is due, rounded up to the
// granularity; false when it has none.
func (w *Wheel) Deadline(id uint32) (time.Duration, bool) {
	if w.nodes[id].prev == 0 {
		return 0, false
	}
	return time.Duration(w.tickOf(id)) * w.granularity, true
}

// tickOf is the tick of a scheduled id, which lies within 2^31 of the hand: within
// farMax when it was scheduled.
func (w *Wheel) tickOf(id uint32) int64 {
	return w.hand + int64(int32(w.nodes[id].tick-uint32(w.hand)))
}

// Next removes and returns one id whose deadline is not after now. Called until
// it returns false it empties everything due. The order among due ids depends
// on nothing but the calls made before.
func (w *Wheel) Next(now time.Duration) (id uint32, ok bool) {
	tick := int64(now / w.granularity)
	if w.length == 0 {
		w.hand = max(w.hand, tick+1)
		return 0, false
	}
	// After a long pause one turn visits every slot; more would only repeat it.
	w.hand = max(w.hand, tick-wheelSlots+1)
	moves := 0
	for ; w.hand <= tick; w.hand++ {
		for {
			head := w.slots[w.hand%wheelSlots]
			if head == 0 {
				break
			}
			id := head - 1
			due := w.tickOf(id)
			if due <= tick {
				w.Cancel(id)
				return id, true
			}
			if moves == movesPerNextMax {
				return 0, false
			}
			moves++
			// It waited here for want of a farther slot.
			w.unlink(id)
			w.link(id, min(due, w.hand+wheelSlots-1))
		}
	}
	return 0, false
}

// link puts the id at the head of the list of the tick's slot.
func (w *Wheel) link(id uint32, tick int64) {
	slot := uint32(tick % wheelSlots)
	n := &w.nodes[id]
	n.next, n.prev = w.slots[slot], headOf|slot
	if n.next != 0 {
		w.nodes[n.next-1].prev = id + 1
	}
	w.slots[slot] = id + 1
}

func (w *Wheel) unlink(id uint32) {
	n := &w.nodes[id]
	if n.prev&headOf != 0 {
		w.slots[n.prev&^headOf] = n.next
	} else {
		w.nodes[n.prev-1].next = n.next
	}
	if n.next != 0 {
		w.nodes[n.next-1].prev = n.prev
	}
}
