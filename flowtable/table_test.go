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

// check walks the whole table: every entry is found from its home without
// crossing an empty slot, the tags' copy is one, and the count is right.
func (t *Table) check(tb interface{ Fatalf(string, ...any) }) {
	n := 0
	for i := range t.slots {
		at := uint32(i)
		if at < groupLen-1 && t.tags[at] != t.tags[len(t.slots)+i] {
			tb.Fatalf("slot %d: tag %#x, its copy %#x", at, t.tags[at], t.tags[len(t.slots)+i])
		}
		if t.tags[at] == 0 {
			continue
		}
		n++
		s := &t.slots[at]
		if hash, tag := t.hash(s.key); s.hash != hash || t.tags[at] != tag {
			tb.Fatalf("slot %d: hash %#x, tag %#x, want %#x, %#x", at, s.hash, t.tags[at], hash, tag)
		}
		home := t.home(s.hash)
		for d := range t.distance(home, at) {
			if p := (home + d) & uint32(len(t.slots)-1); t.tags[p] == 0 {
				tb.Fatalf("slot %d: unreachable, slot %d is empty", at, p)
			}
		}
		if d := t.distance(home, at); d >= probeMax {
			tb.Fatalf("slot %d lies %d from its home", at, d)
		}
	}
	if n != t.length {
		tb.Fatalf("%d entries counted, Len %d", n, t.length)
	}
}

// The table does what a map does, at every capacity and seed, full included.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 40).Draw(t, "capacity")
		table := NewTable(capacity, Seed{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")})
		model := map[packet.Tuple]uint32{}
		keys := rapid.Map(rapid.Uint32Range(0, 60), key)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := keys.Draw(t, "key"), rapid.Uint32().Draw(t, "value")
				_, known := model[k]
				want := known || len(model) < capacity
				if got := table.Put(k, v); got != want {
					t.Fatalf("Put(%v) = %v, want %v", k, got, want)
				}
				if want {
					model[k] = v
				}
			},
			"delete": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				_, want := model[k]
				delete(model, k)
				if got := table.Delete(k); got != want {
					t.Fatalf("Delete(%v) = %v, want %v", k, got, want)
				}
			},
			"": func(t *rapid.T) {
				table.check(t)
				if table.Len() != len(model) {
					t.Fatalf("Len = %d, want %d", table.Len(), len(model))
				}
				for i := range uint32(61) {
					v, ok := table.Get(key(i))
					if want, known := model[key(i)]; ok != known || v != want {
						t.Fatalf("Get(%v) = %d, %v, want %d, %v", key(i), v, ok, want, known)
					}
				}
			},
		})
	})
}

// A run that has reached probeMax refuses entries instead of growing, and goes
// on taking those with another home.
func TestTableProbeLimit(t *testing.T) {
	const capacity = 4 * probeMax
	table := NewTable(capacity, Seed{1, 2})
	var first uint32
	refused := 0
	for i := range uint32(1 << 22) {
		hash, _ := table.hash(key(i))
		home := table.home(hash)
		if i == 0 {
			first = home
		}
		if home != first {
			continue
		}
		if !table.Put(key(i), i) {
			refused++
			if _, ok := table.Get(key(i)); ok {
				t.Fatal("a refused entry is found")
			}
		}
	}
	if table.Len() != probeMax || refused == 0 {
		t.Errorf("one home took %d entries and refused %d, want %d and some", table.Len(), refused, probeMax)
	}
	table.check(t)
}

// Full and emptied many times over, the table stays exact and its runs short.
func TestTableChurn(t *testing.T) {
	const n = 1 << 14
	table := NewTable(n, Seed{3, 4})
	random := rand.New(rand.NewPCG(1, 2))
	held := make([]uint32, 0, n)
	next := uint32(0)
	for range 10 * n {
		if len(held) == n || len(held) > 0 && random.IntN(3) == 0 {
			j := random.IntN(len(held))
			if !table.Delete(key(held[j])) {
				t.Fatal("a held key is gone")
			}
			held[j] = held[len(held)-1]
			held = held[:len(held)-1]
			continue
		}
		if !table.Put(key(next), next) {
			t.Fatalf("full at %d of %d", table.Len(), n)
		}
		held = append(held, next)
		next++
	}
	for _, i := range held {
		if v, ok := table.Get(key(i)); !ok || v != i {
			t.Fatalf("Get(%d) = %d, %v", i, v, ok)
		}
	}
	table.check(t)
}

func TestTableDoesNotAllocate(t *testing.T) {
	table := NewTable(1000, Seed{5, 6})
	i := uint32(0)
	if n := testing.AllocsPerRun(10000, func() {
		table.Put(key(i), i)
		table.Get(key(i))
		table.Delete(key(i - 500))
		i++
	}); n != 0 {
		t.Errorf("%v allocations per Put, Get and Delete", n)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 128, 129, 0, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		table := NewTable(32, Seed{7, 8})
		model := map[packet.Tuple]uint32{}
		for i, b := range script {
			k := key(uint32(b & 63))
			_, known := model[k]
			if b&128 == 0 {
				want := known || len(model) < 32
				if table.Put(k, uint32(i)) != want {
					t.Fatalf("step %d: Put %v", i, !want)
				}
				if want {
					model[k] = uint32(i)
				}
				continue
			}
			if table.Delete(k) != known {
				t.Fatalf("step %d: Delete %v", i, !known)
			}
			delete(model, k)
		}
		table.check(t)
		for k, want := range model {
			if v, ok := table.Get(k); !ok || v != want {
				t.Fatalf("Get(%v) = %d, %v, want %d", k, v, ok, want)
			}
		}
	})
}

// BenchmarkTableGet looks random entries of a million up.
func BenchmarkTableGet(b *testing.B) {
	const n = 1 << 20
	table := NewTable(n, Seed{9, 10})
	for i := range uint32(n) {
		table.Put(key(i), i)
	}
	random := rand.New(rand.NewPCG(1, 2))
	order := make([]packet.Tuple, 1<<16)
	b.Run("hit", func(b *testing.B) {
		for i := range order {
			order[i] = key(random.Uint32N(n))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := table.Get(order[i&(len(order)-1)]); !ok {
				b.Fatal("lost")
			}
		}
	})
	b.Run("absent", func(b *testing.B) {
		for i := range order {
			order[i] = key(n + random.Uint32N(n))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := table.Get(order[i&(len(order)-1)]); ok {
				b.Fatal("found")
			}
		}
	})
}
