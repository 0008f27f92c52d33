// Package membership lets the flow masters of a cell agree on who of them is
// there, and tells each node whether it may still act on that agreement.
//
// The agreement is a view: the flow masters of the cell, each with a seat, an
// incarnation and a status. A view is known by its ballot, and the ballot is the
// epoch of everything that is done under it (I5). Owners of slots follow from the
// view by hashing, so one small agreement moves a million flows, and no message is
// spent on any of them.
//
// Views are agreed by Paxos (Lamport, "The Part-Time Parliament"), said by state
// rather than by requests: there is one message, the hello, which every node sends
// to every other at a constant pace. It carries all that its sender has promised
// and accepted, and all of it each time, so a lost hello costs nothing, a late or
// repeated one changes nothing, and a failure causes no other traffic than its
// absence.
//
//	proposer                      others                       hello says
//	promise b to itself  ───▶  b above what I promised:        promised
//	                           promise b
//	a majority promised  ◀───
//	accept view(b), made from  b not below what I promised:    accepted view
//	the newest accepted  ───▶  accept view(b)
//	a majority accepted  ◀───  a majority accepted             (each counts for itself)
//	active                     active
//
// A member's status:
//
//	          alive for a while                 all hold all they should
//	┌────────┐ ───────────────▶ ┌─────────┐ ───────────────────────────▶ ┌──────┐
//	│ absent │                  │ learner │                              │ full │
//	└────────┘ ◀─────────────── └─────────┘ ◀─────────────────────────── └──────┘
//	    ▲      dead, cut off,                 missed a view                 │ drain
//	    │      or restarted                                                 ▼
//	    │                                                             ┌─────────┐
//	    └──────────────────────────────────────────────────────────── │ leaving │
//	                            all hold all they should              └─────────┘
//
// Failure is judged by round trips: a peer is up while it echoes a time of our own
// clock that is younger than suspectAfter. So a link that works one way only is
// down for both ends, a node that answers slowly is down too, and no two clocks
// are compared. Nothing that is safe rests on the detector: being wrong costs a view
// and no flow. Being wrong about a second member before the others have been told
// what the first one had leaves slots to an owner that has to be told; see vouch.
//
// Of two that do not reach each other one leaves, after a while in which it shows which
// is at fault (separate). A view that came to nothing, since a higher ballot was promised
// before enough had accepted it, is passed over: the next is made from the one before
// (base). For that, only members that are present count for what is active, and a
// promise to another binds also who then promises to itself. Where it may not be passed
// over, who was bound not to accept it remembers who was in it (Missed).
//
// Two times let a node that is cut off know that it may be:
//
//	last contact of a majority in my view ──2 s──▶ alone ────────────────▶ …
//	                                      ──3 s──▶ may no longer serve as a member
//
// A node that was started again has forgotten what it promised. It listens until
// nobody counts its earlier life any more, and votes only after it has heard all
// other voters, or a majority of such as have not forgotten. If neither comes
// about in freshMax although a majority is there, the majority goes on. Without a
// majority that remembers, the view is uncertain: something may be known only to
// those who are not there, and owners give ports of their own seats only until
// all have been heard or the state file no longer names the missing.
//
// Invariants:
//
//   - I5: a view is accepted only if its ballot is not below the promise.
//   - At most one view has a ballot; of two active views one's acceptors include
//     one of the other's, as long as node sets change by one node at a time.
//   - I13: views have at most MembersMax members, hellos HelloMax bytes.
//   - I19: times are this node's own monotonic clock, passed in.
//
// Limits: see limits.go. A cell needs three flow masters to lose one without
// anybody being asked; with two, the other is alone after aloneAfter.
package membership
