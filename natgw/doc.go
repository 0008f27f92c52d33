// Package natgw is the cell node: Top, Flow Master and Decider, as many of them as
// the state gives it, and its part in the cell's membership.
//
// A Top rewrites packets. What it does not know it asks by sending the packet
// itself down a chain of messages (package chain) to the Flow Master that owns the
// flow's slot (flowtrack), which asks the Decider (decider) for a public address
// and port and has another node hold the decision before the Top may use it.
// Steps on one node are function calls, the others are datagrams; a tier does not
// know which. What nodes say without a packet is gathered in batches, one datagram
// for each node and turn.
//
//	from Nitro   ┌────────────────────────────── Node ──────────────────────────────┐
//	or edge ────▶│ Top: peer ▶ decode ▶ gateway ▶ cache ──hit──▶ rewrite ───────────┼─▶ edge or Nitro
//	             │                                  │ no valid entry    ▲           │
//	             │                                  ▼ Miss              │ Entry     │
//	other nodes, │  carry: ┌─▶ Flow Master ─Choose─▶ Decider            │           │
//	with packet ─┼────────▶│        ▲  │ └─Copy────────────────────────┐│           │
//	             │         └────────┘  └─ Entry ───────────────────────┼┘           │
//	             │                                                     ▼            │
//	without one ─┼─▶ control: hello ▶ membership, batch ▶ Flow Master, │ other nodes
//	             │            probe ▶ answer             Top, Decider  ▼
//	             └──────────────────────────────────────────────────────────────────┘
//
// Node is the pure core: packets, messages, state and time go in, packets come
// out; it has no goroutine, socket, clock or log. Worker is the thin shell that
// moves packets between a wire.Conn and a Node on a loop.
//
// Where to read: top.go, a packet's path; carry.go, the chain; signals.go, what
// nodes say without a packet; node.go, how the membership's view reaches the Flow
// Master; report.go, what Tops tell. The protocol as a whole: docs/replication.md.
//
// Invariants kept here: I2 (rewriting is undone exactly by the reply's), I3 (an
// entry is replaced only by a later decision), I7 (a packet leaves for a VPC only
// by an entry of that VPC), I8 (Traffic accounts for every packet), I9, I10 (hop
// budget; at most one answer per packet, rate limited; a packet has one follower in
// the chain), I11 (what is too big is answered with the right MTU), I13
// (limits.go), I19.
//
// Limits: IPv4; one worker per node; limits.go names the rest.
package natgw
