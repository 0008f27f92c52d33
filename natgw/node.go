package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/flowtable"
	"hyperplane/flowtrack"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Config is what a Node is made with.
type Config struct {
	Name     string         // the node's name in the state
	FlowsMax int            // flows tracked at most; see FlowsMaxDefault
	Seed     flowtable.Seed // of the hash tables: secret and fresh per process …
	PortSeed [32]byte       // … as is that of the choice of ports
}

// Node is the pure core of a cell node: Top, Flow Master and Decider in one
// thread. It is not safe for concurrent use.
type Node struct {
	name       string
	self       packet.Addr4
	state      *cellstate.State
	generation uint32 // counts applied states

	cache   *cache
	master  *flowtrack.Master
	decider *decider.Decider
	frags   *packet.Reassembler
	answers answers
	drops   dropLog

	messages, replies []chain.Message // scratch of settle
	missed            *entry          // what the chain answered to the current miss …
	refused           drop.Reason     // … or why it did not
	sweep             int             // the next entry to report
	lastSweep         time.Duration

	// Traffic accounts for every packet; the shell adds what the kernel refused.
	Traffic telemetry.Traffic
	// Misses counts packets that went down the chain.
	Misses uint64
}

// New returns a node that serves nothing until a state is applied.
func New(cfg Config) *Node {
	n := &Node{
		name:    cfg.Name,
		cache:   newCache(cfg.FlowsMax, cfg.Seed),
		master:  flowtrack.New(flowtrack.Config{FlowsMax: cfg.FlowsMax, Seed: cfg.Seed}),
		decider: decider.New(decider.Config{PortsMax: 2 * cfg.FlowsMax, Seed: cfg.PortSeed}),
		answers: newAnswers(),
	}
	n.frags = packet.NewReassembler(packet.ReassemblerLimits{Seed: cfg.Seed[0]}, &n.Traffic.Dropped)
	return n
}

// Apply makes s the node's state. Flows of gateways that are gone are ended;
// all others go on.
func (n *Node) Apply(now time.Duration, s *cellstate.State) {
	n.state = s
	n.generation++
	n.self = 0
	for i := range s.Nodes {
		if s.Nodes[i].Name == n.name {
			n.self = s.Nodes[i].Addr
		}
	}
	n.decider.Apply(now, s)
	n.messages = n.master.Apply(now, s, n.messages[:0])
	n.settle(now)
}

// Tick runs timers and reports activity; the shell calls it every loop.Tick.
func (n *Node) Tick(now time.Duration) {
	n.report(now)
	n.messages = n.master.Tick(now, n.messages[:0])
	n.settle(now)
	n.decider.Tick(now)
	n.frags.Expire(now)
}

// settle carries messages between the tiers of this node until none is left.
// Hops on one node are function calls; their number is bounded, because each
// Miss makes one Choose, each Choose one answer, and an answer ends the chain.
func (n *Node) settle(now time.Duration) {
	for i := 0; i < len(n.messages); i++ {
		switch m := &n.messages[i]; m.Kind {
		case chain.Choose, chain.Release:
			n.replies = n.decider.Step(now, *m, n.replies[:0])
			for _, r := range n.replies {
				n.messages = n.master.Step(now, r, n.messages)
			}
		case chain.Entry:
			if n.missed = n.cache.install(now, m); n.missed == nil {
				n.refused = drop.FlowTableFull
			}
		case chain.Refused:
			n.refused = m.Reason
		case chain.Forget:
			n.cache.forget(m)
		}
	}
	n.messages = n.messages[:0]
}

// tell sends one message to the Flow Master and settles what follows from it.
func (n *Node) tell(now time.Duration, m chain.Message) {
	n.messages = n.master.Step(now, m, n.messages[:0])
	n.settle(now)
}

// Answers returns the packets made since the last call (ICMP errors, RSTs),
// valid until EndTurn.
func (n *Node) Answers() []wire.Packet { return n.answers.take() }

// EndTurn ends the life of everything that Step and Answers returned.
func (n *Node) EndTurn() {
	n.answers.reset()
	n.frags.EndTurn()
}

// Account is the node's traffic, with what reassembly holds and merged.
func (n *Node) Account() telemetry.Traffic {
	t := n.Traffic
	t.Consumed += n.frags.Consumed()
	t.Held = uint64(n.frags.Held())
	return t
}
