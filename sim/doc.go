// Package sim runs whole cells without a kernel: the real workers of every
// role in one thread, with time as an argument. For tests of behaviour, where nothing
// goes wrong, there is a smaller cell in simtest.
//
// World is for everything that goes wrong: a seed draws a cell of 2 to 9 nodes,
// tenants with equal addresses, programs that open, use and close connections,
// and a schedule of faults. Each process has a loop, a clock of its own rate and
// a place on a network of one-way links, which delay, lose, copy, reorder and
// corrupt real datagrams (encoded and decoded as on a socket). The internet's
// servers and the tenants' clients speak TCP with handshakes, retransmissions,
// FIN and RST, so that "the connection survived" is what a client sees.
//
//	seed ─▶ Plan ─▶ events (time, sequence) ─▶ ┌──────────────── World ────────────────┐
//	         │                                 │ clients ▶ Nitro ═╗         ╔═ Blackfoot ▶ servers
//	         │ mask: fewer faults, clients     │            links ═ nodes ═ links
//	         │                                 └──────────┬────────────────────────────┘
//	         └──────────── Shrink ◀── Failure ◀── checkers, after every step ─▶ Report
//
// The same seed gives the same bytes: every draw comes from the seed, each
// purpose has a stream of its own, events at one time keep their order, and a
// hash of all events is compared by a test. So a failing seed is run again to
// show its last events, and with less and less in it to find the smallest world
// that fails. Where a process crashed it comes back with nothing, since nothing
// is on disk; a stopped one comes back with everything, and a clock that went on.
//
// What is promised is the loss of one node at a time. The simulator keeps book
// of what is lost (loss.go): who lives through more is let off, and only the
// invariants that hold always are asked of it.
//
// Invariants checked: I1, I3, I4, I6, I7, I8, I9, I10, I13, I15, I18, I19 (by
// the hash), and that no connection breaks, stalls or cannot be opened
// (invariants.go). Counters of rare events (sometimes.go) show that the seeds
// reach them. Tests add I20, the histories of port leases (leases_test.go), and
// I1, I3, I4 and I5 over every order of events in a small cell (explore_test.go).
//
// Limits: limits.go names them. The wire neither cuts nor batches (package
// wire's conformance suite covers that) and endpoints send no superpackets; TCP
// has one segment under way; edges and hosts stop but do not crash; there is no
// disk, so no process ever comes back with an old state.
package sim
