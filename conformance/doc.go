// Package conformance holds packet scripts: what goes in, and what comes out, of a
// whole cell, one file for each case that an RFC or AWS's documentation speaks of.
//
// What: testdata/*/*.txt are golden scripts (package golden). A script sends packets
// by an instance or by the internet, lets time pass, and has below each step what
// came out where, one line for each packet as tcpdump would print it. Its first
// comment says what it guards and which requirements it shows to be met, or how we
// deviate from them; docs/conformance.md is made from these headers. Where a case is
// defined for any NAT, the kernel's own is an oracle: the same packets go through
// nftables in a network namespace, and what differs is written beside ours, with the
// reason.
//
//	testdata/*/*.txt ──┬─▶ cell in memory (sim/simtest) ── lines ──┬─▶ compared, or -rewrite
//	                 │                                          │
//	                 └─▶ namespace: TUN ▶ nftables ▶ TUN ─ lines ┘
//	                 │
//	                 └─▶ headers ──▶ docs/conformance.md
//
// Why this way: a test in Go shows that its author's checks pass; a script shows all
// that happened, and a change of behaviour is a difference in a text that a network
// engineer can judge. A deviation is written down as it is: the expected output is
// what happens today, and the header says what should.
//
// All of it is in test files: nothing is exported. Ports, which are random, have
// names, so that scripts do not depend on a seed; every role's account is checked
// after every step (I8), and what is dropped has to be looked at by its reason.
//
// Limits: no role is lost here (that is sim's and testnet's), the carrier in memory
// neither cuts nor sums (wire's suite does), and the kernel's clock cannot be moved:
// what takes more than a second is asked of the cell only, and so is IPv6, since
// nftables has no NAT64.
package conformance
