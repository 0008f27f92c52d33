package flowtrack

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// cell is a Flow Master and a Decider wired together, as in one node, with the
// carrier between them in the test's hand.
type cell struct {
	master  *Master
	decider *decider.Decider
	now     time.Duration
	held    []chain.Message // between the two, when hold is set
	hold    bool
	out     []chain.Message // what the Top got since it was last emptied
	trace   func(way string, msg chain.Message)
	scratch []chain.Message
}

func newCell(flowsMax, portsMax int, seed byte, state *cellstate.State) *cell {
	c := &cell{
		master:  New(Config{FlowsMax: flowsMax, Seed: [2]uint64{uint64(seed), 2}}),
		decider: decider.New(decider.Config{PortsMax: portsMax, Seed: [32]byte{seed}}),
		out:     make([]chain.Message, 0, 4096),
		held:    make([]chain.Message, 0, 4096),
		scratch: make([]chain.Message, 0, 4096),
	}
	if state != nil {
		c.apply(state)
	}
	return c
}

// step gives one message to the Flow Master and lets its consequences run.
func (c *cell) step(msg chain.Message) {
	c.carry(c.master.Step(c.now, msg, c.scratch[:0]))
}

func (c *cell) tick() {
	c.decider.Tick(c.now)
	c.carry(c.master.Tick(c.now, c.scratch[:0]))
}

func (c *cell) apply(state *cellstate.State) {
	c.decider.Apply(c.now, state)
	c.carry(c.master.Apply(c.now, state, c.scratch[:0]))
}

// carry takes what the Flow Master sent to where it belongs.
func (c *cell) carry(sent []chain.Message) {
	for _, msg := range sent {
		if !msg.Kind.ForDecider() {
			c.note("master → top", msg)
			c.out = append(c.out, msg)
			continue
		}
		c.note("master → decider", msg)
		c.held = append(c.held, msg)
	}
	if !c.hold {
		c.settle()
	}
}

func (c *cell) note(way string, msg chain.Message) {
	if c.trace != nil {
		c.trace(way, msg)
	}
}

// settle delivers what is between the two until nothing is.
func (c *cell) settle() {
	for len(c.held) > 0 {
		msg := c.held[0]
		c.held = c.held[:copy(c.held, c.held[1:])]
		c.deliver(msg)
	}
}

// deliver hands one message between the two to its receiver.
func (c *cell) deliver(msg chain.Message) {
	if !msg.Kind.ForDecider() {
		sent := c.master.Step(c.now, msg, nil)
		c.carry(sent)
		return
	}
	for _, answer := range c.decider.Step(c.now, msg, c.scratch[:0]) {
		c.note("decider → master", answer)
		c.held = append(c.held, answer)
	}
}

// ask sends a Miss and returns its one answer.
func (c *cell) ask(t testing.TB, msg chain.Message) chain.Message {
	t.Helper()
	c.out = c.out[:0]
	c.step(msg)
	if len(c.out) != 1 {
		t.Fatalf("%v was answered by %v, want one answer", msg, c.out)
	}
	return c.out[0]
}

// advance lets time pass in steps of a tick.
func (c *cell) advance(d time.Duration) {
	for end := c.now + d; c.now < end; {
		c.now = min(c.now+granularity, end)
		c.tick()
	}
}

// check verifies the invariants that hold between any two messages.
func (c *cell) check(t interface{ Fatalf(string, ...any) }) {
	m := c.master
	n := 0
	for f := range m.Each {
		n++
		outside := chain.Outside(f.Inside, f.Public, f.PublicPort)
		i, ok := m.byInside.Get(f.Inside)
		o, ok2 := m.byOutside.Get(outside)
		if !ok || !ok2 || i != o { // both keys lead to one record, so no two flows share either (I1)
			t.Fatalf("%v: inside → %d %v, outside → %d %v", f.Inside, i, ok, o, ok2)
		}
		due, ok := m.timers.Deadline(i)
		if !ok || due >= f.Deadline+2*granularity {
			t.Fatalf("%v: timer %v %v, deadline %v", f.Inside, due, ok, f.Deadline)
		}
	}
	if n != m.Len() || n != m.byInside.Len() || n != m.byOutside.Len() || n != m.timers.Len() {
		t.Fatalf("%d flows, slab %d, inside %d, outside %d, timers %d", n, m.Len(), m.byInside.Len(), m.byOutside.Len(), m.timers.Len())
	}
}

