package shard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawIDs(t *rapid.T, atLeast, most int) []uint64 {
	return rapid.SliceOfNDistinct(rapid.Uint64(), atLeast, most, rapid.ID).Draw(t, "ids")
}

// names gives the ids of n named nodes.
func names(n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = NodeID(fmt.Sprintf("node-%d", i+1))
	}
	return ids
}

// byID is Rank in terms of ids, which do not depend on the order of the list.
func byID(key uint64, ids []uint64) []uint64 {
	var out []uint64
	for _, i := range Rank(nil, key, ids) {
		out = append(out, ids[i])
	}
	return out
}

// TestRankMovesLittle: without one node, the others rank as before. So whoever
// comes or goes, nothing moves between the rest (I17).
func TestRankMovesLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := drawIDs(t, 1, 20)
		key := rapid.Uint64().Draw(t, "key")
		gone := rapid.IntRange(0, len(ids)-1).Draw(t, "gone")
		want := byID(key, ids)
		want = slices.DeleteFunc(want, func(id uint64) bool { return id == ids[gone] })
		got := byID(key, slices.Delete(slices.Clone(ids), gone, gone+1))
		if !slices.Equal(got, want) {
			t.Errorf("rank without a node:\n%s", cmp.Diff(want, got))
		}
	})
}

func TestRankIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := drawIDs(t, 0, 20)
		key := rapid.Uint64().Draw(t, "key")
		other := rapid.Permutation(ids).Draw(t, "permuted")
		if a, b := byID(key, ids), byID(key, other); !slices.Equal(a, b) {
			t.Errorf("order of the list matters:\n%s", cmp.Diff(a, b))
		}
	})
}

func TestRankIsAPermutationAndFirstItsHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Uint64Range(0, 9), 0, 12).Draw(t, "ids, some equal")
		key := rapid.Uint64().Draw(t, "key")
		rank := Rank([]int{7, 7, 7}, key, ids)
		if first := First(key, ids); len(ids) == 0 && first != -1 || len(ids) > 0 && first != rank[0] {
			t.Errorf("First = %d, Rank = %v", first, rank)
		}
		sorted := slices.Sorted(slices.Values(rank))
		for i, r := range sorted {
			if i != r {
				t.Fatalf("Rank = %v: not every node once", rank)
			}
		}
		if len(rank) != len(ids) {
			t.Errorf("Rank has %d of %d nodes", len(rank), len(ids))
		}
	})
}

// TestRankIsFair: each of eight nodes leads for about an eighth of 8192 keys.
func TestRankIsFair(t *testing.T) {
	ids, lead := names(8), make([]int, 8)
	for slot := range uint32(8 * Slots) {
		lead[First(OwnerKey(slot/Slots+1, slot%Slots), ids)]++
	}
	for i, n := range lead {
		if n < Slots*85/100 || n > Slots*115/100 {
			t.Errorf("node %d leads %d of %d keys, want about %d", i, n, 8*Slots, Slots)
		}
	}
}

func TestRankAllocatesNothing(t *testing.T) {
	ids, dst := names(16), make([]int, 0, 16)
	if n := testing.AllocsPerRun(100, func() { dst = Rank(dst, 1, ids); _ = First(1, ids); _ = Slot(1, 6, 2, 3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRank16(b *testing.B) {
	ids, dst := names(16), make([]int, 0, 16)
	for i := 0; b.Loop(); i++ {
		dst = Rank(dst, uint64(i), ids)
	}
}

func BenchmarkFirst16(b *testing.B) {
	ids := names(16)
	for i := 0; b.Loop(); i++ {
		First(uint64(i), ids)
	}
}

func BenchmarkSlot(b *testing.B) {
	for i := uint16(0); b.Loop(); i++ {
		Slot(1, 6, 0xcb00710a, i)
	}
}
