package flowtrack

import (
	"time"

	"hyperplane/chain"
	"hyperplane/flowtable"
)

const (
	// FlowsMaxMax bounds Config.FlowsMax; New panics above it. A flow takes 184
	// bytes here once it exists (record 64, two table entries of two slots 100,
	// timer 16, slab 4); memory for flows that never exist is not
	// touched. At Config.FlowsMax a new flow is refused with FlowTableFull.
	FlowsMaxMax = flowtable.CapacityMax

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
)
