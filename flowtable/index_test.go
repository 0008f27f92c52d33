package flowtable

import (
	"math/rand/v2"
	"testing"

	"hyperplane/packet"

	"pgregory.net/rapid"
)

// key returns the i-th of a million distinct tuples of one tenant.
func key(i uint32) packet.Tuple {
	return packet.MakeTuple(100, packet.ProtoTCP, packet.Addr4(0x0a000000+i>>16), uint16(i), 0xCB00710A, 443)
}

// book is an index with the records that every user of one has.
type book struct {
	*Index
	records []packet.Tuple
}

func newBook(capacity, records int, seed Seed) *book {
	return &book{Index: NewIndex(capacity, seed), records: make([]packet.Tuple, records)}
}

func (b *book) find(key packet.Tuple) (uint32, bool) {
	return b.Find(key, func(i uint32) bool { return b.records[i] == key })
}

func (b *book) add(i uint32, key packet.Tuple) bool {
	b.records[i] = key
	return b.Add(key, i)
}

type fataler interface{ Fatalf(string, ...any) }

// check walks the whole index: every entry lies as far from its home as it says, no
// look-up for it meets an empty slot before it, the order is that of the homes, the
// tags' copy is one, and the count is right.
func (b *book) check(t fataler) {
	n, slots := 0, uint32(len(b.values))
	for at := range slots {
		if at < groupLen-1 && b.tags[at] != b.tags[slots+at] {
			t.Fatalf("slot %d: tag %#x, its copy %#x", at, b.tags[at], b.tags[slots+at])
		}
		if b.tags[at] == 0 {
			continue
		}
		n++
		hash := b.seed.hash(b.records[b.values[at]].Words())
		if b.tags[at] != tagOf(hash) {
			t.Fatalf("slot %d: tag %#x, want %#x", at, b.tags[at], tagOf(hash))
		}
		home := b.home(hash)
		if b.step(home, uint32(b.away[at])) != at {
			t.Fatalf("slot %d: home %d, away %d", at, home, b.away[at])
		}
		for d := range uint32(b.away[at]) {
			if p := b.step(home, d); b.tags[p] == 0 {
				t.Fatalf("slot %d: unreachable, slot %d is empty", at, p)
			}
		}
		if next := b.step(at, 1); b.tags[next] != 0 && int(b.away[next]) > int(b.away[at])+1 {
			t.Fatalf("slot %d: %d from home, and the one behind it %d", at, b.away[at], b.away[next])
		}
	}
	if n != b.Len() {
		t.Fatalf("%d entries counted, Len %d", n, b.Len())
	}
}

// With its records the index does what a map does, at every capacity and seed, full
// included.
func TestIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keys = 61
		capacity := rapid.IntRange(1, 40).Draw(t, "capacity")
		b := newBook(capacity, keys, Seed{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")})
		held := map[uint32]bool{}
		id := rapid.Uint32Range(0, keys-1)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i := id.Draw(t, "key")
				if held[i] {
					return // a tuple is added once
				}
				want := len(held) < capacity
				if got := b.add(i, key(i)); got != want {
					t.Fatalf("Add(%d) = %v, want %v", i, got, want)
				}
				if want {
					held[i] = true
				}
			},
			"delete": func(t *rapid.T) {
				i := id.Draw(t, "key")
				if got := b.Delete(key(i), i); got != held[i] {
					t.Fatalf("Delete(%d) = %v, want %v", i, got, held[i])
				}
				delete(held, i)
			},
			"": func(t *rapid.T) {
				b.check(t)
				if b.Len() != len(held) {
					t.Fatalf("Len = %d, want %d", b.Len(), len(held))
				}
				for i := range uint32(keys) {
					if v, ok := b.find(key(i)); ok != held[i] || ok && v != i {
						t.Fatalf("find(%d) = %d, %v, want %v", i, v, ok, held[i])
					}
				}
			},
		})
	})
}

