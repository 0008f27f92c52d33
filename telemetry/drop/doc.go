// Package drop names every reason for which a packet is not forwarded.
//
// One closed enumeration serves every role and every layer, so that a drop is
// a value returned with the verdict and counted once, never an error that is
// built for a packet and never silence. Received = sent + dropped + consumed
// is checked exactly by the tests (invariant I8), which only works because no
// reason can be invented beside this table.
//
//	packet ──▶ decode ──▶ decide ──▶ rewrite ──▶ send
//	             │          │           │         │
//	             └──────────┴─────┬─────┴─────────┘
//	                              ▼
//	                      Counts[Reason]++ ──▶ /metrics, hyperplane_dropped_packets_total{reason="…"}
//
// Invariants: I8 (every drop has exactly one reason); the zero Reason means
// "not dropped" and is never counted. Limits: at most 255 reasons. The table
// for readers is docs/drops.md, which a test keeps equal to this package.
package drop
