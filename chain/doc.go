// Package chain defines the messages between the three tiers of a cell: Top,
// Flow Master and Decider, and how they look on the wire.
//
// A message is a fixed-size value without pointers. The three tiers may share
// a node or be on three; between nodes a message is 64 bytes, beside the packet
// that caused it (the tunnel's chain option) or with others in a batch. There
// is one struct for all kinds rather than one type per kind, because a value
// needs no allocation and no type switch, and because most fields travel
// through the whole chain unchanged: each tier adds what it knows and hands the
// message on.
//
// The way of the first packet of a flow. The packet travels with the message,
// so that no tier stores one while it waits:
//
//	┌─────┐  1 Miss   ┌─────────┐  2 Choose   ┌─────────┐
//	│     ├──────────▶│  Flow   ├────────────▶│ Decider │
//	│     │           │ Master₁ │◀────────────┤         │
//	│     │           │ (owner) │  3 Chosen   └─────────┘
//	│     │           │         │
//	│ Top │           │         │  4 Copy     ┌─────────┐
//	│     │           │         ├────────────▶│  Flow   │
//	│     │           │         │◀────────────┤ Master₂ │
//	│     │           └─────────┘  5 Done     │         │
//	│     │◀──────────────────────────────────┤         │
//	└─────┘               5 Entry             └─────────┘
//	   ▼ the packet, rewritten
//
// Flow Master₁ owns the flow's slot. It puts all decisions about the slot into
// one order before anyone holds a copy, so two packets of one flow at two Tops
// get one decision. The last Flow Master that is to hold the flow answers the
// Top directly: whoever sees an Entry knows that every copy is held, and no
// packet of the flow left before that. Done tells the owner the same. A flow
// that the owner knows already takes the short way: Miss, Entry; and a node
// that is alone with the roles goes the same way without a datagram.
//
// Beside the packets, in batches:
//
//	┌─────┐ Seen     ┌─────────┐ Copy        ┌─────────┐
//	│     ├─────────▶│  Flow   ├────────────▶│  Flow   │
//	│ Top │          │ Master₁ │◀────────────┤ Master₂ │
//	│     │◀─────────┤         │ Ack         └─────────┘
//	└─────┘ Confirm  │         │ Release     ┌─────────┐
//	        Forget   │         ├────────────▶│ Decider │
//	                 └─────────┘ Lease, End  └─────────┘
//
// Every Miss is answered by exactly one Entry or Refused, or by nothing where a
// node or a datagram was lost on the way; the packet that caused it is sent,
// dropped with the reason of the Refused (I8), or lost with the datagram that
// carried it. Nothing is repeated inside the chain: the sender's own
// retransmission is the retry, and every message may arrive twice, late or
// never without breaking an invariant (see [Message] for what identifies a late
// copy). Only the copies of flows between Flow Masters are counted and
// acknowledged, because there no sender would repeat anything.
//
// A Top may use an entry for EntryLease after it last asked about it, whatever
// happens to the others meanwhile. That one promise replaces telling every Top
// when a flow's port goes to another flow: whoever waits that long needs no
// answer.
//
// Invariants: the same flow always gets the same decision while it lives (I3);
// a decision names one lease of one port, so that a late Release can never
// free the next holder's port (I1). What Decode accepts, Encode writes with the
// same bytes: two nodes never read one message differently.
//
// Limits: see limits.go; the size of a message is asserted.
package chain
