package flowtrack

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

// Config sizes a Master.
type Config struct {
	// Self is the node's address: by it the node finds itself in views.
	Self packet.Addr4
	// FlowsMax is the number of flows it can hold, its own and copies of others'.
	FlowsMax int
	// Seed keys the hash of its tables.
	Seed [2]uint64
	// Defect builds a mistake into the protocol, for the tests of the tests.
	Defect Defect
}

// Defect is a mistake that the simulator has to find. The zero value is none.
type Defect uint8

// The defects.
const (
	// SkipSecondCopy answers the Top before anybody else holds the flow.
	SkipSecondCopy Defect = iota + 1
	// IgnoreEpoch obeys messages of older views.
	IgnoreEpoch
	// ReusePortAtOnce gives a port back without its rest.
	ReusePortAtOnce
)

// Master is the flow database. It is not safe for concurrent use; one thread
// owns it.
type Master struct {
	self   packet.Addr4
	defect Defect
	state  *cellstate.State // nil until the first Apply
	asked  uint64           // the newest lease id given; see newLease
	cut    uint64           // leases up to here open nothing; see chosen

	// Every flow, by both of its tuples; one that rests by the outer one alone.
	byInside  *flowtable.Index
	byOutside *flowtable.Index
	slab      *flowtable.Slab
	records   []record
	timers    *flowtable.Wheel // every flow has one; see rearm
	seed      flowtable.Seed
	shared    *endpoints // of flows that are independent; nil while there are none

	// The sweep that compares every record with a new state; see sweep.
	sweepAt, sweepHigh, sweepLeft int
	// The cursor that renews the Deciders' leases; see renew.
	renewAt   int
	renewedAt time.Duration

	// The ports of this node's seat; see seats.go.
	onSeat     [1 + chain.ClassMax]int // records by class of port
	dubious    [shard.Slots]bool
	aloneSince time.Duration
	aloneLease uint64

	tally *tally // of living flows by instance; nil: nobody limits them

	// Of each slot, when this node last knew all flows, and from which view on their
	// records were right; see recall.go.
	leftAt              [shard.Slots]time.Duration
	leftSince           [shard.Slots]uint32
	recallAt, recallEnd int
	recalledAt          time.Duration

	turned                uint32 // the record whose state this step changed, plus one
	standing              Standing
	current, prior, spare *holding
	learning              int           // slots of the view that this node holds and does not know yet
	enteredAt, actedAt    time.Duration // when it entered the view; when it was last seen to act in it
	entered               time.Duration // when it began to act in the view
	begun                 bool          // it has acted in this view
	heldRounds            []heldRound
	lapsed, strayed       bool
	streams               []stream // to the holders of what this node owns
	hearing               []hearing

	// BatchRecords is the number of records in one batch of a stream, at most
	// BatchMax: as many as fit one datagram.
	BatchRecords int
	// Taken counts what happened to the protocol.
	Taken Counts
}

// Counts is what a Master has done besides answering.
type Counts struct {
	Copies    uint64 // records taken over from owners
	Adopted   uint64 // flows learned from Tops
	Replaced  uint64 // records that an owner's word replaced
	Takeovers uint64 // slots of which this node became the owner
}

// New returns a Master without flows, which refuses every new one until Apply
// gives it a state and Enter a view.
func New(cfg Config) *Master {
	if cfg.FlowsMax < 1 || cfg.FlowsMax > FlowsMaxMax {
		panic(fmt.Sprintf("flowtrack: FlowsMax %d is outside 1..%d", cfg.FlowsMax, FlowsMaxMax))
	}
	m := &Master{
		self:      cfg.Self,
		defect:    cfg.Defect,
		byInside:  flowtable.NewIndex(cfg.FlowsMax, cfg.Seed),
		byOutside: flowtable.NewIndex(cfg.FlowsMax, cfg.Seed),
		slab:      flowtable.NewSlab(cfg.FlowsMax),
		records:   make([]record, cfg.FlowsMax),
		timers:    flowtable.NewWheel(cfg.FlowsMax, granularity),
		seed:      cfg.Seed,
		current:   new(holding), prior: new(holding), spare: new(holding),

		BatchRecords: batchRecordsDefault,
	}
	m.doubtSeat()
	for s := range m.leftAt {
		m.leftAt[s] = longAgo
	}
	return m
}

// Step takes one message and appends what follows from it to out. Of a message
// with which a packet travels exactly one that follows has Packet set, and the
// packet goes on with that one (I8); to nobody, To being zero, if it is Refused:
// then it ends here. Choose, Lease, End and Release with To zero are for the
// slot's Decider. Kinds that are not for a Flow Master are ignored.
func (m *Master) Step(now time.Duration, msg chain.Message, out []chain.Message) []chain.Message {
	m.attend(now)
	m.turned = 0
	switch msg.Kind {
	case chain.Miss:
		out = m.miss(now, &msg, out)
	case chain.Chosen:
		out = m.chosen(now, &msg, out)
	case chain.Refused:
		out = m.refused(now, &msg, out)
	case chain.Copy:
		out = m.copy(now, &msg, out)
	case chain.Done:
		m.done(&msg)
	case chain.Seen:
		out = m.seen(now, &msg, out)
	case chain.Ack:
		m.ack(now, &msg)
	}
	return m.announce(now, out)
}

// Len returns the number of records: flows, copies, and ports that rest.
func (m *Master) Len() int { return m.slab.Len() }

// refusal is the answer to msg that there is no flow. It goes to the Top that
// asked.
func refusal(msg *chain.Message, reason drop.Reason) chain.Message {
	r := *msg
	r.Kind, r.Reason, r.To = chain.Refused, reason, msg.Top
	r.Public, r.PublicPort, r.Lease = 0, 0, 0
	return r
}

// stop ends a packet here: what it came with must not be obeyed.
func stop(msg *chain.Message, reason drop.Reason) chain.Message {
	r := refusal(msg, reason)
	r.To = 0
	return r
}

// toDecider is a note about a lease, without a packet.
func toDecider(msg chain.Message, kind chain.Kind) chain.Message {
	msg.Kind, msg.Packet, msg.Reason, msg.To = kind, false, drop.None, 0
	return msg
}
