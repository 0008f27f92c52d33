package flowtrack

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/packet"
	"hyperplane/shard"
)

// fataler is what a test, a property and a fuzzer have in common.
type fataler interface{ Fatalf(string, ...any) }

// cluster is a cell's Flow Masters and Deciders in memory: each node has one of
// both, and a network that the test commands. Messages are carried in the order in
// which they were sent; a rule may hold or lose them. Views and standings are what
// the test says: agreeing on them is package membership's work.
//
//	Tops (the test) ──▶ node: Master ──▶ its Decider
//	      ▲                     │  ▲
//	      └───────── wire ◀─────┘  │     one queue; rule: pass, hold, lose
//	                   └───────────┘
type cluster struct {
	t                  fataler
	flowsMax, portsMax int
	seed               byte
	nodes              []*node
	now                time.Duration
	state              *cellstate.State
	view               View // the newest
	views              map[uint64]View

	wire []item
	held []item
	rule func(item) verdict

	toTop func(chain.Message) // what Tops get
	trace func(string)        // every message, as a line
	quiet bool                // leave out of the trace that Deciders are told again
	talk  bool                // trace streams too
	// For a model: what a master says, and its node after a message, with what it had
	// before; another Decider.
	exits  func(n *node, m *chain.Message)
	after  func(n *node, m *chain.Message, before map[packet.Tuple]Flow)
	choose func(chain.Message) []chain.Message

	packets, ended int            // packets that came with a Miss, and those whose way has ended
	names          map[uint64]int // of leases; see show
}

// node is one node. It keeps its place when it is started again.
type node struct {
	c        *cluster
	name     string
	addr     packet.Addr4
	master   *Master
	decider  *decider.Decider
	up       bool
	skew     time.Duration // how far its clock is ahead
	standing Standing
	entered  uint64
	born     uint64 // the newest view when its life began
	bornAt   time.Duration
	missed   bool // started again since the newest view: not among those that it means
}

// item is what is on the wire: a message, or a batch of a stream.
type item struct {
	chain.Message
	batch   *Batch
	records []chain.Message
	again   bool // a Decider is told what it has been told before

	delivered bool // held, and delivered nevertheless
	at        time.Duration
}

type verdict uint8

const (
	pass verdict = iota
	hold
	lose
)

const nodeNames = "abcdefghijklmnop"

func nodeAddr(i int) packet.Addr4 { return addr("172.31.0.11") + packet.Addr4(i) }
func topAddr(i int) packet.Addr4  { return addr("172.31.0.40") + packet.Addr4(i) }

// newCluster returns n nodes that are in no view.
func newCluster(t fataler, n, flowsMax, portsMax int, seed byte) *cluster {
	c := &cluster{t: t, flowsMax: flowsMax, portsMax: portsMax, seed: seed, names: map[uint64]int{}, views: map[uint64]View{}}
	for i := range n {
		x := &node{c: c, name: nodeNames[i : i+1], addr: nodeAddr(i)}
		x.standing.Seat = uint8(i)
		c.nodes = append(c.nodes, x)
		x.start(Defect(0))
		x.bornAt = -time.Hour // a cell that has been there for long
	}
	return c
}

// start gives the node a new life, without memory.
func (n *node) start(d Defect) {
	n.master = New(Config{Self: n.addr, FlowsMax: n.c.flowsMax, Seed: [2]uint64{uint64(n.c.seed), 2}, Defect: d})
	n.decider = decider.New(decider.Config{PortsMax: n.c.portsMax, Seed: [32]byte{n.c.seed}})
	n.up, n.missed, n.entered, n.born, n.bornAt = true, true, 0, n.c.view.Ballot, n.c.now
	n.standing.Serving, n.standing.Alone = false, false
	if n.c.state != nil {
		n.master.Apply(n.now(), n.c.state, nil)
		n.decider.Apply(n.now(), n.c.state)
	}
}

func (n *node) now() time.Duration { return n.c.now + n.skew }

// stand says by what right the node acts.
func (n *node) stand(serving, alone bool) {
	n.standing.Serving, n.standing.Alone = serving, alone
	n.restand()
}

// complete is the first answer of Master.Knows, which looks at the time besides.
func (n *node) complete() bool {
	m := n.master
	for s := range uint32(shard.Slots) {
		if m.learning > 0 && m.current.holds(m.self, s) && n.now() < m.current.knows[s] {
			return false
		}
	}
	return m.current.ballot != 0
}

// restand tells the master by what right it acts, as package membership sees it.
func (n *node) restand() {
	n.standing.SeatClean = n.c.now-n.bornAt >= restGuard && !n.standing.Alone
	n.standing.Rebuilding = n.standing.Rebuilding[:0]
	for _, o := range n.c.nodes {
		complete := o.complete()
		if o.up && o.entered == n.entered && !complete {
			n.standing.Rebuilding = append(n.standing.Rebuilding, o.addr)
		}
		if o.up && n.standing.SeatClean && (!complete || o.entered != n.entered || o.master.current.uncertain || o.master.Seats()>>n.standing.Seat&1 != 0) {
			n.standing.SeatClean = false
		}
	}
	n.master.Stand(n.standing)
}

