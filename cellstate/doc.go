// Package cellstate is what every role knows about its cell: one immutable
// value, the file it is read from, and the checks that stand before it.
//
// The whole state is one value and is replaced as a whole, never patched: a role
// that holds a *State sees a world without contradictions and needs no lock.
// References are pointers, the table of edges is computed once, and what a packet
// asks for (who is this peer, which instance, which route, which edge) is one
// probe in a table built for it. The file is therefore refused unless all of it is
// right; all its problems are listed at once, each with file, line and path,
// since a person fixes them in one go and a half-read state would mix tenants.
//
//	YAML or JSON ──decode──▶ Spec ──compile──▶ State ──▶ Peer, VPC, Instance, Route, Gateway, Edge
//	                │  (what is written,  │  (resolved,
//	                │   one Go field      │   checked as a whole,
//	                │   per key)          │   immutable)
//	                └──────────┬──────────┘
//	                           ▼
//	      Problems: "cell.yaml:31: instances[2].host: no host is called …"
//
// Decoding walks the parser's nodes rather than letting it fill the structs: so
// every value keeps its line, unknown and repeated keys are errors, a value is
// never bent into another type, and anchors, aliases and tags, which a state
// file has no use for, are refused before anything is expanded.
//
// Invariants: I7 (an address is looked up inside one VPC only), I13 (limits.go),
// I14 in its first half (a torn or foreign file is refused; keeping the last
// good one and comparing Version is the reader's part), I15 (edges, and the ids
// by which shard finds owners, depend on names, not on order or addresses), I19.
// Who owns a flow is not here: that takes which nodes are alive, which no file
// can say. Nothing here reads a clock; only Read touches the system.
//
// Limits: limits.go. Look-ups do not allocate.
package cellstate
