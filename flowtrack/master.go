package flowtrack

import (
	"fmt"
	"time"
	"unsafe"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
)

// Config sizes a Master.
type Config struct {
	// FlowsMax is the number of flows it can hold.
	FlowsMax int
	// Seed keys the hash of its tables.
	Seed [2]uint64
}

// Master is the flow database. It is not safe for concurrent use; one thread
// owns it.
type Master struct {
	state *cellstate.State // nil until the first Apply
	asked time.Duration    // the time of the latest question to the Decider
	cut   time.Duration    // questions asked until then are void; see chosen

	// Every flow, by both of its tuples.
	byInside  *flowtable.Table
	byOutside *flowtable.Table
	slab      *flowtable.Slab
	records   []record
	timers    *flowtable.Wheel // every flow has one; see rearm

	// The sweep that compares every record with a new state; see sweep.
	sweepAt, sweepHigh, sweepLeft int
}

// record is one flow, in one cache line.
//
//	   0               8              16              24      32
//	 0 │        inside (16 bytes)      │    opened     │ lastSeen │
//	32 │    lease      │public│service │pp│st│fi│        -        │
type record struct {
	inside     packet.Tuple
	opened     time.Duration
	lastSeen   time.Duration
	lease      uint64
	public     packet.Addr4
	service    uint32
	publicPort uint16
	state      State
	fins       uint8 // finOut, finIn
	_          [12]byte
}

var _ [64]byte = [unsafe.Sizeof(record{})]byte{}

// Sides from which a FIN has been seen.
const (
	finOut uint8 = 1 << iota
	finIn
	finBoth = finOut | finIn
)

// New returns a Master without flows, which refuses every new one until Apply
// gives it a state.
func New(cfg Config) *Master {
	if cfg.FlowsMax < 1 || cfg.FlowsMax > FlowsMaxMax {
		panic(fmt.Sprintf("flowtrack: FlowsMax %d is outside 1..%d", cfg.FlowsMax, FlowsMaxMax))
	}
	return &Master{
		asked:     -1,
		cut:       -1,
		byInside:  flowtable.NewTable(cfg.FlowsMax, cfg.Seed),
		byOutside: flowtable.NewTable(cfg.FlowsMax, cfg.Seed),
		slab:      flowtable.NewSlab(cfg.FlowsMax),
		records:   make([]record, cfg.FlowsMax),
		timers:    flowtable.NewWheel(cfg.FlowsMax, granularity),
	}
}

// Step takes one message from a Top (Miss, Seen) or from the Decider (Chosen,
// Refused) and appends the answers to out: Choose and Release for the Decider,
// Entry, Refused and Forget for the Top. Other kinds are ignored.
func (m *Master) Step(now time.Duration, msg chain.Message, out []chain.Message) []chain.Message {
	switch msg.Kind {
	case chain.Miss:
		return m.miss(now, &msg, out)
	case chain.Chosen:
		return m.chosen(now, &msg, out)
	case chain.Refused:
		return m.refused(now, &msg, out)
	case chain.Seen:
		return m.seen(now, &msg, out)
	}
	return out
}

// Len returns the number of flows.
func (m *Master) Len() int { return m.slab.Len() }

func (r *record) outside() packet.Tuple {
	return chain.Outside(r.inside, r.public, r.publicPort)
}
