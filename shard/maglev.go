package shard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Maglev returns a look-up table of size slots over ids, after Eisenbud et al.,
// "Maglev" (NSDI 2016), section 3.4: each node prefers the slots in an order of
// its own, and the nodes take turns in claiming the next one that is free. So the
// parts differ by at most one slot, and most slots keep their node when another
// comes or goes.
//
//	a prefers 3 0 4 …   turn 1: a claims 3      slot   0 1 2 3 4 5 6
//	b prefers 0 2 4 …           b claims 0      table  b a c a b …
//	c prefers 3 0 2 …           c claims 2      (3 and 0 are taken)
//
// The orders are shuffles rather than the paper's offset and step, which it
// allows: with few nodes, steps that happen to be close to a multiple of each
// other moved a quarter of the table for one lost node; shuffles stay below 3 %.
//
// The values are indexes into ids; nodes take their turns in the order of their
// ids, so the same set gives the same assignment however it is listed. A hundred
// slots per node keep the parts within 1 %. No ids: nil. Equal ids, or more of
// them than slots or than uint16 counts, are a mistake of the caller and panic.
func Maglev(ids []uint64, size int) []uint16 {
	if len(ids) > size || len(ids) > math.MaxUint16+1 {
		panic(fmt.Sprintf("shard.Maglev: %d nodes for a table of %d slots", len(ids), size))
	}
	if len(ids) == 0 {
		return nil
	}
	turns := make([]turn, len(ids))
	for i, id := range ids {
		turns[i] = turn{id: id, index: uint16(i), order: shuffle(id, size)}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.id, b.id) })
	for i := range turns[1:] {
		if turns[i].id == turns[i+1].id {
			panic(fmt.Sprintf("shard.Maglev: the id %#x is there twice", turns[i].id))
		}
	}
	table, taken := make([]uint16, size), make([]bool, size)
	for claimed := range size {
		t := &turns[claimed%len(turns)]
		for taken[t.order[0]] {
			t.order = t.order[1:]
		}
		table[t.order[0]], taken[t.order[0]] = t.index, true
	}
	return table
}

// turn is one node and the slots it has yet to look at.
type turn struct {
	id    uint64
	index uint16
	order []uint32
}

// shuffle is a node's order of the slots: Fisher and Yates, the draw for place i
// being hash(id, i). The bias of the remainder is below size/2^64.
func shuffle(id uint64, size int) []uint32 {
	order := make([]uint32, size)
	for i := range order {
		j := hashWords(Placement, id, uint64(i)) % uint64(i+1)
		order[i] = order[j]
		order[j] = uint32(i)
	}
	return order
}
