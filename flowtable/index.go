package flowtable

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"hyperplane/packet"
)

// Index finds records by tuple. It does not store the tuples, which the records have
// anyway: it asks its user to compare, of nearly always one candidate or none.
// Its capacity is fixed and nothing allocates after [NewIndex].
//
//	tags    │·│a│7│·│·│·│f│ …    one byte of hash per slot, zero: empty; eight are
//	         ▲                   read and compared as one word
//	away    │ │0│1│ │ │ │0│ …    how far from its home the entry lies
//	values  │ │k│k│ │ │ │k│ …    touched only where the tag matches
//
// Entries lie in the order of their homes (Robin Hood hashing: who is farther from
// home goes first), so that none is much farther than the others, at a load of three
// quarters. An entry costs six bytes a slot, eight in all. The tags of a million flows
// are 1.4 MB; what is not there is mostly known from them alone, and for what is there
// the value and the record are read besides.
type Index struct {
	tags     []uint8 // one per slot, and the first groupLen-1 again at the end
	away     []uint8
	values   []uint32
	seed     Seed
	length   int
	capacity int
}

// groupLen is the number of tags compared at once: the bytes of a word.
const groupLen = 8

// Words with the same byte in all places.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// NewIndex returns an empty index for capacity entries. It does not touch the memory of
// the slots.
func NewIndex(capacity int, seed Seed) *Index {
	checkCapacity("index", capacity)
	slots := capacity + capacity/3 + groupLen
	return &Index{
		tags:     make([]uint8, slots+groupLen-1),
		away:     make([]uint8, slots),
		values:   make([]uint32, slots),
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
func (x *Index) Len() int { return x.length }

// Find returns the value of the tuple. It asks is of every candidate whether it is the
// one, and does not change the index meanwhile, which is must not do either.
func (x *Index) Find(key packet.Tuple, is func(value uint32) bool) (value uint32, ok bool) {
	hash := x.seed.hash(key.Words())
	at, tags := x.home(hash), uint64(tagOf(hash))*ones
	for probed := 0; probed <= awayMax; probed += groupLen {
		group := binary.LittleEndian.Uint64(x.tags[at : at+groupLen])
		empty := zeroBytes(group)
		match := zeroBytes(group^tags) & ((empty - 1) &^ empty) // before the first empty slot
		for ; match != 0; match &= match - 1 {
			slot := x.step(at, uint32(bits.TrailingZeros64(match))/8)
			if value := x.values[slot]; is(value) {
				return value, true
			}
		}
		if empty != 0 {
			break
		}
		at = x.step(at, groupLen)
	}
	return 0, false
}

// zeroBytes sets the high bit of every zero byte of w. Bytes of 1 above a zero
// byte may be marked too; a tag is never 1, and a false match costs no more
// than a comparison.
func zeroBytes(w uint64) uint64 { return (w - ones) &^ w & highs }

// Add adds the tuple, which must not be there, with its value. It returns false, and
// changes nothing, when the index is full.
func (x *Index) Add(key packet.Tuple, value uint32) bool {
	if x.length == x.capacity {
		return false
	}
	hash := x.seed.hash(key.Words())
	at, away := x.home(hash), 0
	for ; x.tags[at] != 0 && int(x.away[at]) >= away; at = x.step(at, 1) {
		if away++; away > awayMax {
			return false
		}
	}
	// Those from here to the next empty slot move on by one.
	end := at
	for ; x.tags[end] != 0; end = x.step(end, 1) {
		if x.away[end] == awayMax {
			return false
		}
	}
	for end != at {
		from := end - 1
		if end == 0 {
			from = uint32(len(x.values)) - 1
		}
		x.set(end, x.tags[from], x.away[from]+1, x.values[from])
		end = from
	}
	x.set(at, tagOf(hash), uint8(away), value)
	x.length++
	return true
}

// Delete removes a value, under the tuple with which it was added, and reports whether
// it was there. Those behind it move back, so that no search ever has to step over a
// grave.
func (x *Index) Delete(key packet.Tuple, value uint32) bool {
	hash := x.seed.hash(key.Words())
	at, tag := x.home(hash), tagOf(hash)
	for away := 0; x.tags[at] != tag || x.values[at] != value || int(x.away[at]) != away; away++ {
		if x.tags[at] == 0 || int(x.away[at]) < away {
			return false
		}
		at = x.step(at, 1)
	}
	for next := x.step(at, 1); x.tags[next] != 0 && x.away[next] > 0; next = x.step(next, 1) {
		x.set(at, x.tags[next], x.away[next]-1, x.values[next])
		at = next
	}
	x.setTag(at, 0)
	x.length--
	return true
}

// home spreads the upper halves of the hashes over the slots, whose number need not be a
// power of two.
func (x *Index) home(hash uint64) uint32 {
	return uint32(hash >> 32 * uint64(len(x.values)) >> 32)
}

// tagOf returns the lowest bits of a hash, with the highest set.
func tagOf(hash uint64) uint8 { return uint8(hash) | 0x80 }

// step is the slot n behind at; behind the last one comes the first.
func (x *Index) step(at, n uint32) uint32 {
	if at += n; at >= uint32(len(x.values)) {
		at -= uint32(len(x.values))
	}
	return at
}

func (x *Index) set(at uint32, tag, away uint8, value uint32) {
	x.setTag(at, tag)
	x.away[at], x.values[at] = away, value
}

func (x *Index) setTag(at uint32, tag uint8) {
	x.tags[at] = tag
	if at < groupLen-1 {
		x.tags[len(x.values)+int(at)] = tag
	}
}
