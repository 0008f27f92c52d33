package sim

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/loop"
	"hyperplane/natgw"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// What the checkers see of a cell node, and how one is made. Whatever names
// package natgw is in this file, so that a change of it meets one file here.

// Inspector is what the checkers see of a cell node. Times are the node's own.
type Inspector interface {
	Status(now time.Duration) NodeStatus
	// Entries yields the entries that the node's Top holds.
	Entries(yield func(EntryInfo) bool)
	// Flows yields the records that the node's Flow Master holds, but for those
	// of ports that rest.
	Flows(yield func(FlowInfo) bool)
	// Owns reports whether the node decides about a slot now.
	Owns(slot uint32) bool
	// Misses counts the packets that its Top had no entry for.
	Misses() uint64
}

// NodeStatus is what a node says of itself.
type NodeStatus struct {
	View     uint64 // the ballot of its view; 0: none
	Keeps    bool   // it has the role of a Flow Master
	Full     int    // members of the view that own slots
	Member   bool   // it is one of the members
	Complete bool   // it knows all flows that it should hold
	Serving  bool   // a majority stood behind its view not long ago
	Degraded bool   // it says that the cell lacks something
	Single   int    // flows that it owns and that no other may hold
}

// EntryInfo is one entry of a Top.
type EntryInfo struct {
	Inside, Outside packet.Tuple
	Until           time.Duration // it is used before, and not from then on
}

// FlowInfo is one record of a Flow Master.
type FlowInfo struct {
	Inside, Outside packet.Tuple
	Slot            uint32
	// Memory: the node held it in an earlier view and does not answer by it now.
	Memory bool
}

// sabotages names the deliberate bugs that natgw.Config offers, by number from 1.
var sabotages = []string{"second copy skipped", "epoch ignored", "port reused at once"}

// flowsMax is the room of a node in the simulator.
const flowsMax = 4096

// nodeSpec declares a node with its roles.
func nodeSpec(name string, addr netip.Addr, roles cellstate.Roles, drain bool) cellstate.NodeSpec {
	return cellstate.NodeSpec{Name: name, Address: addr, Roles: strings.Split(roles.String(), ", "), Drain: drain}
}

// newNode runs a cell node with the real worker.
func newNode(l *loop.Loop, conn wire.Conn, name string, now time.Duration, d *dice, plan *Plan) (Role, Inspector, error) {
	cfg := natgw.Config{
		Name: name, Self: conn.LocalAddr(), FlowsMax: flowsMax, Seed: d.tableSeed(), Incarnation: d.next() | 1,
		Defect: flowtrack.Defect(plan.Sabotage), PortBlocks: plan.portBlocks,
	}
	for i := range cfg.PortSeed {
		cfg.PortSeed[i] = byte(d.next())
	}
	n := natgw.New(now, cfg)
	w, err := natgw.Attach(l, n, conn)
	return w, inside{n}, err
}

// inside shows a natgw.Node.
type inside struct{ n *natgw.Node }

func (i inside) Misses() uint64        { return i.n.Misses }
func (i inside) Owns(slot uint32) bool { return i.n.Owns(slot) }

func (i inside) Status(now time.Duration) NodeStatus {
	s := i.n.Status(now)
	return NodeStatus{
		View: s.View, Keeps: i.n.Serves(cellstate.RoleFlowMaster), Full: s.Full, Member: s.Member, Complete: s.Complete,
		Serving: s.Serving, Degraded: s.Degraded, Single: s.Unheld,
	}
}

func (i inside) Entries(yield func(EntryInfo) bool) {
	i.n.Entries(func(e natgw.EntryInfo) bool { return yield(EntryInfo{e.Inside, e.Outside, e.Until}) })
}

func (i inside) Flows(yield func(FlowInfo) bool) {
	i.n.Records(func(f flowtrack.Flow) bool {
		if f.State == flowtrack.Resting {
			return true
		}
		return yield(FlowInfo{f.Inside, chain.Outside(f.Inside, f.Public, f.PublicPort), f.Slot(), f.Memory})
	})
}

// describeControl says what a datagram without a packet is; "" for those that
// only say that somebody lives. False: it carries a packet.
// Of a batch it gives the first messages, or those that concerns picks.
func describeControl(cell uint32, t *packet.Tunnel, payload []byte, concerns func(string) bool) (text string, control bool) {
	if t.Stage != packet.StageMessages {
		return "", t.Control()
	}
	b, rest, r := chain.ReadBatch(payload, cell)
	if r != drop.None {
		return "batch refused for " + r.String(), true
	}
	text = fmt.Sprintf("batch, view %x", b.View)
	if b.Stream != 0 {
		text += fmt.Sprintf(", stream %d", b.Stream)
	}
	for n := 0; len(rest) > 0; n++ {
		var m chain.Message
		rest = chain.Next(rest, &m)
		switch {
		case concerns != nil:
			if s := m.String(); concerns(s) {
				text += ", " + s
			}
		case n < 6:
			text += ", " + m.String()
		case n == 6:
			text += ", …"
		}
	}
	return text, true
}

// describeChain says what message travels with a packet.
func describeChain(cell uint32, t *packet.Tunnel) string {
	if t.Stage != packet.StageChain {
		return ""
	}
	m, r := chain.ParseOption(t.Chain, cell)
	if r != drop.None {
		return " message refused for " + r.String()
	}
	return fmt.Sprintf(" %v view %x", m, m.View)
}

// answeredIn is the view in which a holder exposes a decision by this datagram; 0
// if it does not, or repeats what was exposed before.
func answeredIn(cell uint32, t *packet.Tunnel) uint64 {
	if t.Stage != packet.StageChain {
		return 0
	}
	m, r := chain.ParseOption(t.Chain, cell)
	if r != drop.None || m.Kind != chain.Entry {
		return 0
	}
	return m.View
}
