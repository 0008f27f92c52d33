// Package chain defines the messages between the three tiers of a cell: Top,
// Flow Master and Decider.
//
// A message is a fixed-size value without pointers. Today the three tiers of
// one node exchange it by function calls; the fields are already all that a
// tier on another node would need, so moving a tier or copying it changes the
// carrier and nothing else. There is one struct for all kinds rather than one
// type per kind, because a value needs no allocation and no type switch, and
// because most fields travel through the whole chain unchanged: each tier adds
// what it knows and hands the message on.
//
//	         Miss              Choose
//	┌─────┐ ─────▶ ┌────────┐ ────────▶ ┌─────────┐
//	│     │ Seen   │  Flow  │ Release   │         │
//	│ Top │ ─────▶ │ Master │ ────────▶ │ Decider │
//	│     │        │        │           │         │
//	│     │ ◀───── │        │ ◀──────── │         │
//	└─────┘ Entry  └────────┘ Chosen    └─────────┘
//	        Refused           Refused
//	        Forget
//
// Every Miss is answered by exactly one Entry or Refused, so the packet that
// caused it is either sent or dropped with that reason (I8). Nothing is
// repeated inside the chain: the sender's own retransmission is the retry, and
// every message may arrive twice, late or never without breaking an invariant
// (see [Message] for what identifies a late copy).
//
// Invariants: the same flow always gets the same decision while it lives (I3);
// a decision names one lease of one port, so that a late Release can never
// free the next holder's port (I1).
//
// Limits: none of its own; the size of a message is asserted.
package chain
