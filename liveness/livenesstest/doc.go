// Package livenesstest says what every sender to a cell's Tops must do, as
// tests: hosts and edges differ in where their packets come from, and not in
// what they make of a Top's silence.
//
// Why one suite: that both directions of a flow meet at one Top rests on hosts
// and edges drawing the same conclusions. Two copies of the tests drift apart,
// and what drifts is just this.
//
//	        a role's test                    the suite
//	Send ──▶ ┌────────┐ ──── p.Peer ───────▶ which Top?
//	         │ Sender │ ──── Probes ───────▶ Tops, which answer
//	         └────────┘ ◀─── Receive ─────── unless they are Silent
//	          Account   ──────────────────▶ is every packet accounted for?
//
// Each property is a function, which the roles call from a test of the same
// name. Rig is for tests of a role's own: it has Tops that answer and checks the
// account after each packet.
//
// Invariants: I8 (the account), I15 (the Top of a slot), I17 (flows of Tops that
// stay do not move).
//
// Limits: the Tops answer within the Tick that asks them, so nothing here says
// what loss or a long round trip do; package liveness tests that. The network is
// the example of cellstate. It must not be imported outside tests.
package livenesstest