func (c *cluster) node(a packet.Addr4) *node {
	if i := int(a - nodeAddr(0)); i >= 0 && i < len(c.nodes) {
		return c.nodes[i]
	}
	return nil
}

func (c *cluster) name(a packet.Addr4) string {
	switch n := c.node(a); {
	case n != nil:
		return n.name
	case a == 0:
		return "decider"
	}
	return fmt.Sprintf("top%d", a-topAddr(0))
}

// agree makes a view of the members out of the newest one; full, learner and leaving
// are the indexes of nodes. Change may alter it before it is entered.
func (c *cluster) agree(full, learner, leaving []int, change func(*View)) View {
	v := View{Prev: c.view.Ballot, Copies: 2, Empty: c.view.Ballot == 0}
	add := func(list []int, now, next bool) {
		for _, i := range list {
			v.Members = append(v.Members, Member{Addr: nodeAddr(i), ID: shard.NodeID(nodeNames[i : i+1]), Now: now, Next: next})
		}
	}
	add(full, true, true)
	add(learner, false, true)
	add(leaving, true, false)
	v.Ballot = (c.view.Ballot>>32+1)<<32 | uint64(v.Members[0].Addr)
	if change != nil {
		change(&v)
	}
	c.view = v
	c.views[v.Ballot] = v
	return v
}

// enter lets a node act in a view. Where it was not in the one before, it knows who was.
func (n *node) enter(v View) {
	v, before := n.seen(v), n.seen(n.c.views[v.Prev])
	n.missed = n.missed && !v.Mine // a view from before its life means the life before
	n.entered = v.Ballot
	n.master.Enter(n.now(), v, before)
	n.stand(v.Mine, false)
}

// seen is a view as this node's process sees it.
func (n *node) seen(v View) View {
	v.Mine = false
	for _, x := range v.Members {
		v.Mine = v.Mine || x.Addr == n.addr && v.Ballot > n.born
	}
	return v
}

// enterAll lets every node that is up enter.
func (c *cluster) enterAll(v View) {
	for _, n := range c.nodes {
		if n.up {
			n.enter(v)
		}
	}
}

func (c *cluster) apply(state *cellstate.State) {
	c.state = state
	for _, n := range c.nodes {
		if n.up {
			n.decider.Apply(n.now(), state)
			n.sent(n.master.Apply(n.now(), state, nil), nil)
		}
	}
	c.pump()
}

// sent puts on the wire what a node's master said, and holds that a packet goes on
// with exactly one message (I8).
func (n *node) sent(out []chain.Message, cause *chain.Message) {
	with := 0
	for _, m := range out {
		if m.Packet {
			with++
		}
	}
	if cause != nil && cause.Packet && with != 1 || (cause == nil || !cause.Packet) && with != 0 {
		n.c.t.Fatalf("at %v: %s answered %v by %v: %d of them have the packet (I8)", n.c.now, n.name, cause, out, with)
	}
	var ended uint64
	for i := range out {
		m := out[i]
		m.From = n.addr
		if m.Kind == chain.Forget {
			ended = m.Lease
		}
		again := n.c.quiet && (m.Kind == chain.Lease || m.Kind == chain.End && m.Lease != ended)
		if m.Kind == chain.End {
			ended = 0
		}
		if n.c.exits != nil {
			n.c.exits(n, &m)
		}
		switch {
		case m.Kind == chain.Refused && m.To == 0:
			n.c.line(n.name+" drops", m)
			n.c.ended++
		case m.To == 0:
			n.toDeciders(item{Message: m, again: again})
		default:
			n.c.send(item{Message: m})
		}
	}
}

// toDeciders sends a question to the first Decider that is up, a note to the first two.
func (n *node) toDeciders(x item) {
	copies := 0
	for _, d := range n.c.nodes {
		if !d.up {
			continue
		}
		x.To = d.addr
		n.c.send(x)
		if copies++; x.Kind == chain.Choose || copies == 2 {
			return
		}
	}
	n.c.lost(x)
}

func (c *cluster) send(x item) {
	v := pass
	if c.rule != nil {
		v = c.rule(x)
	}
	switch v {
	case pass:
		x.delivered = false
		c.wire = append(c.wire, x)
	case hold:
		c.held = append(c.held, x)
		c.line(fmt.Sprintf("%s (held as %d)", c.way(x), len(c.held)), x.Message)
	case lose:
		if !x.again {
			c.line(c.way(x)+" (lost)", x.Message)
		}
		c.lost(x)
	}
}

