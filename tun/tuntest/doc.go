// Package tuntest helps to test what uses a TUN: an in-memory twin of
// tun.Device, a network namespace for the length of a test, and the
// conformance suite that the twin and the real device both pass.
//
// Why: code above tun is tested without a kernel, root or timing, and the
// suite keeps the twin honest. The twin shares tun.Writer with the real
// device, so merging, cutting and counting are the same code.
//
//	       the test's side              the side under test
//	Inject ──▶ queue of packets ──────────▶ Read
//	Sent   ◀── what was written ◀── tun.Writer ◀── Write, Flush
//
// Invariants are those of package tun (I8, I9, I13, order).
//
// Limits: the twin holds queuePacketsMax packets on either side, as the
// kernel's device holds its transmit queue; what is beyond is refused.
package tuntest
