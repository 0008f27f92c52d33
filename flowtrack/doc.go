// Package flowtrack is the Flow Master: the database of the flows that live, each
// with the one decision that was taken for it, on two nodes.
//
// It is a pure machine: messages go in, messages come out; time and seed are
// arguments, and the same seed and messages give the same answers. It stores a flow
// once and finds it by two keys, the tuple the instance sends and the tuple the
// internet sees, so both directions meet in one record. It never chooses: a new flow
// is asked of the Decider (package decider), and the record is written when the
// decision comes back. In between it remembers nothing, so there is no half-open state
// to time out; that one tuple asks twice is settled when the second decision finds the
// record of the first. Nor does it agree on anything: who is there, and by what right
// this node acts, is said to it (Enter and Stand; package membership).
//
// A slot of flows has one owner, which puts all decisions about it into one order
// before anyone holds a copy. There is no log and no vote per flow: a copy that is
// lost costs the sender one retransmission. What may not be lost is known in advance:
// a Top hears of a decision only from the last node that is to hold it.
//
//	┌─────┐ Miss  ┌───────┐ Choose ┌─────────┐
//	│ Top ├──────▶│ owner ├───────▶│ Decider │     a miss of a flow that is known:
//	│     │       │       │◀───────┤         │     Miss ─▶ owner ─▶ Entry, or, when
//	│     │       │       │ Chosen └─────────┘     the owner does not answer, from
//	│     │       │       │ Copy   ┌─────────┐     any other holder
//	│     │       │       ├───────▶│ second  │
//	│     │       └───────┘◀───────┤ holder  │     every tick besides: a stream of
//	│     │◀─────────────── Done ──┤         │     all records to each holder, round
//	└─────┘         Entry          └─────────┘     after round (stream)
//
// The states of a flow. UDP and echo have one, active. TCP follows the flags that the
// Tops report; it does not follow sequence numbers, for which every segment would have
// to pass here, and bounds what a forged flag can do by timers instead: a closing flow
// in use stays alive.
//
//	              SYN from inside
//	                     │
//	                     ▼
//	                ┌─────────┐  any segment from the   ┌─────────────┐
//	         ┌─────▶│ opening │  internet but RST       │ established │
//	         │      │  30 s   ├────────────────────────▶│    350 s    │
//	         │      └────┬────┘                         └──────┬──────┘
//	SYN from inside:     │ RST, or FIN both ways               │ the same
//	decided anew, on     │                                     ▼
//	the same port        │                              ┌─────────────┐
//	         └───────────┼──────────────────────────────┤   closing   │
//	                     └─────────────────────────────▶│     10 s    │
//	                                                    └──────┬──────┘
//	┌─────────┐  port_rest; and until no Top, no holder        │
//	│ resting │  and no node of an earlier view can       idle for its timeout,
//	│         │◀────────────────────────────────────── from active, opening and
//	└────┬────┘  use the flow any more                    established alike
//	     ▼
//	   free: Release to the Deciders
//
// One that a SYN from outside began (opening_in) is established by the instance's answer.
//
// An established flow is decided anew as well, and stays established: that its
// connection has closed may not have been told yet, or the SYN is a late copy.
//
// A flow ends when now reaches last seen + timeout + chain.ReportPeriod: what the Tops
// have not reported yet is at most one period old, so it never ends early, and it ends
// at most one granularity of the wheel later. A new owner counts from when it began to
// serve. Reports only write the time into the record; its timer is set again when it
// fires, or when the deadline moves nearer.
//
// The life of a decision:
//
//	asked ─▶ written by the owner ─▶ held by all holders ─▶ told to Tops, each for
//	  │ 1 s      │ copied: no             copied: yes        EntryLease (8 s) from
//	  ▼          ▼                                           its own question or report
//	void     the same again at the                                 │
//	         next miss, the same way                               ▼
//	                                                         ended ─▶ rests ─▶ free
//
// What a node knows of a slot:
//
//	         told by the owner's stream,
//	┌──────┐ or by Tops for rebuildTime    ┌───────────┐ next view, made   ┌───────────┐
//	│ not  ├──────────────────────────────▶│   knows   ├──────────────────▶│   knows   │
//	│ all  │◀──────────────────────────────┤ all flows │ from this one     │ all flows │
//	└──────┘ missed a view, was alone      └───────────┘                   └───────────┘
//
// Only who knows all answers for another's slot; an owner that does not know all gives
// ports of its own seat, which nobody else gives (seats.go), after a second in which
// those who know may tell it (recall.go), and answers what it does not know by
// Rebuilding instead of a reset. Records from before are memories: they count again
// when the owner, or a Top, names the same decision.
//
// A port that rests is its own flow's to have again: a Top may still have an entry, and
// translates as before (restsFor).
//
// Invariants, and why each holds:
//
//   - I1, no two flows with one outside tuple in use: the owner has one record per
//     outside tuple, and resting ones are records too. Ports that anyone may give are
//     given only with a majority behind, by an owner that knows the slot; alone, or
//     not knowing, only those of the own seat. A port changes hands by a message that
//     passes by every holder, after every holder has been told of the end, and after
//     the last entry from before has run out (mayFree).
//   - I3, one decision while a flow lives, and the same port as long as anybody may have
//     an entry: written once; whoever becomes the owner held the slot before, or waits
//     to be told.
//   - I4, two nodes hold what a Top hears: the last holder answers, and who became the
//     owner in the middle of a copy sends it on again (record.copied). Alone, or where there
//     is no second node, it is counted (Unheld).
//   - I5: Copy, Chosen, Done and Ack of another view than this node's are not obeyed,
//     whoever sends them. A node that no majority heard of late does not answer.
//   - I6: a port rests; a holder keeps a record replicaGrace longer than the owner.
//   - I7: a flow is opened only for the VPC its gateway belongs to.
//   - I8: of a message with a packet exactly one message goes on with the packet.
//   - I10: a miss is passed on at most once, and from the Top's own node twice.
//   - I13, I19, and I18: a round of the streams takes about 20 s for a million flows
//     where a datagram holds BatchMax records, 140 s where the path's MTU is 1280.
//
// A flow costs, in bytes: at its owner 96 (record 64, two index entries 16, timer 12,
// slab 4), at the second node 96 again; at two Deciders 40 each, and 36 more where its
// destination is its own; at each Top that uses it 124 (entry 104, two index entries 16,
// slab 4). In sum 96+96+2·40+124 = 396 with one Top, and 468 with a destination of its
// own; at each Flow Master 48 more where the mapping is endpoint-independent. That is of full tables: an index has its slots at a load of three quarters then,
// and its pages exist from the first few thousand flows on.
//
// Where a gateway's mapping does not depend on the remote end, flows share what they have
// in common with others of their inside endpoint: see mapping.go.
//
// Limits: see limits.go. Besides:
//
//   - A SYN from outside on a flow that closes does not begin it anew: the flow ends when
//     its closing time is over, unless both sides have sent since an RST.
//   - Both holders lost: what no Top has an entry for is lost. A datagram of such a UDP
//     flow at another Top than the one that had it opens it anew, under another port.
//   - Two sides of a network that stays cut for longer than a timeout may both go on
//     with a flow from before, and one of them may end it: a node that is alone is
//     counted, and only gives ports of its seat, but it does translate.
//   - A copy that is under way for longer than its port's rest (9 s and more) in one and
//     the same view may bring back a flow at a holder; nothing that holds the datagrams
//     of a view for so long is known.
//   - More than 62,500 questions a second make the clock in lease ids run ahead of time.
package flowtrack
