package flowtrack

import (
	"time"

	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/membership"
)

const (
	// FlowsMaxMax bounds Config.FlowsMax; New panics above it. A record takes 96
	// bytes here (record 64, two index entries 16, timer 12, slab 4); memory for
	// records that never exist is not touched, but that of the indexes. At
	// Config.FlowsMax a new flow is refused with FlowTableFull.
	FlowsMaxMax = flowtable.CapacityMax

	// walkMax is how many of the flows of one inside endpoint, public port or pair of
	// hosts are looked at, those that began last and live first. Behind so many
	// memories of an earlier view a mapping that is right is not found: a new flow gets
	// a port of its own.
	walkMax = 64

	// expiriesPerTickMax bounds the timers that one Tick looks at, about half a
	// millisecond of work. What is due beyond it ends in the next Tick, later
	// than its deadline, which breaks no invariant.
	expiriesPerTickMax = 1024

	// sweepPerCallMax bounds the records that one Apply or Tick compares with a
	// new state, about a tenth of a millisecond. A large table is swept over
	// several Ticks; until its turn, a flow of a gateway that is gone is ended by
	// its first miss.
	sweepPerCallMax = 4096

	// granularity of the timing wheel: a flow may live that much longer.
	granularity = 100 * time.Millisecond

	// chosenAgeMax is how old a Choose may be when its Chosen opens a flow. A
	// flow lives longer than that even if it is silent (the smallest timeout plus
	// chain.ReportPeriod), so a late copy of a Chosen either finds its own record
	// or is too old, and never brings an ended flow back to life. At the limit
	// the lease is released and the packet refused; the sender tries again.
	chosenAgeMax = chain.ReportPeriod

	// reportAgeMax is how long ago the last packet may have been whose report
	// renews a Top's entry.
	reportAgeMax = 2 * time.Second

	// restGuard is how long after a flow's last packet, or after its slot changed
	// hands, its port rests at least: by then no Top may use an entry for it, nor
	// a node that has lost its majority answer from what it knew. 13 s, and 5 % for
	// clocks of different speed on both sides, rounded up.
	restGuard = 15 * time.Second

	// ignoranceMax is how long after all holders have heard of a flow's end an entry
	// may still be in use that one of them gave before: a Top's lease, and 5 % for
	// clocks of different speed, rounded up.
	ignoranceMax = 9 * time.Second

	// heldRoundsMax is how many rounds are remembered for that: one a second at most.
	heldRoundsMax = int(ignoranceMax/roundPeriod) + 3

	// rebuildTime is how long an owner that does not know all flows of a slot
	// learns them from the Tops before it gives out ports that anyone may have
	// given. After it no entry that it has not heard of can be in use.
	rebuildTime = restGuard

	// restOrphaned is the rest of a port whose gateway is no longer in the state,
	// and with it the gateway's own setting: the default of PortRest.
	restOrphaned = 5 * time.Second

	// replicaGrace is how much longer than its owner a holder keeps a record (I6).
	replicaGrace = time.Minute

	// memoryGrace is how long after a node last knew all flows of a slot a flow that
	// lived then, and still does, is among its memories: replicaGrace, but for the time
	// after which it has noticed that it hears nothing any more.
	memoryGrace = replicaGrace - membership.ReadLease

	// recallFresh is how old memories may be that are told to an owner which knows
	// less. No port of theirs has another flow yet: ports rest for restGuard after a
	// view changes.
	recallFresh = 5 * time.Second

	// recallsPerTickMax bounds the memories told in a tick of 20 ms.
	recallsPerTickMax = 512

	// askFirst is how long an owner that does not know the flows of a slot opens none:
	// others tell it their memories, and the Tops what they have used of late.
	askFirst = chain.ReportPeriod

	// renewPeriod is how often the Deciders hear again of each lease; they forget
	// one after ten minutes.
	renewPeriod = time.Minute

	// HoldersMax is the number of nodes that hold a slot's records at most: two
	// before and two after a change of the members.
	HoldersMax = 4

	// streamsMax is the number of nodes that one owner sends copies to.
	streamsMax = membership.MembersMax - 1

	// BatchMax is the number of records in one batch of a stream at most;
	// batchRecordsDefault, which fits the smallest path, holds until the path is known.
	BatchMax            = 128
	batchRecordsDefault = 18

	// streamWindow is the number of batches that may be under way to one holder;
	// beyond it the stream waits. A power of two.
	streamWindow = 64

	// batchBits is how many bits (batchMask) of a batch's number count the batches since
	// the owner last went back. When they are used up it waits for the acknowledgement
	// of all and begins anew.
	batchBits = 20
	batchMask = 1<<batchBits - 1

	// scanPerBatchMax is the number of records that are looked at for one batch.
	scanPerBatchMax = 16 * BatchMax

	// batchesPerTickMax bounds what a Tick sends to one holder, whatever happened:
	// 1024 records, so that a million take about 20 s and a tick's work stays below
	// a millisecond.
	batchesPerTickMax = 8

	// roundPeriod is the shortest time from the beginning of one round of a stream
	// to the next.
	roundPeriod = time.Second

	// streamRetry is how long a stream waits for an acknowledgement before it goes
	// back to the first batch that lacks one.
	streamRetry = 100 * time.Millisecond

	// tallyMax bounds the instances whose flows are counted, where a gateway limits them:
	// twice those of the largest state, so that those of instances that are gone find
	// room. What an instance beyond them opens is not limited.
	tallyMax = 1 << 14
)
