package cellstate

import "hyperplane/packet"

// index finds a record by a 32-bit key on the path of every packet: one
// multiplication and, nearly always, one cache line. It is open addressing with
// linear probing over a power-of-two table that is at most half full. The keys
// are the operator's, but what is looked up may be an attacker's, so build
// doubles the table until no key lies further than probesMax slots from its place.
//
//	key * odd constant ──▶ top bits ──▶ slots[i], slots[i+1], …  until equal or empty
//
// The zero index is empty and may be asked.
type index[T any] struct {
	slots []slot[T]
	shift uint8 // 32 - log2(len(slots))
}

type slot[T any] struct {
	record *T // nil: empty
	key    uint32
}

// fibonacci is 2^32 divided by the golden ratio, made odd: consecutive keys,
// which addresses are, land far apart.
const fibonacci = 0x9E3779B1

func (x *index[T]) get(key uint32) *T {
	slots := x.slots
	if len(slots) == 0 {
		return nil
	}
	for i := int(key * fibonacci >> (x.shift & 31)); ; i++ {
		s := &slots[i&(len(slots)-1)]
		if s.record == nil || s.key == key {
			return s.record
		}
	}
}

// build fills the index with records under their own keys.
func (x *index[T]) build(records []*T, key func(*T) uint32) {
	keys := make([]uint32, len(records))
	for i, r := range records {
		keys[i] = key(r)
	}
	x.buildKeys(records, keys)
}

// buildKeys fills the index with records[i] under keys[i]. The caller has
// refused equal keys; of two, the first stays.
func (x *index[T]) buildKeys(records []*T, keys []uint32) {
	*x = index[T]{}
	if len(records) == 0 {
		return
	}
	for bits := uint8(2); ; bits++ {
		if len(records)*2 <= 1<<bits && x.fill(bits, records, keys) {
			return
		}
	}
}

// fill reports whether the table of 1<<bits slots took every record within
// probesMax probes. One that is large for its content takes them at any length,
// so that build ends.
func (x *index[T]) fill(bits uint8, records []*T, keys []uint32) bool {
	x.slots, x.shift = make([]slot[T], 1<<bits), 32-bits
	large := len(records)*slotsPerRecordMax <= 1<<bits
	for n, record := range records {
		probes := 1
		for i := int(keys[n] * fibonacci >> x.shift); ; i++ {
			s := &x.slots[i&(len(x.slots)-1)]
			if s.record == nil {
				*s = slot[T]{record, keys[n]}
			}
			if s.key == keys[n] {
				break
			}
			probes++
		}
		if probes > probesMax && !large {
			return false
		}
	}
	return true
}

// span is an IPv4 prefix as a base and a mask.
type span struct{ base, mask packet.Addr4 }

func (s span) contains(a packet.Addr4) bool { return a&s.mask == s.base }