// Tuples with one home are refused when they lie awayMax from it, and those with another
// home, behind them, are still taken and found.
func TestIndexHasALimitOfDistance(t *testing.T) {
	const capacity = 4 * awayMax
	b := newBook(capacity, 1<<22, Seed{1, 2})
	var first uint32
	var refused, taken []uint32
	for i := range uint32(len(b.records)) {
		home := b.home(b.seed.hash(key(i).Words()))
		if i == 0 {
			first = home
		}
		if home != first {
			continue
		}
		if b.add(i, key(i)) {
			taken = append(taken, i)
		} else {
			refused = append(refused, i)
		}
	}
	if b.Len() != awayMax+1 || len(refused) == 0 {
		t.Errorf("one home took %d entries and refused %d, want %d and some", b.Len(), len(refused), awayMax+1)
	}
	for i := range uint32(1000) {
		if b.home(b.seed.hash(key(i).Words())) != first && b.add(i, key(i)) {
			taken = append(taken, i)
		}
	}
	b.check(t)
	for _, i := range taken {
		if v, ok := b.find(key(i)); !ok || v != i {
			t.Fatalf("find(%d) = %d, %v", i, v, ok)
		}
	}
	for _, i := range refused {
		if _, ok := b.find(key(i)); ok {
			t.Fatalf("%d was refused and is found", i)
		}
	}
}

// Full and emptied many times over, the index stays exact, takes all it was made for, and
// its entries stay near their homes.
func TestIndexChurn(t *testing.T) {
	const n = 1 << 14
	b := newBook(n, 10*n, Seed{3, 4})
	random := rand.New(rand.NewPCG(1, 2))
	held := make([]uint32, 0, n)
	next, farthest := uint32(0), uint8(0)
	for range 10 * n {
		if len(held) == n || len(held) > 0 && random.IntN(3) == 0 {
			j := random.IntN(len(held))
			if !b.Delete(key(held[j]), held[j]) {
				t.Fatal("a held key is gone")
			}
			held[j] = held[len(held)-1]
			held = held[:len(held)-1]
			continue
		}
		if !b.add(next, key(next)) {
			t.Fatalf("full at %d of %d", b.Len(), n)
		}
		held = append(held, next)
		next++
	}
	for _, i := range held {
		if v, ok := b.find(key(i)); !ok || v != i {
			t.Fatalf("find(%d) = %d, %v", i, v, ok)
		}
	}
	b.check(t)
	for _, away := range b.away {
		farthest = max(farthest, away)
	}
	if farthest > awayMax/4 {
		t.Errorf("an entry lies %d from its home", farthest)
	}
}

func TestIndexDoesNotAllocate(t *testing.T) {
	b := newBook(1000, 1<<14, Seed{5, 6})
	i := uint32(500)
	if n := testing.AllocsPerRun(10000, func() {
		b.add(i, key(i))
		b.find(key(i))
		b.Delete(key(i-500), i-500)
		i++
	}); n != 0 {
		t.Errorf("%v allocations per Add, Find and Delete", n)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 128, 129, 0, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		const capacity = 32
		b := newBook(capacity, 64, Seed{7, 8})
		held := map[uint32]bool{}
		for step, c := range script {
			i := uint32(c & 63)
			switch add := c&128 == 0; {
			case add && held[i]:
			case add:
				held[i] = len(held) < capacity
				if b.add(i, key(i)) != held[i] {
					t.Fatalf("step %d: Add(%d) is not %v", step, i, held[i])
				}
				if !held[i] {
					delete(held, i)
				}
			default:
				if b.Delete(key(i), i) != held[i] {
					t.Fatalf("step %d: Delete(%d) is not %v", step, i, held[i])
				}
				delete(held, i)
			}
		}
		b.check(t)
		for i := range uint32(64) {
			if v, ok := b.find(key(i)); ok != held[i] || ok && v != i {
				t.Fatalf("find(%d) = %d, %v, want %v", i, v, ok, held[i])
			}
		}
	})
}

// BenchmarkIndex looks random ones of a million records of a cache line up.
func BenchmarkIndex(b *testing.B) {
	const n = 1 << 20
	type record struct {
		key packet.Tuple
		_   [48]byte
	}
	records := make([]record, n)
	index := NewIndex(n, Seed{9, 10})
	for i := range uint32(n) {
		records[i].key = key(i)
		index.Add(key(i), i)
	}
	random := rand.New(rand.NewPCG(1, 2))
	order := make([]packet.Tuple, 1<<20)
	for _, sub := range []struct {
		name string
		from uint32
	}{{"hit", 0}, {"absent", n}} {
		b.Run(sub.name, func(b *testing.B) {
			for i := range order {
				order[i] = key(sub.from + random.Uint32N(n))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := order[i&(len(order)-1)]
				_, found := index.Find(k, func(v uint32) bool { return records[v].key == k })
				if found != (sub.from == 0) {
					b.Fatal("lost, or found what is not there")
				}
			}
		})
	}
}