const base = `
version: 1
cell: test
nodes: [{name: node-1, address: 172.31.0.11}]
edges: [{name: edge-1, address: 172.31.0.21}]
hosts: [{name: host-1, address: 172.31.0.31}]
vpcs:
  - {name: blue, vni: 100, cidrs: [10.0.0.0/16], subnets: [{name: blue-public, cidr: 10.0.0.0/24}]}
  - {name: green, vni: 200, cidrs: [10.0.0.0/16], subnets: [{name: green-public, cidr: 10.0.0.0/24}]}
`

// parseState builds a state from the lines of its nat_gateways list.
func parseState(gateways string) (*cellstate.State, error) {
	if strings.TrimSpace(gateways) == "" {
		return cellstate.Parse("test", []byte(base))
	}
	var b strings.Builder
	b.WriteString(base + "nat_gateways:\n")
	for line := range strings.Lines(gateways) {
		b.WriteString("  " + line)
	}
	return cellstate.Parse("test", []byte(b.String()))
}

func mustState(t testing.TB, gateways string) *cellstate.State {
	t.Helper()
	state, err := parseState(gateways)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

const (
	blueGateway  = "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}\n"
	greenGateway = "- {name: nat-green, service: 2, vpc: green, address: 10.0.0.5, public_addresses: [198.51.100.2]}\n"
)

func addr(s string) packet.Addr4 {
	a, ok := packet.AddrFrom(netip.MustParseAddr(s))
	if !ok {
		panic(fmt.Sprintf("%s is no IPv4 address", s))
	}
	return a
}

var (
	web  = addr("203.0.113.10")
	peer = addr("203.0.113.20")
)

// tuple is the i-th flow of VPC blue to the web server.
func tuple(proto uint8, i int) packet.Tuple {
	var remotePort uint16 = 443
	if proto == packet.ProtoICMP {
		remotePort = 0
	}
	return packet.MakeTuple(100, proto, addr("10.0.0.16")+packet.Addr4(i>>16), uint16(i), web, remotePort)
}

// missOf is the Miss of the first packet of a flow from inside.
func missOf(flow packet.Tuple) chain.Message {
	msg := chain.Message{Kind: chain.Miss, Service: 1, Flow: flow}
	if flow.Proto() == packet.ProtoTCP {
		msg.FlagsOut = packet.TCPSyn
	}
	return msg
}

// replyTo is the Miss of a packet from the internet to the flow of an Entry.
func replyTo(entry chain.Message, flags uint8) chain.Message {
	return chain.Message{Kind: chain.Miss, Inbound: true, Service: entry.Service, Flow: entry.Outside().Reverse(), FlagsIn: flags}
}

// seenOf is a report about the flow of an Entry.
func seenOf(entry chain.Message, at time.Duration, out, in uint8) chain.Message {
	entry.Kind, entry.Inbound, entry.At, entry.FlagsOut, entry.FlagsIn = chain.Seen, false, at, out, in
	return entry
}

func wantRefused(t testing.TB, got chain.Message, reason drop.Reason) {
	t.Helper()
	if got.Kind != chain.Refused || got.Reason != reason {
		t.Fatalf("got %v, want refused: %v", got, reason)
	}
}

func wantEntry(t testing.TB, got chain.Message) chain.Message {
	t.Helper()
	if got.Kind != chain.Entry {
		t.Fatalf("got %v, want an entry", got)
	}
	return got
}
