package chain

import "time"

const (
	// ReportPeriod is how often a Top reports the flows that had packets (Seen).
	// A Flow Master adds it to every timeout: what it has not heard of yet is at
	// most this old, so no flow is forgotten while it is in use.
	ReportPeriod = time.Second

	// EntryLease is how long a Top may use an entry, counted on its own clock
	// from the moment when it last asked or reported about the flow; only the
	// answer to that renews it. Whoever cannot reach a Top waits for as long
	// before it gives a flow's port to another. Eight reports, so that a few lost
	// ones cost nothing; no longer, because a port that nobody uses waits for it.
	// At the limit the Top forgets the entry and the next packet asks again.
	EntryLease = 8 * time.Second

	// ClassMax is the last class of ports: 0 for any seat, then one for each of
	// 16 seats of Flow Masters. A message of a higher class is refused
	// (drop.BadMessage).
	ClassMax = 16

	// MessageLen is the length of a message on the wire, in bytes. Any other is
	// refused (drop.BadMessage).
	MessageLen = 64

	// BatchHeaderLen is the length of what precedes the messages of a batch, in
	// bytes.
	BatchHeaderLen = 24

	// batchMessagesMax is the number of messages in one batch: what its count
	// field can say. The path's MTU is the limit that is reached; a batch that is
	// full takes no more and the rest goes into the next.
	batchMessagesMax = 1<<16 - 1
)
