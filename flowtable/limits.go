package flowtable

const (
	// CapacityMax is the largest capacity of a table, slab or wheel, in entries.
	// Indexes are 32 bits wide and a table has two slots for each entry and
	// rounds up to a power of two. New panics above it: a wrong constant, not a
	// condition of operation.
	CapacityMax = 1 << 29

	// probeMax is how many slots from its home an entry may lie. At a load of one
	// half the longest run of a million entries is near 75 slots, and the chance
	// of one beyond 256 is below e^-30 whatever tuples are sent, the key being
	// secret. At the limit Put returns false: the table counts as full.
	probeMax = 256

	// wheelSlots is the number of slots of a timing wheel; a power of two. With
	// 100 ms of granularity the horizon is 409.6 s, beyond the longest default
	// timer (350 s). Timers beyond the horizon cost one move per turn.
	wheelSlots = 4096

	// movesPerNextMax bounds the far timers that one call of Next places anew. At
	// the limit Next returns false and goes on there in the next call, so that
	// far timers that share one slot delay due ones rather than stop the caller.
	movesPerNextMax = 4096
)
