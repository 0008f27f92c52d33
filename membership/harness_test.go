package membership

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

const cellID = 7

// failer is a test, a property or a fuzzer.
type failer interface{ Fatalf(string, ...any) }

// cell is machines in memory, with virtual time and a network that does what the
// test wants. Time passes in steps of a millisecond; each machine ticks every
// 20 ms, at its own phase.
type cell struct {
	t     failer
	now   time.Duration
	boxes []*box
	lives uint64
	rng   *rand.Rand

	cut    map[[2]int]bool // from, to
	loss   int             // percent
	bad    map[int]int     // … of all that one sends and hears
	delay  time.Duration   // one way
	jitter time.Duration   // more, at random; hellos overtake each other
	flight []datagram
	hellos int

	history
}

type datagram struct {
	at       time.Duration
	from, to int
	payload  []byte
}

// box is a machine and what its node would do with it.
type box struct {
	i         int
	addr      packet.Addr4
	m         *Machine // nil: it does not run
	nodes     []Node
	pausedTo  time.Duration
	backlog   []datagram
	learnsFor time.Duration // how long it takes to hold all it should in a new view
	holdsBack bool          // it never holds all
	seats     uint16        // on whose ports it has records
	entered   uint64
	known     [2]uint64 // ballots of this view and the one before, as the Flow Master keeps
	enteredAt time.Duration
	lapsed    bool
	views     int // accepted in this life
	promised  uint64
	accepted  uint64
}

func address(i int) packet.Addr4 { return 0xac1f000b + packet.Addr4(i) }

// newCell starts n flow masters at once.
func newCell(t failer, n int) *cell {
	c := quietCell(t, n)
	for i := range c.boxes {
		c.start(i)
	}
	return c
}

// quietCell is one whose machines do not run yet.
func quietCell(t failer, n int) *cell {
	c := &cell{t: t, cut: map[[2]int]bool{}, delay: 300 * time.Microsecond, rng: rand.New(rand.NewPCG(1, 2)), history: newHistory()}
	for i := range n {
		c.boxes = append(c.boxes, &box{i: i, addr: address(i)})
	}
	c.name(votersUpTo(n))
	return c
}

// votersUpTo names the first n flow masters.
func votersUpTo(n int) (nodes []Node) {
	for i := range n {
		nodes = append(nodes, Node{Addr: address(i), Votes: true})
	}
	return nodes
}

// name makes nodes the state of all machines.
func (c *cell) name(nodes []Node) {
	for _, b := range c.boxes {
		b.nodes = nodes
		if b.m != nil {
			b.m.Apply(c.now, cellID, nodes)
			c.after(b)
		}
	}
}

// start starts a machine, or starts it again.
func (c *cell) start(i int) {
	b := c.boxes[i]
	c.lives++
	*b = box{i: i, addr: b.addr, nodes: b.nodes, learnsFor: b.learnsFor, holdsBack: b.holdsBack}
	b.m = New(c.now, b.addr, c.lives)
	b.m.Apply(c.now, cellID, b.nodes)
	c.after(b)
}

func (c *cell) kill(ids ...int) {
	for _, i := range ids {
		c.boxes[i].m = nil
	}
}

func (c *cell) pause(i int, d time.Duration) { c.boxes[i].pausedTo = c.now + d }

// split cuts all links between two sides.
func (c *cell) split(a, b []int) {
	for _, i := range a {
		for _, j := range b {
			c.cut[[2]int{i, j}], c.cut[[2]int{j, i}] = true, true
		}
	}
}

func (c *cell) heal() { clear(c.cut) }

// lossy makes one node lose a part, in percent, of all that it sends and hears.
func lossy(c *cell, i, percent int, seed uint64) {
	c.bad, c.rng = map[int]int{i: percent}, rand.New(rand.NewPCG(seed, 0))
}

// runs reports whether a machine runs and is not paused.
func (c *cell) runs(b *box) bool { return b.m != nil && c.now >= b.pausedTo }

// run lets d pass.
func (c *cell) run(d time.Duration) {
	for end := c.now + d; c.now < end; {
		c.now += time.Millisecond
		c.deliver()
		for _, b := range c.boxes {
			if c.runs(b) && (c.now/time.Millisecond+time.Duration(b.i*7))%20 == 0 {
				b.m.Tick(c.now)
				c.after(b)
			}
		}
	}
}

// until lets time pass until the condition holds, at most d, and returns how long
// it took.
func (c *cell) until(what string, d time.Duration, ok func() bool) time.Duration {
	begun := c.now
	for !ok() {
		if c.now-begun >= d {
			c.t.Fatalf("not within %v: %s\n%s", d, what, c)
		}
		c.run(time.Millisecond)
	}
	return c.now - begun
}

