package flowtable

const (
	// CapacityMax is the largest capacity of an index, slab or wheel, in entries. Record
	// numbers are 32 bits wide, of which the wheel needs one, and an index has four
	// slots for three entries. New panics above it: a wrong constant, not a condition
	// of operation.
	CapacityMax = 1 << 29

	// awayMax is how many slots from its home an entry may lie: what a byte holds. In a
	// full index of ten million entries the farthest of five seeds lay 29 away, 1.5 on
	// average; the key being secret, nobody can choose tuples that lie farther. At the
	// limit Add returns false: the index counts as full.
	awayMax = 255

	// wheelSlots is the number of slots of a timing wheel; a power of two. With
	// 100 ms of granularity the horizon is 409.6 s, beyond the longest default
	// timer (350 s). Timers beyond the horizon cost one move per turn.
	wheelSlots = 4096

	// farMax is how many ticks from the hand a timer may lie, either way: 3.4 years at
	// 100 ms. One beyond it is put there.
	farMax = 1 << 30

	// movesPerNextMax bounds the far timers that one call of Next places anew. At
	// the limit Next returns false and goes on there in the next call, so that
	// far timers that share one slot delay due ones rather than stop the caller.
	movesPerNextMax = 4096
)
