package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/flowtable"
	"hyperplane/flowtrack"
	"hyperplane/membership"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/wire"
)

// Config is what a Node is made with.
type Config struct {
	Name        string         // the node's name in the state
	Self        packet.Addr4   // its underlay address
	FlowsMax    int            // flows tracked at most; see FlowsMaxDefault
	Seed        flowtable.Seed // of the hash tables: secret and fresh per process …
	PortSeed    [32]byte       // … as is that of the choice of ports
	Incarnation uint64         // different in every life of the process, never zero
	PortBlocks  int            // see decider.Config.Blocks
	Defect      flowtrack.Defect
}

// Node is the pure core of a cell node: its part in the cell's membership, and
// Top, Flow Master and Decider as far as the state gives it these roles, in one
// thread. It is not safe for concurrent use.
type Node struct {
	name        string
	self        packet.Addr4
	incarnation uint64
	state       *cellstate.State
	generation  uint32 // counts applied states
	roles       cellstate.Roles

	member   *membership.Machine
	entered  uint64        // the ballot of the view that the Flow Master acts in
	followed time.Duration // when it was last brought in line with the membership
	master   *flowtrack.Master
	decider  *decider.Decider
	asked    deciders

	cache   *cache
	budgets missBudgets
	frags   *packet.Reassembler
	answers answers
	drops   dropLog

	queue      []chain.Message // what is to be handled in this node; see settle
	next       []chain.Message // scratch of carry
	records    []chain.Message // scratch of stream
	outbox     outbox
	rebuilding []packet.Addr4 // scratch
	options    optionRing
	sweep      int // the next entry to report
	sweeps     uint64
	lastSweep  time.Duration

	// Traffic accounts for every packet; the shell adds what the kernel refused.
	Traffic telemetry.Traffic
	// Misses counts packets that went down the chain.
	Misses uint64
	// Signals counts the messages that nodes sent each other without a packet.
	Signals Signals
}

// New returns a node that serves nothing until a state is applied.
func New(now time.Duration, cfg Config) *Node {
	n := &Node{
		name: cfg.Name, self: cfg.Self, incarnation: cfg.Incarnation,
		member:  membership.New(now, cfg.Self, cfg.Incarnation),
		master:  flowtrack.New(flowtrack.Config{Self: cfg.Self, FlowsMax: cfg.FlowsMax, Seed: cfg.Seed, Defect: cfg.Defect}),
		decider: decider.New(decider.Config{PortsMax: 2 * cfg.FlowsMax, Seed: cfg.PortSeed, Blocks: cfg.PortBlocks}),
		cache:   newCache(cfg.FlowsMax, cfg.Seed),
		budgets: newMissBudgets(cfg.Seed),
		answers: newAnswers(),
		outbox:  newOutbox(payloadDefault),
	}
	n.frags = packet.NewReassembler(packet.ReassemblerLimits{Seed: cfg.Seed[0]}, &n.Traffic.Dropped)
	return n
}

// SetPayloadMax says how long a control datagram may be, in bytes.
func (n *Node) SetPayloadMax(bytes int) {
	n.outbox = newOutbox(bytes)
	n.master.BatchRecords = min(chain.BatchMax(bytes), flowtrack.BatchMax)
}

// Apply makes s the node's state. Flows of gateways that are gone are ended;
// all others go on.
func (n *Node) Apply(now time.Duration, s *cellstate.State) {
	n.state = s
	n.generation++
	n.roles = 0
	var nodes []membership.Node
	for i := range s.Nodes {
		p := &s.Nodes[i]
		nodes = append(nodes, membership.Node{Addr: p.Addr, ID: p.ID, Votes: p.Roles.Has(cellstate.RoleFlowMaster), Drain: p.Drain})
		if p.Addr == n.self {
			n.roles = p.Roles
		}
	}
	n.outbox.cell = s.CellID
	n.decider.Apply(now, s)
	n.member.Apply(now, s.CellID, nodes)
	n.follow(now)
	n.queue = n.master.Apply(now, s, n.queue)
	n.settle(now)
}

// Tick runs timers and reports activity; the shell calls it every loop.Tick.
func (n *Node) Tick(now time.Duration) {
	n.member.Tick(now)
	n.follow(now)
	n.report(now)
	n.queue = n.master.Tick(now, n.queue)
	n.settle(now)
	n.decider.Tick(now)
	n.frags.Expire(now)
	n.stream(now)
}

// follow brings the Flow Master in line with what the membership agreed on.
func (n *Node) follow(now time.Duration) {
	n.followed = now
	n.watchDeciders()
	v := n.member.View()
	if v.Ballot != n.entered {
		n.entered = v.Ballot
		n.master.Enter(now, n.viewOf(v), n.viewOf(n.member.Missed()))
	}
	n.master.Stand(n.standing(now))
	n.member.Claim(now, n.claims(now))
	for n.member.View().Ballot != n.entered { // the claim may have completed a proposal
		n.follow(now)
	}
}

func (n *Node) standing(now time.Duration) flowtrack.Standing {
	n.rebuilding = n.member.Rebuilding(n.rebuilding[:0])
	return flowtrack.Standing{
		Serving: n.member.Serving(now), Alone: n.member.Alone(now),
		Seat: n.member.Seat(), SeatClean: n.member.SeatClean(now), Rebuilding: n.rebuilding,
	}
}

func (n *Node) claims(now time.Duration) membership.Claims {
	complete, lapsed := n.master.Knows(now)
	return membership.Claims{Complete: complete, Lapsed: lapsed, Seats: n.master.Seats()}
}

// viewOf tells the Flow Master what it needs to know of a view.
func (n *Node) viewOf(v *membership.View) flowtrack.View {
	w := flowtrack.View{Ballot: v.Ballot, Prev: v.Prev, Uncertain: v.Uncertain, Empty: v.Empty, Copies: n.state.Copies}
	for _, m := range v.Members[:v.N] {
		if m.Status == membership.Absent {
			continue
		}
		w.Mine = w.Mine || m.Addr == n.self && m.Incarnation == n.incarnation
		w.Members = append(w.Members, flowtrack.Member{
			Addr: m.Addr, ID: m.ID,
			Now: m.Status != membership.Learner, Next: m.Status != membership.Leaving,
		})
	}
	return w
}

// Answers returns the packets made since the last call (ICMP errors, RSTs),
// valid until EndTurn.
func (n *Node) Answers() []wire.Packet { return n.answers.take() }

// EndTurn ends the life of everything that Step, Answers and Control returned.
func (n *Node) EndTurn() {
	n.answers.reset()
	n.frags.EndTurn()
	n.outbox.reset()
}

// Account is the node's traffic, with what reassembly holds and merged.
func (n *Node) Account() telemetry.Traffic {
	t := n.Traffic
	t.Consumed += n.frags.Consumed()
	t.Held = uint64(n.frags.Held())
	return t
}
