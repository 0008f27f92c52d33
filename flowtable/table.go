package flowtable

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unsafe"

	"hyperplane/packet"
)

// Table maps tuples to indexes. Its capacity is fixed and nothing allocates
// after [NewTable].
//
//	tags    │·│a│7│·│·│·│f│ …    one byte per slot, zero: empty; eight are read
//	         ▲                   and compared as one word
//	slots   │ │k│k│ │ │ │k│ …    touched only where the tag matches
//
// The tags of a million flows are 2 MB, which stays in the processor's cache.
// So a look-up costs one slow access to memory when the tuple is there and none
// when it is not, and hardly ever a branch that depends on memory not yet here:
// that is what lets the processor begin the next packet's look-up meanwhile.
type Table struct {
	tags     []uint8 // one per slot, and the first groupLen-1 again at the end
	slots    []slot  // length a power of two, at least twice the capacity
	shift    uint8   // 32 - log2(len(slots)): a hash's top bits are its home
	seed     Seed
	length   int
	capacity int
}

// slot is one place of the table; its tag says whether it means anything. The
// hash is kept for Delete, which needs the homes of its neighbours.
//
//	  0        4        8        12       16     18     20       24
//	│ Net    │ Src    │ Dst    │ SP│ DP │  hash        │ value  │
type slot struct {
	key   packet.Tuple
	hash  uint32
	value uint32
}

var _ [24]byte = [unsafe.Sizeof(slot{})]byte{}

// groupLen is the number of tags compared at once: the bytes of a word.
const groupLen = 8

// Words with the same byte in all places.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// NewTable returns an empty table for capacity entries. It does not touch the
// memory of the slots.
func NewTable(capacity int, seed Seed) *Table {
	checkCapacity("table", capacity)
	log := max(bits.Len(uint(2*capacity-1)), bits.Len(groupLen-1))
	return &Table{
		tags:     make([]uint8, 1<<log+groupLen-1),
		slots:    make([]slot, 1<<log),
		shift:    uint8(32 - log),
		seed:     seed,
		capacity: capacity,
	}
}

func checkCapacity(what string, capacity int) {
	if capacity < 1 || capacity > CapacityMax {
		panic(fmt.Sprintf("flowtable: capacity %d of a %s is outside 1..%d", capacity, what, CapacityMax))
	}
}

// Len returns the number of entries.
func (t *Table) Len() int { return t.length }

// Get returns the value of the tuple.
func (t *Table) Get(key packet.Tuple) (uint32, bool) {
	hash, tag := t.hash(key)
	if at, ok := t.find(key, hash, tag); ok {
		return t.slots[at].value, true
	}
	return 0, false
}

// Put sets the tuple's value. It returns false, and changes nothing, when the
// tuple is new and the table is full.
func (t *Table) Put(key packet.Tuple, value uint32) bool {
	hash, tag := t.hash(key)
	at, ok := t.find(key, hash, tag)
	if ok {
		t.slots[at].value = value
		return true
	}
	if t.length == t.capacity || t.distance(t.home(hash), at) >= probeMax {
		return false
	}
	t.slots[at] = slot{key, hash, value}
	t.setTag(at, tag)
	t.length++
	return true
}

// Delete removes the tuple and reports whether it was there. The entries behind
// it in its run move back where that brings them nearer to their home, so that
// no look-up ever has to step over a grave.
func (t *Table) Delete(key packet.Tuple) bool {
	hash, tag := t.hash(key)
	hole, ok := t.find(key, hash, tag)
	if !ok {
		return false
	}
	mask := uint32(len(t.slots) - 1)
	for at := (hole + 1) & mask; t.tags[at] != 0; at = (at + 1) & mask {
		// The entry may move into the hole unless its home lies behind the hole.
		if t.distance(t.home(t.slots[at].hash), at) >= t.distance(hole, at) {
			t.slots[hole] = t.slots[at]
			t.setTag(hole, t.tags[at])
			hole = at
		}
	}
	t.setTag(hole, 0)
	t.length--
	return true
}

// find returns the slot of the tuple, or the slot where its search ended: the
// first empty one, or the one probeMax behind its home. A table is at most half
// full, so a run always ends.
func (t *Table) find(key packet.Tuple, hash uint32, tag uint8) (at uint32, ok bool) {
	mask := uint32(len(t.slots) - 1)
	at = t.home(hash)
	for range probeMax / groupLen {
		group := binary.LittleEndian.Uint64(t.tags[at : at+groupLen])
		empty := zeroBytes(group)
		match := zeroBytes(group^uint64(tag)*ones) & (empty - 1&^empty) // before the first empty slot
		for ; match != 0; match &= match - 1 {
			here := (at + uint32(bits.TrailingZeros64(match))/8) & mask
			if t.slots[here].key == key {
				return here, true
			}
		}
		if empty != 0 {
			return (at + uint32(bits.TrailingZeros64(empty))/8) & mask, false
		}
		at = (at + groupLen) & mask
	}
	return at, false
}

// zeroBytes sets the high bit of every zero byte of w. Bytes of 1 above a zero
// byte may be marked too; a tag is never 1, and a false match costs no more
// than a comparison.
func zeroBytes(w uint64) uint64 { return (w - ones) &^ w & highs }

// hash returns the two parts of the tuple's hash: 32 bits whose top is its home,
// and its tag, whose high bit is set.
func (t *Table) hash(key packet.Tuple) (hash uint32, tag uint8) {
	h := t.seed.hash(key.Words())
	return uint32(h >> 32), uint8(h) | 0x80
}

func (t *Table) home(hash uint32) uint32 { return hash >> t.shift }

// distance is the number of steps from one slot to another, forwards.
func (t *Table) distance(from, to uint32) uint32 { return (to - from) & uint32(len(t.slots)-1) }

func (t *Table) setTag(at uint32, tag uint8) {
	t.tags[at] = tag
	if at < groupLen-1 {
		t.tags[len(t.slots)+int(at)] = tag
	}
}
