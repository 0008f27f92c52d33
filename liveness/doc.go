// Package liveness tells a sender which of its cell's Tops are alive, and which
// of them takes the packets of a slot.
//
// It exists because a Top may stop at any moment and nobody tells the hosts and
// edges that send to it. Each of them therefore asks every Top itself, over the
// path that its packets take, and believes only what came back on it: an answer
// proves that both directions carry and that the node behind works in time. No
// one else is asked, so there is no service whose failure could stop packets.
// Each sender judges alone: two that judge differently for a moment send packets
// of one flow to two Tops, which costs the flow a look-up and nothing else.
//
//	               silent, slow or not serving (unwilling); restarted
//	          ┌──────────────────────────────────────────────┐
//	          │                                              ▼
//	first ▶ ┌─┴──┐   good for the hold-down   ┌─────────┐  good  ┌──────┐ ◀ joins
//	set     │ up │ ◀───────────────────────── │ holding │ ◀───── │ down │   others
//	        └────┘                            └────┬────┘        └──────┘
//	                                               │   not good      ▲
//	                                               └─────────────────┘
//
//	t/ms    0     20    40    60    80    100       300   320        520
//	probe   ●─┐   ●     ●     ●     ●     ●    …    ●─┐   ●─┐   …    ●
//	answer    ●   × the node dies                     ●     ●
//	state   up ──────────────────────────▶ down ────────▶ holding ─▶ up
//
// Good means: the newest request that was answered is younger than downAfter,
// and its answer says that the node serves. So silence, loss in one direction
// and a round trip longer than downAfter are one and the same. A request carries
// the sender's clock and the answer brings it back, so no two clocks are
// compared, and an answer to what was never asked is refused.
//
// A node that falls often is held down longer each time (flap damping), because
// each move costs its flows a look-up. Conclusions are drawn at a Tick, for all
// nodes together, so that those that come back together are taken back together.
// Time in which the sender itself stood still counts for nothing: it asked
// nobody and heard nobody.
//
// Which nodes get packets: the up ones that are not draining; else the up ones;
// else those that answer but are held down; else those that answer and do not
// serve; else all, as if they were up (fail open): a sender that hears nobody is more likely deaf than the last one alive,
// and it could do nothing better with the packets. Among them a slot goes to the
// first of shard.Rank, so a Top that goes moves its own slots and no others.
//
// The work is constant: so many probes per Tick as there are Tops, whatever
// happens. Top is one look-up in a table.
//
// Invariants: I15 (the same set of live Tops, the same choice), I17 (flows of
// Tops that stay do not move), I19 (time is an argument), and no allocation but
// in Apply. Limits: limits.go; a failure is seen after downAfter and up to one
// Tick, or the sender's own delay.
package liveness
