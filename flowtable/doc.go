// Package flowtable holds the three structures every flow database here is
// made of: an index from tuples to records, a slab that hands the records'
// numbers out, and a timing wheel over them.
//
// Why not a Go map, pointers and time.Timer: with a million flows a map of
// pointers keeps the garbage collector walking it, every insertion may
// allocate, and a timer per flow is a heap operation per packet. Here all
// memory is allocated once, in New, as slices without pointers that the
// collector skips. Zeroed memory means "empty" everywhere, so New writes
// nothing and the operating system supplies pages only as flows come: what is
// made for a million flows costs next to nothing until they exist. The record
// type is the user's own, a slice indexed by what the slab hands out.
//
//	tuple ──hash──▶ Index            Slab             Wheel
//	                ┌───┬────┐       ┌──────┐         hand
//	                │tag│  7 ┼──┐    │ free │          ▼
//	                ├───┼────┤  │    │ list │      ┌─┬─┬─┬─┬─┐ one slot per
//	                │ · │    │  │    └──┬───┘      │ │7│ │3│ │ granularity
//	                ├───┼────┤  │       │Take      └─┴┼┴─┴─┴─┘
//	                │tag│  3 │  ▼       ▼             └▶ 7 ⇄ 12 ⇄ 9
//	                └───┴────┘  records[7] ◀── id ──── due
//	                 the same tuple? it is in the record, and nowhere else
//
// The index is open addressing at a load of at most three quarters, in the
// order of the homes, with a byte of hash per slot kept apart. It does not hold
// the tuples, which the records hold: an entry takes eight bytes, not fifty.
// Deleting moves later entries back, so there are no tombstones and the index
// is as good after a year as on the first day. Its hash is SipHash-1-3 under a
// 128-bit key, because tenants and strangers choose the tuples and must not be
// able to choose the collisions.
//
// The wheel is a single ring of slots. A timer beyond the ring's horizon waits
// in the farthest slot and is placed anew when the hand gets there; with the
// slots chosen here (409.6 s at 100 ms) the default timers never need that.
//
// Invariants:
//
//   - I13: no structure grows; a full one says so.
//   - A timer is never early, and late by less than one granularity, provided
//     Next is called until it returns false.
//   - Nothing depends on the key but speed: results are the same for all seeds.
//
// None of the types is safe for concurrent use; each has one owner. Limits: see
// limits.go.
package flowtable