// deliver hands over what has arrived. A paused machine's arrivals wait for it, as
// in a socket.
func (c *cell) deliver() {
	for {
		k := slices.IndexFunc(c.flight, func(d datagram) bool { return d.at <= c.now })
		if k < 0 {
			break
		}
		d := c.flight[k]
		c.flight = slices.Delete(c.flight, k, k+1)
		b := c.boxes[d.to]
		switch {
		case b.m == nil:
		case !c.runs(b):
			b.backlog = append(b.backlog, d)
		default:
			c.hear(b, d)
		}
	}
	for _, b := range c.boxes {
		for c.runs(b) && len(b.backlog) > 0 {
			d := b.backlog[0]
			b.backlog = b.backlog[1:]
			c.hear(b, d)
		}
	}
}

func (c *cell) hear(b *box, d datagram) {
	if r := b.m.Hear(c.now, c.boxes[d.from].addr, d.payload); r != drop.None && r != drop.UnknownPeer {
		c.t.Fatalf("%v refused the hello of %d: %v", b.addr, d.from, r)
	}
	c.after(b)
}

// after does what a node does after each call: it follows the view, claims, and
// sends the hello. Then what must always be true is checked.
func (c *cell) after(b *box) {
	for {
		if v := b.m.View(); v.Ballot != b.entered {
			b.lapsed = v.Prev != 0 && v.Prev != b.known[0] && v.Prev != b.known[1] && b.isIn(v)
			b.known[0], b.known[1] = v.Ballot, b.known[0]
			b.entered, b.enteredAt = v.Ballot, c.now
			b.views++
		}
		c.check(b)
		b.m.Claim(c.now, Claims{Complete: b.entered != 0 && !b.holdsBack && c.now >= b.enteredAt+b.learnsFor, Lapsed: b.lapsed, Seats: b.seats})
		if b.m.View().Ballot == b.entered {
			break
		}
	}
	c.check(b)
	hello := b.m.Hello(c.now)
	if hello == nil {
		return
	}
	for _, o := range c.boxes {
		if o == b || c.cut[[2]int{b.i, o.i}] || c.rng.IntN(100) < max(c.loss, c.bad[b.i], c.bad[o.i]) {
			continue
		}
		at := c.now + c.delay
		if c.jitter > 0 {
			at += time.Duration(c.rng.Int64N(int64(c.jitter)))
		}
		c.hellos++
		c.flight = append(c.flight, datagram{at, b.i, o.i, slices.Clone(hello)})
	}
}

// isIn reports whether this very life of the machine is in the view.
func (b *box) isIn(v *View) bool {
	x := v.Find(b.addr)
	return x != nil && x.Status != Absent && x.Incarnation == b.m.incarnation
}

// agreed is the view that all machines ids are in, by their present lives, and
// serve; nil if there is none.
func (c *cell) agreed(ids ...int) *View {
	var v *View
	for _, i := range ids {
		b := c.boxes[i]
		if b.m == nil || !b.m.Active() || !b.m.Serving(c.now) || v != nil && *v != *b.m.View() {
			return nil
		}
		v = b.m.View()
		if x := v.Find(b.addr); x != nil && x.Status != Absent && x.Incarnation != b.m.incarnation {
			return nil
		}
	}
	return v
}

// statuses reports whether the machines ids agree on a certain view with these
// statuses of all boxes, one letter each: Full, Learner, - absent, Going.
func (c *cell) statuses(want string, ids ...int) bool {
	v := c.agreed(ids...)
	return v != nil && letters(v) == want
}

func letters(v *View) string {
	var s strings.Builder
	for _, m := range v.Members[:v.N] {
		s.WriteByte("-LFG"[m.Status])
	}
	if v.Uncertain {
		s.WriteByte('?')
	}
	return s.String()
}

// full reports whether all that run are full in one active view.
func (c *cell) full() bool {
	var ids []int
	want := make([]byte, len(c.boxes[0].nodes))
	for i := range want {
		want[i] = '-'
		if c.boxes[i].m != nil {
			want[i], ids = 'F', append(ids, i)
		}
	}
	return c.statuses(string(want), ids...)
}

func all(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i)
	}
	return ids
}

// formed lets a cell form.
func formed(t failer, n int) *cell {
	c := newCell(t, n)
	c.until("all full", 300*time.Millisecond, c.full)
	c.run(2 * time.Second)
	return c
}

// String shows every machine.
func (c *cell) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "at %v:", c.now)
	for _, b := range c.boxes {
		if b.m == nil {
			fmt.Fprintf(&s, "\n  %d down", b.i)
			continue
		}
		m := b.m
		fmt.Fprintf(&s, "\n  %d %x<%x %s active %v promised %x own %x fresh %v amnesiac %v complete %v lapsed %v serving %v alone %v up",
			b.i, m.view.Ballot, m.view.Prev, letters(&m.view), m.active, m.promised, m.proposal.ballot, m.fresh, m.amnesiac, m.complete, m.lapsed, m.Serving(c.now), m.Alone(c.now))
		for i := range m.peers {
			if m.peers[i].up {
				fmt.Fprintf(&s, " %d", m.peers[i].Addr-address(0))
			}
		}
	}
	return s.String()
}