func (c *cluster) lost(x item) {
	if x.Packet {
		c.ended++
	}
}

// way is "a → b" of an item.
func (c *cluster) way(x item) string {
	from, to := c.name(x.From), c.name(x.To)
	switch x.Kind {
	case chain.Choose, chain.Release, chain.Lease, chain.End:
		to = "decider"
		if len(c.nodes) > 1 {
			to += " " + c.name(x.To)
		}
	case chain.Chosen:
		from = "decider"
	case chain.Refused:
		if c.node(x.To) != nil {
			from = "decider"
		}
	}
	return from + " → " + to
}

// pump carries what is on the wire until nothing is.
func (c *cluster) pump() {
	for n := 0; len(c.wire) > 0; n++ {
		if n > 1<<20 {
			c.t.Fatalf("at %v: messages without end: %v", c.now, c.wire[0].Message)
		}
		x := c.wire[0]
		c.wire = c.wire[:copy(c.wire, c.wire[1:])]
		c.deliver(x)
	}
}

// deliver hands an item to its receiver.
func (c *cluster) deliver(x item) {
	n := c.node(x.To)
	switch {
	case n == nil:
		c.line(c.way(x), x.Message)
		if x.Packet {
			c.ended++
		}
		if c.toTop != nil {
			c.toTop(x.Message)
		}
		return
	case !n.up:
		if !x.again {
			c.line(c.way(x)+" (down)", x.Message)
		}
		c.lost(x)
		return
	}
	n.restand()
	if x.batch != nil {
		n.takeBatch(x)
		return
	}
	if !x.again {
		c.line(c.way(x), x.Message)
	}
	switch x.Kind {
	case chain.Choose:
		answers := n.decider.Step(n.now(), x.Message, nil)
		if c.choose != nil {
			answers = c.choose(x.Message)
		}
		for _, answer := range answers {
			c.send(item{Message: answer})
		}
	case chain.Release, chain.Lease, chain.End:
		n.decider.Step(n.now(), x.Message, nil)
	default:
		n.step(x.Message)
	}
}

// step gives the master a message, and lets the node's Decider know what it says
// about ports, as package natgw does.
func (n *node) step(m chain.Message) {
	if m.Kind == chain.Copy && m.View == n.entered {
		note := m
		note.Kind, note.Packet = chain.Lease, false
		if State(m.State&0x0f) == Resting {
			note.Kind = chain.End
		}
		n.decider.Step(n.now(), note, nil)
	}
	var before map[packet.Tuple]Flow
	if n.c.after != nil {
		before = map[packet.Tuple]Flow{}
		for f := range n.master.Each {
			before[chain.Outside(f.Inside, f.Public, f.PublicPort)] = f
		}
	}
	out := n.master.Step(n.now(), m, nil)
	if n.c.after != nil {
		n.c.after(n, &m, before)
	}
	n.sent(out, &m)
}

func (n *node) takeBatch(x item) {
	c := n.c
	if c.talk && c.trace != nil {
		last := ""
		if x.batch.Last {
			last = ", the round's last"
		}
		c.trace(fmt.Sprintf("%s ⇒ %s: batch %s of %d records%s", c.name(x.From), n.name, batchName(x.batch.Number), len(x.records), last))
	}
	for _, m := range x.records {
		n.step(m)
	}
	if ack, ok := n.master.Heard(n.now(), x.From, x.View, x.batch.Number, x.batch.Last); ok {
		ack.From = n.addr
		c.send(item{Message: ack})
	}
}

// tick lets every node's timers and streams run, and carries what they say.
func (c *cluster) tick() {
	for _, n := range c.nodes {
		if n.up {
			n.tick()
		}
	}
	c.pump()
}

func (n *node) tick() {
	n.decider.Tick(n.now())
	n.restand()
	n.sent(n.master.Tick(n.now(), nil), nil)
	for {
		b, records, ok := n.master.NextBatch(n.now(), nil)
		if !ok {
			return
		}
		n.c.send(item{Message: chain.Message{Kind: chain.Copy, From: n.addr, To: b.To, View: n.entered}, batch: &b, records: records})
	}
}

// advance lets time pass in steps of the wheel.
func (c *cluster) advance(d time.Duration) {
	for end := c.now + d; c.now < end; {
		c.now = min(c.now+granularity, end)
		c.tick()
	}
}

// miss is a packet that found no entry at a Top, and goes to a node.
func (c *cluster) miss(to packet.Addr4, m chain.Message) {
	m.Packet, m.To, m.At = true, to, c.now
	if m.Top == 0 {
		m.Top = topAddr(1)
	}
	m.From = m.Top
	c.packets++
	c.send(item{Message: m})
	c.pump()
}

