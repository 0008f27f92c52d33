package flowtable

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSlab(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		slab := NewSlab(n)
		used := map[uint32]bool{}
		high := 0
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				i, ok := slab.Take()
				if ok != (len(used) < n) {
					t.Fatalf("Take = %d, %v with %d of %d in use", i, ok, len(used), n)
				}
				if !ok {
					return
				}
				if used[i] || int(i) >= n {
					t.Fatalf("Take = %d, in use or out of range", i)
				}
				used[i] = true
				high = max(high, int(i)+1)
			},
			"give": func(t *rapid.T) {
				i := rapid.Uint32Range(0, uint32(n)).Draw(t, "index")
				defer func() {
					if recovered := recover() != nil; recovered == used[i] {
						t.Fatalf("Give(%d): panic %v, in use %v", i, recovered, used[i])
					}
					delete(used, i)
				}()
				slab.Give(i)
			},
			"": func(t *rapid.T) {
				if slab.Len() != len(used) || slab.High() != high {
					t.Fatalf("Len %d, High %d, want %d, %d", slab.Len(), slab.High(), len(used), high)
				}
				for i := range uint32(n) {
					if slab.InUse(i) != used[i] {
						t.Fatalf("InUse(%d) = %v", i, slab.InUse(i))
					}
				}
			},
		})
	})
}

// What was given back is used again before memory that was never touched.
func TestSlabReuses(t *testing.T) {
	slab := NewSlab(1 << 20)
	for range 1000 {
		a, _ := slab.Take()
		b, _ := slab.Take()
		slab.Give(a)
		slab.Give(b)
	}
	if slab.High() != 2 {
		t.Errorf("High = %d, want 2", slab.High())
	}
}
