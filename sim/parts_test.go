package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/packet"
)

// Events come in the order of time, and at one time in the order of scheduling.
func TestEventsInOrder(t *testing.T) {
	d := newDice(1)
	var q events
	var want []event
	for i := range 2000 {
		at := time.Duration(d.below(300))
		q.push(at, evCheck, int32(i), 0)
		want = append(want, event{at: at, who: int32(i)})
	}
	slices.SortStableFunc(want, func(a, b event) int { return int(a.at - b.at) })
	for i := range want {
		if e, ok := q.pop(); !ok || e.at != want[i].at || e.who != want[i].who {
			t.Fatalf("event %d is %v of %d, want %v of %d", i, e.at, e.who, want[i].at, want[i].who)
		}
	}
	if _, ok := q.pop(); ok {
		t.Error("an event too many")
	}
}

// A clock and its inverse agree, at any rate and for long times.
func TestClock(t *testing.T) {
	for _, skew := range []int{0, 200, -50_000, 50_000} {
		c := clock{start: 3 * time.Second, offset: 7 * time.Millisecond, skew: skew}
		for local := 20 * time.Millisecond; local < 1000*time.Hour; local = local*3 + 1 {
			if at := c.when(local); c.at(at) < local || c.at(at)-local > 10+local/1e9 {
				t.Errorf("skew %d: shows %v at %v, want %v", skew, c.at(at), at, local)
			}
		}
		if got, want := c.at(3*time.Second+100*time.Second)-c.offset, 100*time.Second+time.Duration(skew)*100*time.Microsecond; got != want {
			t.Errorf("skew %d: %v pass in 100 s, want %v", skew, got, want)
		}
	}
}

// A link loses, copies and delays as often as it should, and keeps the order
// of what it does not reorder.
func TestLink(t *testing.T) {
	const n = 100_000
	l := link{dice: newDice(7), base: linkShape{min: 100, mean: 1000, loss: 100_000, duplicate: 50_000, bits: 20_000}}
	var lost, copies, corrupt int
	var last, sum time.Duration
	for i := range n {
		now := time.Duration(i) * 100_000
		f := l.send(now)
		if f.lost {
			lost++
			continue
		}
		copies += f.n - 1
		if f.corrupt {
			corrupt++
		}
		if f.at[0] < last || f.at[0] < now+l.base.min {
			t.Fatalf("arrives at %v, sent at %v, the one before at %v", f.at[0], now, last)
		}
		last = f.at[0]
		sum += f.at[0] - now
	}
	near := func(what string, got, want float64) {
		if got < want*0.9 || got > want*1.1 {
			t.Errorf("%s: %v, want about %v", what, got, want)
		}
	}
	kept := float64(n - lost)
	near("lost", float64(lost), n*0.1)
	near("copied", float64(copies), kept*0.05)
	near("corrupt", float64(corrupt), kept*0.02)
	near("delay", float64(sum)/kept, 1000)

	l.cuts++
	if f := l.send(1 << 40); !f.lost {
		t.Error("a cut link carries")
	}
	l.cuts--
	l.clogged = 1 << 41
	if f := l.send(1 << 40); !f.lost && f.at[0] < 1<<41 {
		t.Error("a clogged link carries")
	}
	bursty := link{dice: newDice(7), bursts: 1}
	lost = 0
	for range n {
		if bursty.send(0).lost {
			lost++
		}
	}
	near("lost in bad spells", float64(lost), n*0.9/11)
}

// What is given back to the pool cannot be read any more.
func TestPool(t *testing.T) {
	var p pool
	i := p.copy([]byte("hello"))
	kept := p.bytes(i)
	p.give(i)
	if string(kept) == "hello" || p.used != 0 {
		t.Errorf("still there: %q, %d in use", kept, p.used)
	}
	if j, b := p.take(2000); j != i || len(b) != 2000 {
		t.Errorf("number %d with %d bytes", j, len(b))
	}
}

// glass is a node whose entries and records a test sets.
type glass struct {
	view    uint64
	outside bool // it is no member of the view
	entries []EntryInfo
	flows   []FlowInfo
}

func (g *glass) Status(time.Duration) NodeStatus    { return NodeStatus{View: g.view, Member: !g.outside} }
func (g *glass) Owns(uint32) bool                   { return true }
func (g *glass) Misses() uint64                     { return 0 }
func (g *glass) Entries(yield func(EntryInfo) bool) { slices.Values(g.entries)(yield) }
func (g *glass) Flows(yield func(FlowInfo) bool)    { slices.Values(g.flows)(yield) }

// checkTuples finds two flows on one outside tuple, and only usable ones.
func TestTwoFlowsOnOneTuple(t *testing.T) {
	in := func(port uint16) packet.Tuple { return packet.MakeTuple(vniBase, packet.ProtoTCP, 1, port, 2, 80) }
	out := packet.MakeTuple(0, packet.ProtoTCP, publicBase, 5000, 2, 80)
	for name, c := range map[string]struct {
		a, b glass
		bad  bool
	}{
		"one flow at two Tops": {a: glass{entries: []EntryInfo{{in(1), out, time.Hour}}}, b: glass{entries: []EntryInfo{{in(1), out, time.Hour}}}},
		"two flows":            {a: glass{entries: []EntryInfo{{in(1), out, time.Hour}}}, b: glass{entries: []EntryInfo{{in(2), out, time.Hour}}}, bad: true},
		"one is over":          {a: glass{entries: []EntryInfo{{in(1), out, time.Hour}}}, b: glass{entries: []EntryInfo{{in(2), out, 0}}}},
		"two owners": {
			a: glass{view: 7, flows: []FlowInfo{{in(1), out, 1, false}}},
			b: glass{view: 7, flows: []FlowInfo{{in(2), out, 1, false}}}, bad: true,
		},
		"one is no member": {
			a: glass{view: 7, outside: true, flows: []FlowInfo{{in(1), out, 1, false}}},
			b: glass{view: 7, flows: []FlowInfo{{in(2), out, 1, false}}},
		},
		"an old view": {
			a: glass{view: 6, flows: []FlowInfo{{in(1), out, 1, false}}},
			b: glass{view: 7, flows: []FlowInfo{{in(2), out, 1, false}}},
		},
	} {
		w := newSimulation(NewPlan(Options{Seed: 1, Nodes: 3}))
		w.now = time.Second
		w.procs[0].node, w.procs[1].node = &c.a, &c.b
		w.checkTuples()
		if got := w.failure != nil; got != c.bad {
			t.Errorf("%s: %+v", name, w.failure)
		}
		w.close()
	}
}

// The command of a report runs the same world.
func TestCommand(t *testing.T) {
	o := Options{Seed: 7, Clients: 3, Shorter: 2, Drop: map[int]bool{1: true, 4: true}, Only: map[Kind]bool{Crash: true, Pause: true}}
	if got, want := o.Command(), "hyperplane sim --seed 7 --clients 3 --shorter 2 --drop 1,4 --only crash,pause"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for k := range kinds {
		if got, err := ParseKind(k.String()); got != k || err != nil {
			t.Errorf("%v is %v, %v", k, got, err)
		}
	}
	for i := range counters {
		if strings.TrimSpace(i.String()) == "" {
			t.Errorf("counter %d has no name", i)
		}
	}
}
