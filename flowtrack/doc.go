// Package flowtrack is the Flow Master: the database of the flows that live,
// each with the one decision that was taken for it.
//
// It is a pure machine: messages go in, messages come out; time and seed are
// arguments, and the same seed and messages give the same answers. It stores a
// flow once and finds it by two keys, the tuple the instance sends and the
// tuple the internet sees, so both directions meet in one record. It never
// chooses: a new flow is asked of the Decider (package decider), and the record
// is written when the decision comes back. In between it remembers nothing, so
// there is no half-open state to time out and nothing to reserve; that one tuple
// asks twice is settled when the second decision finds the record of the first.
// What may be a late copy of a decision, its port long another's, is known by its
// age (see chosenAgeMax) and refused.
//
// The way of a miss:
//
//	Miss ─▶ known flow? ──yes──▶ Entry (the same decision for as long as it lives)
//	          │ no
//	          ▼
//	        from inside, and may open a flow? ──no──▶ Refused NoFlow, Unsolicited
//	          │ yes
//	          ▼
//	        Choose ─▶ Decider ─▶ Chosen ─▶ record written ─▶ Entry
//	                        └──▶ Refused ─────────────────▶ Refused
//
// The states of a flow. UDP and echo have one, active. TCP follows the flags
// that the Tops report; it does not follow sequence numbers, for which every
// segment would have to pass here, and bounds what a forged flag can do
// by timers instead: a closing flow in use stays alive.
//
//	                 SYN from inside
//	                        │
//	                        ▼
//	                   ┌─────────┐  any segment from the   ┌─────────────┐
//	            ┌─────▶│ opening │  internet but RST       │ established │
//	            │      │  30 s   ├────────────────────────▶│    350 s    │
//	            │      └────┬────┘                         └──────┬──────┘
//	     SYN from inside,   │ RST, or FIN both ways               │ the same
//	     same port          │                                     ▼
//	            │           │                              ┌─────────────┐
//	            └───────────┼──────────────────────────────┤   closing   │
//	                        └─────────────────────────────▶│     10 s    │
//	                                                       └─────────────┘
//	any state: idle for its timeout ──▶ Forget to the Tops, Release to the Decider
//
// A flow ends when now reaches last seen + timeout + chain.ReportPeriod: what
// the Tops have not reported yet is at most one period old, so it never ends
// early, and it ends at most one wheel granularity later than that.
// Reports only write the time into the record; its timer in the wheel is set
// again when it fires, or when the flow's deadline moves nearer.
//
// Invariants:
//
//   - I1: no two records share an outside tuple. A decision that would break it
//     is given back and its packet refused.
//   - I3: a record's decision is written once and never changed.
//   - I6: a port is released only together with its record.
//   - I7: a flow is opened only for the VPC its gateway belongs to.
//   - I8: a Miss is answered exactly once, by Entry, Refused or Choose; a Chosen
//     or Refused from the Decider by exactly one Entry or Refused.
//   - I13, I19.
//
// Limits: see limits.go.
package flowtrack
