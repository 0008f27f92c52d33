package shard

import "fmt"

// Table is one map of the cell's slots: for each, the best few of a set of
// nodes, in the order of Rank. Senders keep one over the Tops that are alive,
// nodes one over the Flow Masters that are full members; both build it when that
// set changes and then pay one load per packet.
//
// To leave a node out, leave its id out: the others keep their order. So the
// best of the nodes that are alive is the first one alive in Rank of all.
//
// It is a plain 4 KB array: building it again allocates nothing, and the zero
// Table is that of no nodes.
type Table struct {
	best [Slots][TableBestMax]uint8
	k    uint8
}

// Build makes t the table of the k best of ids for each slot, or of all of them
// if there are fewer. What it names are indexes into ids. A set that is listed
// in another order gives the same nodes. At most TableNodesMax ids, and k from 1
// to TableBestMax; anything else is a mistake of the caller and panics.
//
// Each weight is computed once: about 25 µs for each id on one core, so over a
// millisecond for 64 of them. That is for a change of the set, not for a packet.
func (t *Table) Build(ids []uint64, k int) {
	if len(ids) > TableNodesMax || k < 1 || k > TableBestMax {
		panic(fmt.Sprintf("shard.Table: the best %d of %d nodes; allowed are %d of %d", k, len(ids), TableBestMax, TableNodesMax))
	}
	t.k = uint8(min(k, len(ids)))
	for slot := range t.best {
		t.best[slot] = rankBest(OwnerKey(0, uint32(slot)), ids, int(t.k))
	}
}

// At returns the indexes of the best nodes of a slot below Slots, best first;
// none if there were no ids. The slice is part of t: read it before the next
// Build, do not change it.
func (t *Table) At(slot uint32) []uint8 { return t.best[slot][:t.k] }

// rankBest is the head of Rank: insertion into the k best so far.
func rankBest(key uint64, ids []uint64, k int) (best [TableBestMax]uint8) {
	var weights [TableBestMax]uint64
	n := 0 // how many are filled
	for i, id := range ids {
		w := weigh(key, id)
		at := n
		for at > 0 && (w > weights[at-1] || w == weights[at-1] && id < ids[best[at-1]]) {
			at--
		}
		if at == k {
			continue
		}
		n = min(n+1, k)
		copy(best[at+1:n], best[at:])
		copy(weights[at+1:n], weights[at:])
		best[at], weights[at] = uint8(i), w
	}
	return best
}
