// Package natgw is the cell node: Top, Flow Master and Decider.
//
// A Top rewrites packets. What it does not know it asks by sending the packet
// down a chain of messages (package chain) to the Flow Master (flowtrack),
// which asks the Decider (decider) for a public address and port. Today the
// three tiers of a node are joined by function calls and each gateway is
// served by one node; the messages are the ones that will travel between
// nodes, so a Top does not change when the tiers move apart.
//
//	from Nitro  ┌─────────────────────────── Node ───────────────────────────┐
//	───────────▶│ Top: peer ▶ decode ▶ gateway ▶ cache ──hit──▶ rewrite ─────┼─▶ Blackfoot
//	            │                                  │miss          ▲           │
//	            │                       chain.Miss ▼   chain.Entry│           │
//	            │                          Flow Master ───────────┘           │
//	            │                     Choose │   ▲ Chosen                     │
//	            │                            ▼   │                            │
//	            │                           Decider                           │
//	from edge   │                                                             │
//	───────────▶│ Top: the same, with the tuple of the reply ─────────────────┼─▶ Nitro
//	            └─────────────────────────────────────────────────────────────┘
//
// Node is the pure core: packets, messages, state and time go in, packets come
// out; it has no goroutine, socket, clock or log. Worker is the thin shell that
// moves packets between a wire.Conn and a Node on a loop.
//
// Invariants kept here: I2 (rewriting is undone exactly by the reply's), I3 (an
// entry never changes), I7 (a packet leaves for a VPC only by an entry of that
// VPC), I8 (Traffic accounts for every packet), I9, I10 (hop budget; at most
// one answer per packet, rate limited), I11 (what is too big is answered with
// the right MTU), I13 (limits.go), I19.
//
// Limits: IPv4; one worker per node; limits.go names the rest.
package natgw
