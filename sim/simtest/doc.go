// Package simtest runs a whole cell in memory for tests of behaviour: the real
// workers of every role on one loop, with the in-memory TUN (tuntest) and the
// in-memory carrier (wire.Exchange). A test sends a packet and sees what a tenant
// or the internet would see.
//
//	Send("blue-1", p) ─▶ tuntest ─▶ Nitro ─┐                    ┌─▶ Blackfoot ─▶ tuntest ─▶ Internet()
//	                                       ├── wire.Exchange ───┤
//	Received("blue-1") ◀─ tuntest ◀─ Nitro ┘     Node(s)        └── Blackfoot ◀─ tuntest ◀─ Reply(p)
//
// Why beside sim: there a world is drawn from a seed and everything goes wrong;
// here nothing does, time passes only when a test says so, and the same packets
// give the same bytes. So what comes out can be compared with what should.
//
// After every step each role's account is checked (I8): a test cannot lose a packet
// without noticing.
//
// Limits: the carrier neither cuts nor encodes (package wire's conformance suite and
// sim's World do); no role is lost.
package simtest
