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

// cell is the smallest cluster: one node, which owns all slots and whose flows
// nobody else holds.
type cell struct {
	*cluster
	master  *Master
	decider *decider.Decider
	out     []chain.Message // what the Top got since it was last emptied
}

func newCell(t fataler, flowsMax, portsMax int, seed byte, state *cellstate.State) *cell {
	c := &cell{cluster: newCluster(t, 1, flowsMax, portsMax, seed)}
	c.master, c.decider = c.nodes[0].master, c.nodes[0].decider
	c.toTop = func(m chain.Message) { c.out = append(c.out, m) }
	c.enterAll(c.agree([]int{0}, nil, nil, nil))
	if state != nil {
		c.apply(state)
	}
	return c
}

// step gives one message to the node and lets its consequences run.
func (c *cell) step(m chain.Message) {
	if m.Kind == chain.Miss {
		c.miss(nodeAddr(0), m)
		return
	}
	if m.Top == 0 {
		m.Top = topAddr(1)
	}
	m.To, m.From = nodeAddr(0), m.Top
	c.send(item{Message: m})
	c.pump()
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

const base = `
version: 1
cell: test
nodes: [{name: node-1, address: 172.31.0.11}]
edges: [{name: edge-1, address: 172.31.0.21}]
hosts: [{name: host-1, address: 172.31.0.31}]
vpcs:
  - {name: blue, vni: 100, cidrs: [10.0.0.0/16], subnets: [{name: blue-public, cidr: 10.0.0.0/24}]}
  - {name: green, vni: 200, cidrs: [10.0.0.0/16], subnets: [{name: green-public, cidr: 10.0.0.0/24}]}
instances: [{name: blue-1, vpc: blue, address: 10.0.0.10, host: host-1}]
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

// seenOf is a report about the flow of an Entry, whose last packet was that long ago.
func seenOf(entry chain.Message, ago time.Duration, out, in uint8) chain.Message {
	entry.Kind, entry.Inbound, entry.Packet, entry.At = chain.Seen, false, false, 0
	entry.FlagsOut, entry.FlagsIn, entry.Age = out, in, milliseconds(ago)
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
