// Package wiretest says what a wire.Conn must do, as tests.
//
// Conformance is one suite for every carrier, so that a role which was tested
// over the in-memory exchange meets nothing new over UDP. The namespace helper
// opens sockets on the loopback of a fresh network namespace, whose MTU is the
// test's choice: the kernel really cuts, refuses and fragments there, and
// nothing is left behind, because the namespace ends with its last socket.
//
//	Open(n, mtu) ──▶ conns[0] ──Send──▶ conns[1], conns[2]
//	                                      │ Recv, packet.Merge
//	     originals ◀──── equal? ──────────┘
//
// Invariants: I8 (every packet sent arrives or is refused), I9 (what arrives
// has the checksum state it was sent with), I11 (pieces fit the path).
// Limits: waiting ends after five seconds with a failure.
package wiretest
