package shard

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// at is At in the terms of Rank.
func at(t *Table, slot uint32) (out []int) {
	for _, i := range t.At(slot) {
		out = append(out, int(i))
	}
	return out
}

// TestTableIsRank: each slot has the head of Rank, whatever the table held
// before and whether or not ids are equal.
func TestTableIsRank(t *testing.T) {
	var table Table // one for all: what was built before must not show
	var rank []int
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3))
		ids := rapid.SliceOfN(id, 0, TableNodesMax).Draw(t, "ids, some equal")
		k := rapid.IntRange(1, TableBestMax).Draw(t, "k")
		table.Build(ids, k)
		for slot := range uint32(Slots) {
			rank = Rank(rank, OwnerKey(0, slot), ids)
			if got, want := at(&table, slot), rank[:min(k, len(rank))]; !slices.Equal(got, want) {
				t.Fatalf("slot %d: %v, want %v", slot, got, want)
			}
		}
	})
}

// TestTableMovesLittle: without one node, exactly the slots that named it name
// another; the others stay (I17).
func TestTableMovesLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := drawIDs(t, 1, 20)
		gone := rapid.IntRange(0, len(ids)-1).Draw(t, "gone")
		rest := slices.Delete(slices.Clone(ids), gone, gone+1)
		var before, after Table
		before.Build(ids, 2)
		after.Build(rest, 2)
		for slot := range uint32(Slots) {
			var want, got []uint64
			for _, i := range before.At(slot) {
				if int(i) != gone {
					want = append(want, ids[i])
				}
			}
			for _, i := range after.At(slot) {
				got = append(got, rest[i])
			}
			if !slices.Equal(got[:len(want)], want) {
				t.Fatalf("slot %d: %x, before without the node %x", slot, got, want)
			}
		}
	})
}

// TestTableIsFair: of eight nodes, each leads and seconds an eighth of the
// slots, within what chance explains (four deviations of 1024 draws).
func TestTableIsFair(t *testing.T) {
	var table Table
	table.Build(names(8), 2)
	var n [2][8]int
	for slot := range uint32(Slots) {
		for place, i := range table.At(slot) {
			n[place][i]++
		}
	}
	for place := range n {
		for i, n := range n[place] {
			if n < 128-43 || n > 128+43 {
				t.Errorf("node %d has place %d of %d slots, want about 128", i, place, n)
			}
		}
	}
}

func TestTableOfNothing(t *testing.T) {
	var table Table
	if got := table.At(Slots - 1); len(got) != 0 {
		t.Errorf("the zero table names %v", got)
	}
	table.Build(names(3), 4)
	table.Build(nil, 4)
	if got := table.At(0); len(got) != 0 {
		t.Errorf("a table of no nodes names %v", got)
	}
}

func TestTableRefusesMistakes(t *testing.T) {
	for name, f := range map[string]func(t *Table){
		"too many nodes": func(t *Table) { t.Build(make([]uint64, TableNodesMax+1), 1) },
		"none":           func(t *Table) { t.Build(names(3), 0) },
		"too deep":       func(t *Table) { t.Build(names(3), TableBestMax+1) },
		"no slot":        func(t *Table) { t.At(Slots) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f(new(Table))
		}()
	}
}

func TestTableAllocatesNothing(t *testing.T) {
	ids, table := names(TableNodesMax), new(Table)
	if n := testing.AllocsPerRun(10, func() { table.Build(ids, TableBestMax); _ = table.At(7) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkTable(b *testing.B, n int) {
	ids, table := names(n), new(Table)
	b.ReportAllocs()
	for b.Loop() {
		table.Build(ids, 2)
	}
}

func BenchmarkTable3(b *testing.B)  { benchmarkTable(b, 3) }
func BenchmarkTable16(b *testing.B) { benchmarkTable(b, 16) }
func BenchmarkTable64(b *testing.B) { benchmarkTable(b, 64) }

func BenchmarkTableAt(b *testing.B) {
	table := new(Table)
	table.Build(names(3), 2)
	sum := 0
	for i := uint32(0); b.Loop(); i++ {
		sum += int(table.At(i % Slots)[0])
	}
	if sum < 0 {
		b.Fatal(sum)
	}
}
