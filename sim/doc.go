// Package sim runs whole cells without a kernel: the real workers of every
// role on one loop, in one thread, with time as an argument.
//
// Instances and the internet are in-memory TUNs (tun/tuntest), the underlay is
// the in-memory carrier (wire.Exchange), and the seeds of hashing and port
// choice are fixed, so that a run is a function of its inputs: the same inputs
// give the same packets, byte for byte. What a test sees is what a tenant or
// the internet would see.
//
//	Send("blue-1", p) ─▶ tuntest ─▶ Nitro ─┐                    ┌─▶ Blackfoot ─▶ tuntest ─▶ Internet()
//	                                       ├── wire.Exchange ───┤
//	Received("blue-1") ◀─ tuntest ◀─ Nitro ┘     Node(s)        └── Blackfoot ◀─ tuntest ◀─ Reply(p)
//
// After every step the accounting identity of every role is checked (I8), so
// each test of behaviour is a test of accounting too.
//
// Limits: faults, links that lose and reorder, and virtual TCP endpoints are
// not part of it yet; the carrier neither cuts nor batches (package wire's
// conformance suite covers that).
package sim
