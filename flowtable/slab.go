package flowtable

import "fmt"

// Slab hands out the indexes 0..n-1. An index given back is the next one taken,
// while its record is still in the processor's cache; indexes that were never
// needed are never touched.
type Slab struct {
	// next[i] is, for a free index, the free one behind it, plus one, zero at the
	// end; and taken while i is in use. Entries from high on mean nothing yet.
	next []uint32
	free uint32 // the first free index below high, plus one
	high uint32
	used int
}

const taken = ^uint32(0)

// NewSlab returns a slab with every index free.
func NewSlab(n int) *Slab {
	checkCapacity("slab", n)
	return &Slab{next: make([]uint32, n)}
}

// Take hands out a free index; false when all are in use.
func (s *Slab) Take() (uint32, bool) {
	i := s.high
	switch {
	case s.free != 0:
		i = s.free - 1
		s.free = s.next[i]
	case int(s.high) < len(s.next):
		s.high++
	default:
		return 0, false
	}
	s.next[i] = taken
	s.used++
	return i, true
}

// Give takes the index back. It panics if the index is not in use: two flows on
// one record would mix tenants, so the shard dies rather than go on.
func (s *Slab) Give(i uint32) {
	if !s.InUse(i) {
		panic(fmt.Sprintf("flowtable: index %d given back but not in use", i))
	}
	s.next[i] = s.free
	s.free = i + 1
	s.used--
}

// InUse reports whether the index is handed out.
func (s *Slab) InUse(i uint32) bool { return i < s.high && s.next[i] == taken }

// High returns the high-water mark: every index in use is below it.
func (s *Slab) High() int { return int(s.high) }

// Len returns the number of indexes in use.
func (s *Slab) Len() int { return s.used }
