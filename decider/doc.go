// Package decider chooses the public address and port of a new flow.
//
// It is a pure machine: Choose, Lease, End and Release go in, Chosen and Refused
// come out; time and seed are arguments, and the same seed and messages give the same
// answers. It stores the set of outside tuples (public address and port,
// protocol, remote address and port) that are leased: a port is free towards a
// destination when the tuple is absent. Nothing is reserved per instance or per
// port, so each destination has the full range, and memory follows the number of
// flows, not the number of ports.
//
// What it stores is soft state. That no two flows look alike on the internet
// (I1), and that a freed port rests before it is used again (I6), is held by the
// Flow Master that owns the destination's slot: it puts all decisions about one
// destination in order and refuses one that collides with a flow that lives or
// a port that rests. So a Decider may start empty, miss messages or get them
// late, and cost at worst a second try. Its own work is to choose well: a port
// that is free as far as it knows, of the class that was asked for, on the
// instance's usual address, and such that no stranger guesses it.
//
// A lease has the Flow Master's name for the decision. It comes and goes so:
//
//	         Choose → Chosen, or Lease (adopted)             End
//	┌──────┐ ───────────────────────────────────▶ ┌───────┐ ─────▶ ┌───────┐
//	│ free │                                      │ lives │        │ rests │
//	└──────┘ ◀─────────────────────────────────── └───────┘ ◀───── └───────┘
//	   ▲       Release of the same lease, or                Lease      │
//	   │       leaseMax without a Lease or End, in Tick                │
//	   └───────────────────────────────────────────────────────────────┘
//
// The Flow Master sends End when the flow ends, Release when the port's rest is
// over, and Lease or End from time to time for what it holds; a new owner of a
// slot, or one that meets a new Decider, sends them for everything. Where the two
// disagree the Flow Master is right, so Lease and End replace whatever had their
// port, and End too is adopted. A Release that was lost leaves a lease that
// nobody renews: a wheel of timers ends it. A renewal only writes the new
// deadline; the timer finds it when it fires and is set again.
//
// What is held towards one destination less what rests is what lives, and that
// has the gateway's flows_per_destination as its bound, over all classes. What is
// held of class 0 has one of its own, so that a search finds a free port.
//
// Ports are drawn at random from a class (class.go) within 1024 to 65535 (RFC
// 6056, section 3.3.2) by a ChaCha8 stream, since a port that a stranger can
// guess is a flow that a stranger can disturb. Only when a destination is nearly
// full do the draws give way to a sweep. An instance keeps to one of its
// gateway's addresses while that has room towards the destination (RFC 4787,
// REQ-2, paired pooling): some servers tie a session to the address.
//
// Invariants:
//
//   - At most one lease per outside tuple: while its Flow Master and it agree, it
//     offers no port twice. That is no promise to users; I1 and I6 are held by
//     the Flow Master.
//   - A Choose is answered exactly once: with the port that it names, which rests for
//     that very flow, with one of its class, or with a reason.
//   - I13: leases, and the flows and ports of one destination, have limits;
//     beyond them the answer is Refused, with the reason.
//   - A Release that is late or repeated frees nothing but its own lease.
//   - No lease outlives its last renewal by more than leaseMax, apart from the
//     rounding and the bound on one Tick's work.
//
// Limits: see limits.go. A Choose that arrives twice leases twice; the Flow
// Master, which takes only the first answer, releases the other or lets it run
// out. A Lease that is late may take back a port for at most leaseMax.
package decider
