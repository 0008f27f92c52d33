// Package decider chooses the public address and port of a new flow.
//
// It is a pure machine: Choose and Release go in, Chosen and Refused come out;
// time and seed are arguments, and the same seed and messages give the same
// answers. Its one promise is that no two flows that live, or whose port still
// rests, look alike on the internet. So what it stores is just the set of
// outside tuples (public address and port, protocol, remote address and port):
// a port is free towards a destination when the tuple is absent. Nothing is
// reserved per instance or per port, so each destination has the full range,
// and memory follows the number of flows, not the number of ports.
//
// One lease, that is one outside tuple, goes through three states; absence is
// the first of them:
//
//	         Choose → Chosen                Release, same lease
//	┌──────┐ ───────────────▶ ┌────────┐ ─────────────────────▶ ┌─────────┐
//	│ free │                  │ leased │                        │ resting │
//	└──────┘                  └────────┘                        └─────────┘
//	    ▲                                                            │
//	    └───────────────────── PortRest later, in Tick ──────────────┘
//
// Ports are drawn at random from 1024 to 65535 (RFC 6056, section 3.3.2) by a
// ChaCha8 stream, since a port that a stranger can guess is a flow that a
// stranger can disturb. Only when a destination is nearly full do the draws
// give way to a sweep. An instance keeps to one of its gateway's addresses while
// that has room towards the destination (RFC 4787, REQ-2, paired pooling): some
// servers tie a session to the address.
//
// Invariants:
//
//   - I1: at most one lease, living or resting, per outside tuple.
//   - I6: a released port is not given out again before its rest is over.
//   - I13: leases and the ports of one destination have limits; beyond them the
//     answer is Refused, with the reason.
//   - A Release that is late or repeated frees nothing but its own lease.
//
// Limits: see limits.go. A Release that never arrives keeps its port leased;
// between functions of one process that does not happen.
package decider
