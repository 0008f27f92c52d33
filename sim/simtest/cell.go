package simtest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"hyperplane/blackfoot"
	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/loop"
	"hyperplane/natgw"
	"hyperplane/nitrosim"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
	"hyperplane/wire"
)

// formTurnsMax is how many turns a cell may take to form: much less than a second.
const formTurnsMax = 50

// Role is what a cell knows of each of its workers.
type Role interface {
	Apply(now time.Duration, s *cellstate.State) error
	Snapshot(now time.Duration) telemetry.Snapshot
}

// Cell is a cell in memory. It is not safe for concurrent use.
type Cell struct {
	// Roles by the names that the state gives them.
	Roles map[string]Role
	// State is the one that was applied last.
	State *cellstate.State
	// Nodes are the cores of the cell's nodes, in the order of the state.
	Nodes []*natgw.Node
	// Instances are the interfaces of the instances, by name, and Edges those of
	// the edges. Send and Reply are for whoever needs no more than a packet's way.
	Instances map[string]*tuntest.Device
	Edges     []*tuntest.Device
	// Loop runs all roles; one Turn lets every packet come to rest.
	Loop *loop.Loop

	exchange *wire.Exchange
	workers  []*natgw.Worker
	next     int // the edge that takes the next packet from the internet
	now      time.Duration
}

// New builds the cell that s describes. flowsMax bounds each node.
func New(s *cellstate.State, flowsMax int) (*Cell, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	c := &Cell{
		Roles: make(map[string]Role), Loop: l, exchange: wire.NewExchange(),
		Instances: make(map[string]*tuntest.Device),
	}
	seed := flowtable.Seed{1, 2}
	for i := range s.Nodes {
		n := natgw.New(0, natgw.Config{
			Name: s.Nodes[i].Name, Self: s.Nodes[i].Addr, FlowsMax: flowsMax, Seed: seed, PortSeed: [32]byte{byte(i) + 1}, Incarnation: uint64(i) + 1,
		})
		w, err := natgw.Attach(l, n, c.exchange.Port(s.Nodes[i].Addr))
		if err != nil {
			return nil, err
		}
		c.Nodes, c.workers = append(c.Nodes, n), append(c.workers, w)
		c.Roles[s.Nodes[i].Name] = w
	}
	for i := range s.Hosts {
		h := nitrosim.New(s.Hosts[i].Name, seed)
		if c.Roles[s.Hosts[i].Name], err = nitrosim.Attach(l, h, c.exchange.Port(s.Hosts[i].Addr), c.open); err != nil {
			return nil, err
		}
	}
	for i := range s.Edges {
		d := tuntest.New(s.InternetMTU)
		c.Edges = append(c.Edges, d)
		w, err := blackfoot.Attach(l, blackfoot.New(), c.exchange.Port(s.Edges[i].Addr), d,
			func(*cellstate.State) error { return nil })
		if err != nil {
			return nil, err
		}
		c.Roles[s.Edges[i].Name] = w
	}
	if err := c.Apply(s); err != nil {
		return nil, err
	}
	return c, c.settle()
}

// settle lets the nodes agree on who is there.
func (c *Cell) settle() error {
	for range formTurnsMax {
		formed := true
		for _, n := range c.workers {
			s := n.Status(c.now)
			formed = formed && s.Serving && s.Complete && s.Full == len(c.State.FlowMasters)
		}
		if formed {
			return nil
		}
		if err := c.Advance(loop.Tick); err != nil {
			return err
		}
	}
	return fmt.Errorf("simtest: the cell did not form within %v: %+v", formTurnsMax*loop.Tick, c.workers[0].Status(c.now))
}

func (c *Cell) open(in *cellstate.Instance) (tun.Device, error) {
	d := tuntest.New(in.MTU)
	c.Instances[in.Name] = d
	return d, nil
}

// Close releases what the loop holds.
func (c *Cell) Close() { c.Loop.Close() }

// Apply makes s the state of every role.
func (c *Cell) Apply(s *cellstate.State) error {
	c.State = s
	for _, name := range c.names() {
		if err := c.Roles[name].Apply(c.now, s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return c.step()
}

// Now is the cell's time.
func (c *Cell) Now() time.Duration { return c.now }

// Advance lets d pass, turn by turn.
func (c *Cell) Advance(d time.Duration) error {
	for end := c.now + d; c.now < end; {
		c.now = min(end, c.now+loop.Tick)
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// Send lets an instance send packets, all in one turn.
func (c *Cell) Send(instance string, ps ...packet.Packet) error {
	d := c.Instances[instance]
	if d == nil {
		return fmt.Errorf("simtest: no instance %q", instance)
	}
	return c.inject(d, ps)
}

// Reply lets the internet send packets to the cell; successive calls arrive at
// successive edges, as they would by ECMP.
func (c *Cell) Reply(ps ...packet.Packet) error {
	d := c.Edges[c.next%len(c.Edges)]
	c.next++
	return c.inject(d, ps)
}

func (c *Cell) inject(d *tuntest.Device, ps []packet.Packet) error {
	for _, p := range ps {
		if err := d.Inject(p); err != nil {
			return err
		}
	}
	return c.step()
}

// Received returns and removes what an instance received.
func (c *Cell) Received(instance string) []packet.Packet { return c.Instances[instance].Sent() }

// Internet returns and removes what the edges sent to the internet.
func (c *Cell) Internet() (ps []packet.Packet) {
	for _, d := range c.Edges {
		ps = append(ps, d.Sent()...)
	}
	return ps
}

// Inject puts a packet on the underlay as if the machine with address from had
// sent it to the machine with address to. It does not bypass any check.
func (c *Cell) Inject(from, to packet.Addr4, t packet.Tunnel, p packet.Packet) error {
	port := c.exchange.Port(from)
	port.Send(&wire.Packet{Packet: p, Tunnel: t, Peer: to})
	return c.step()
}

// names returns the roles' names in an order that is the same in every run.
func (c *Cell) names() []string { return slices.Sorted(maps.Keys(c.Roles)) }

// Traffic is the account of one role.
func (c *Cell) Traffic(name string) telemetry.Traffic { return c.Roles[name].Snapshot(c.now).Traffic }

// Drops adds up the drops of all roles.
func (c *Cell) Drops() (sum drop.Counts) {
	for _, name := range c.names() {
		t := c.Traffic(name)
		for r, n := range t.Drops() {
			sum[r] += n
		}
	}
	return sum
}

// step turns the loop once, which lets every packet come to rest, and checks
// every role's account.
func (c *Cell) step() error {
	c.Loop.Turn(c.now)
	for _, name := range c.names() {
		t := c.Traffic(name)
		if n := t.Unaccounted(); n != 0 {
			return fmt.Errorf("simtest: %s: %d packets unaccounted for (I8): %+v", name, n, t)
		}
	}
	return nil
}