// owner is the node that owns a slot in the newest view.
func (c *cluster) owner(slot uint32) packet.Addr4 {
	for _, n := range c.nodes {
		if n.up && n.entered == c.view.Ballot {
			return n.master.current.owner(slot)
		}
	}
	return nodeAddr(0)
}

// line traces a message.
func (c *cluster) line(way string, m chain.Message) {
	if c.trace == nil || m.Kind == chain.Ack && !c.talk || m.Kind == chain.Copy && m.Flow == (packet.Tuple{}) {
		return
	}
	c.trace(way + ": " + c.show(m))
}

// batchName is the number of a batch: how often the owner went back, and the count
// since.
func batchName(n uint32) string { return fmt.Sprintf("%d.%d", n>>batchBits, n&batchMask) }

var showLease = regexp.MustCompile(`lease \d+`)
var showView = regexp.MustCompile(`view (\d+)@[0-9.]+`)
var showState = regexp.MustCompile(`state 0x[0-9a-f]+`)

// show is the message as scripts print it: leases by the order in which they were
// given, views by their number, states by name.
func (c *cluster) show(m chain.Message) string {
	if m.Kind == chain.Ack {
		return "ack " + batchName(uint32(m.Lease))
	}
	s := showView.ReplaceAllString(m.String(), "view $1")
	if m.Lease != 0 {
		if c.names[m.Lease] == 0 {
			c.names[m.Lease] = len(c.names) + 1
		}
		s = showLease.ReplaceAllString(s, fmt.Sprintf("lease #%d", c.names[m.Lease]))
	}
	state, fins, _ := unpack(m.State)
	word := state.String() + [...]string{"", ",fin-out", ",fin-in", ",fin-both"}[fins&finBoth]
	return showState.ReplaceAllString(s, "state "+word)
}

// check verifies what holds between any two messages: the tables of each node agree
// with each other, and every record has its timer.
func (c *cluster) check(t fataler) {
	for _, n := range c.nodes {
		if n.up {
			checkTables(t, n.master)
		}
	}
	if c.packets != c.ended+c.underWay() {
		t.Fatalf("at %v: %d packets came, the way of %d ended, %d are under way (I8)", c.now, c.packets, c.ended, c.underWay())
	}
}

func (c *cluster) underWay() (n int) {
	for _, list := range [][]item{c.wire, c.held} {
		for _, x := range list {
			if x.Packet && !x.delivered {
				n++
			}
		}
	}
	return n
}

func checkTables(t fataler, m *Master) {
	records, found, living := 0, 0, map[packet.Tuple]int{}
	for f := range m.Each {
		records++
		if f.State != Resting {
			living[instanceOf(f.Inside)]++
		}
		outside := chain.Outside(f.Inside, f.Public, f.PublicPort)
		o, ok := m.findOutside(outside)
		if !ok || m.records[o].lease != f.Lease {
			t.Fatalf("%v: outside → %d %v", f.Inside, o, ok)
		}
		i, ok := m.findInside(f.Inside)
		if ok && i == o {
			found++
		}
		if !ok && f.State != Resting || ok && i != o && (f.State != Resting || m.records[i].inside != f.Inside) {
			// Both keys lead to one record, so no two flows share either (I1). Only one of
			// a port that rests may give way to another of the same inside tuple.
			t.Fatalf("%v: inside → %d %v, outside → %d", f.Inside, i, ok, o)
		}
		if _, ok := m.timers.Deadline(o); !ok {
			t.Fatalf("%v has no timer", f.Inside)
		}
	}
	if m.tally != nil {
		for instance, n := range living {
			if got := m.tally.of(instance); got != n {
				t.Fatalf("%v has %d flows, and %d are counted", instance, n, got)
			}
		}
		if m.tally.slab.Len() != len(living) || m.tally.byInstance.Len() != len(living) {
			t.Fatalf("%d instances have flows, %d are counted", len(living), m.tally.slab.Len())
		}
	}
	if records != m.Len() || found != m.byInside.Len() || records != m.byOutside.Len() || records != m.timers.Len() {
		t.Fatalf("%d records, %d by inside; slab %d, inside %d, outside %d, timers %d", records, found,
			m.Len(), m.byInside.Len(), m.byOutside.Len(), m.timers.Len())
	}
}

// list renders a node's records.
func (n *node) list() string {
	var b strings.Builder
	for f := range n.master.Each {
		role := "holds"
		if f.Owned {
			role = "owns "
		}
		fmt.Fprintf(&b, "%s %s %v as %v:%d %v", n.name, role, f.Inside, f.Public, f.PublicPort, f.State)
		if f.State == Resting {
			fmt.Fprintf(&b, ", ended %v, until %v\n", f.LastSeen, f.Deadline)
		} else {
			fmt.Fprintf(&b, ", seen %v, until %v\n", f.LastSeen, f.Deadline)
		}
	}
	return b.String()
}
