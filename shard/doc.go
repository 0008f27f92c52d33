// Package shard answers "which one?": which slot a flow belongs to, which nodes
// own a slot, which edge a flow leaves by.
//
// Every node computes the answer by itself from the published state, so all of
// them must compute the same one (I15), today and after every upgrade: a change
// of one bit here would move live flows to owners that do not know them. The
// algorithms are therefore written out here rather than taken from a library,
// use integers only, do not depend on the order in which nodes are listed, and
// are held by golden tables in testdata that may never be renewed for a
// released version. The hash key is published: it makes names spread evenly; it
// is no secret, and nothing here stands against someone who chooses names.
//
//	service, proto, remote addr:port ──Slot──▶ slot ──OwnerKey(0, slot), Rank──▶ nodes, best first
//	                                            │                                └ primary, secondary, rest
//	                                            └─────────Table.At───────────────▶ the best few of them
//	flow's hash ──mod size──▶ Maglev table ──▶ edge
//	name ──NodeID──▶ node's id
//
// Rendezvous (Rank) costs one hash per node and moves only what it must: a node
// that leaves gives away what it held, a node that comes takes its share, and
// nothing moves between the others. A Table is Rank worked out beforehand for
// every slot, so that a packet pays one load: senders have one over the Tops,
// nodes one over the Flow Masters. One map serves the whole cell: OwnerKey's
// service is 0 today, and is there for a service that is to have shards of its
// own. Maglev costs one table look-up per packet;
// its parts are even within one slot, and a change of the set moves few slots
// besides those that must move.
//
// Invariants: I15 (same state, same choice). I17 rests on the minimal movement
// of both. Limits: Slots per cell; limits.go has those of Table; Maglev takes at
// most 65536 nodes. Nothing here allocates but Maglev, and Rank when dst is too
// small.
package shard
