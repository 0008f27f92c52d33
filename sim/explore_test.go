package sim

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/flowtrack"
	"hyperplane/packet"
	"hyperplane/wire"
)

var exploreFor = flag.Duration("explore", 4*time.Second, "how long TestExplore looks at each of its scenarios")

// The explorer tries every order of events in a small cell: two flows that contend
// for one port, three nodes with all that they say to each other, and up to three
// faults. Seeds show what happens over a minute in cells of any shape; this shows all
// that can happen within some steps of where something is about to happen.
//
// It goes deeper and deeper: first all ways of one step, then of two, and so on, until
// its time is over or nothing is left to try. The depth that it says is the last one of
// which it took all ways. A way is left where it comes to a state, and a time, that was
// there before with as many steps ahead.
//
// What it does not try: more than a few packets, other clocks than of one rate, another
// Decider than the worst, two states of the cell, and, where a scenario says so, that
// what is not its subject comes late.

// scopeEvent is what may happen next.
type scopeEvent struct {
	kind scopeKind
	a, b int
}

type scopeKind uint8

const (
	deliver  scopeKind = iota // letter a
	lose                      // letter a is lost
	double                    // letter a is heard, and comes again
	send                      // instance a sends a packet, by the Top of node b
	reply                     // the internet answers flow a, by the Top of node b
	crash                     // node a, with all that it knows
	restart                   // node a, knowing nothing
	cutLink                   // between a and b
	healLink                  //
	pass                      // a beat passes for all
	jump                      // jumps[a] passes; what is said meanwhile is heard at once
	wait                      // waits[a] passes; what may be late is
)

var scopeKindNames = [...]string{"deliver", "lose", "double", "send", "reply", "crash", "restart", "cut", "heal", "beat", "jump", "wait"}

func (w *scope) describeEvent(e scopeEvent) string {
	s := fmt.Sprintf("%-9v %s", w.now, scopeKindNames[e.kind])
	switch e.kind {
	case deliver, lose, double:
		return s + " " + w.describe(&w.letters[e.a])
	case jump:
		return s + " " + w.jumps[e.a].String()
	case wait:
		return s + " " + w.waits[e.a].String()
	case send, reply:
		return s + fmt.Sprintf(" flow %d by node %d", e.a, e.b)
	case crash, restart:
		return s + fmt.Sprintf(" node %d", e.a)
	case cutLink, healLink:
		return s + fmt.Sprintf(" %d-%d", e.a, e.b)
	}
	return s
}

// events lists what can happen next.
func (w *scope) events() (list []scopeEvent) {
	add := func(k scopeKind, a, b int) { list = append(list, scopeEvent{k, a, b}) }
	l := &w.left
	fault := l.faults > 0
	var seen []uint64
	for k := range w.letters {
		if slices.Contains(seen, w.letters[k].sum) {
			continue // the same again
		}
		seen = append(seen, w.letters[k].sum)
		add(deliver, k, 0)
		if fault && l.losses && w.letters[k].class != lateHellos {
			add(lose, k, 0)
		}
		if fault && l.copies && w.letters[k].class != lateHellos {
			add(double, k, 0)
		}
	}
	for i := range scopeNodes {
		if w.nodes[i] == nil {
			if l.restarts > 0 {
				add(restart, i, 0)
			}
			continue
		}
		for f := range scopeFlows {
			if !slices.Contains(w.tops, i) {
				break
			}
			if l.packets > 0 {
				add(send, f, i)
			}
			if l.replies > 0 && w.answerable(f) != nil {
				add(reply, f, i)
			}
		}
		if fault && l.crashes {
			add(crash, i, 0)
		}
	}
	for i := range scopeNodes {
		for j := range i {
			switch {
			case w.cut[i][j] && l.heals > 0:
				add(healLink, i, j)
			case !w.cut[i][j] && fault && l.cuts:
				add(cutLink, i, j)
			}
		}
	}
	if l.beats > 0 {
		add(pass, 0, 0)
	}
	for k := range w.jumps {
		if l.jumps > 0 {
			add(jump, k, 0)
		}
	}
	for k := range w.waits {
		if l.jumps > 0 {
			add(wait, k, 0)
		}
	}
	return list
}

// answerable is the newest decision about a flow that has been exposed.
func (w *scope) answerable(f int) (newest *fact) {
	for i := range w.facts {
		if x := &w.facts[i]; x.exposed && x.inside == w.inside[f] && (newest == nil || x.lease > newest.lease) {
			newest = x
		}
	}
	return newest
}

// do lets an event happen.
func (w *scope) do(e scopeEvent) {
	l := &w.left
	switch e.kind {
	case deliver, lose, double:
		x := w.letters[e.a].open()
		if e.kind != double {
			w.letters = slices.Delete(w.letters, e.a, e.a+1)
		}
		if e.kind != deliver {
			l.faults--
		}
		if e.kind != lose {
			w.hand(x)
		}
	case send:
		l.packets--
		w.step(e.b, &wire.Packet{
			Packet: packet.Packet{Data: clone(w.packets[e.a])},
			Tunnel: packet.Tunnel{VNI: vniBase, Service: 1, Hops: 8}, Peer: w.state.Hosts[0].Addr,
		})
	case reply:
		l.replies--
		w.step(e.b, &wire.Packet{
			Packet: packet.Packet{Data: udpBack(w.answerable(e.a).outside)},
			Tunnel: packet.Tunnel{Service: 1, Hops: 8}, Peer: w.state.Edges[0].Addr,
		})
	case crash:
		l.faults--
		w.lost = w.lost || w.loses(e.a)
		w.nodes[e.a], w.fresh[e.a] = nil, false
	case restart:
		l.restarts--
		w.start(e.a)
	case cutLink, healLink:
		w.cut[e.a][e.b] = e.kind == cutLink
		w.cut[e.b][e.a] = e.kind == cutLink
		if e.kind == healLink {
			l.heals--
			break
		}
		l.faults--
		w.letters = slices.DeleteFunc(w.letters, func(x letter) bool {
			return x.class == lateHellos && (x.from == e.a && x.to == e.b || x.from == e.b && x.to == e.a)
		})
	case pass:
		l.beats--
		w.tick()
	case jump:
		l.jumps--
		w.calmly(w.jumps[e.a])
	case wait:
		l.jumps--
		for d := w.waits[e.a]; d > 0; d -= beat {
			w.tick()
		}
	}
}

// found is what an exploration came to.
type found struct {
	states  int  // different ones from which each next step was taken
	steps   int  // that were taken and checked, those of the shorter ways included
	depth   int  // of which all ways were taken
	all     bool // and there are no longer ones
	failure string
	reached map[string]int // rare things, by the steps that came to them
	took    time.Duration
}

func (f found) String() string {
	s := fmt.Sprintf("%d states, %d steps, all ways of %d steps", f.states, f.steps, f.depth)
	if f.all {
		s += " (there are no longer ones)"
	}
	return s + fmt.Sprintf(", %v; steps that came to %v", f.took.Round(time.Millisecond), f.reached)
}

type search struct {
	until   time.Time
	seen    map[uint64]int8
	way     []string
	steps   int
	cutOff  bool // somewhere the depth was over before the events
	over    bool
	failure string
}

// explore looks at all that can follow from w, deeper and deeper.
func explore(w *scope, limit time.Duration, depthMax int) (f found) {
	began := time.Now()
	f.reached = w.reached
	for depth := 1; depth <= depthMax; depth++ {
		s := &search{until: began.Add(limit), seen: make(map[uint64]int8, 2*f.states)}
		s.visit(w, depth)
		f.states, f.steps, f.took = max(f.states, len(s.seen)), f.steps+s.steps, time.Since(began)
		if s.failure != "" {
			f.depth, f.failure = depth, s.failure
			return f
		}
		if s.over {
			return f
		}
		f.depth, f.all = depth, !s.cutOff
		if f.all {
			return f
		}
	}
	return f
}

func (s *search) visit(w *scope, depth int) {
	events := w.events()
	if depth == 0 {
		s.cutOff = s.cutOff || len(events) > 0
		return
	}
	sum := w.sum()
	if int(s.seen[sum]) >= depth {
		return
	}
	s.seen[sum] = int8(depth)
	for _, e := range events {
		if s.over = s.over || s.steps%64 == 0 && time.Now().After(s.until); s.over || s.failure != "" {
			return
		}
		s.steps++
		next := w.clone()
		s.way = append(s.way, w.describeEvent(e))
		next.do(e)
		if next.failure != "" {
			s.failure = next.failure + "\nafter\n  " + strings.Join(s.way, "\n  ")
			return
		}
		next.note()
		s.visit(next, depth-1)
		next.leave()
		s.way = s.way[:len(s.way)-1]
	}
}

// scenario is where an exploration begins, and what it may try.
type scenario struct {
	before func(w *scope)
	late   uint8
	jumps  []time.Duration
	waits  []time.Duration
	left   budget
}

// begin is the scenario's first state.
func (s scenario) begin(d flowtrack.Defect) *scope {
	w := newScope(d)
	w.calm = true
	if s.before != nil {
		s.before(w)
	}
	w.calm = false
	w.late, w.jumps, w.waits, w.left = s.late, s.jumps, s.waits, s.left
	return w
}

func (w *scope) all(events ...scopeEvent) {
	for _, e := range events {
		w.do(e)
	}
}

const (
	detect = 120 * time.Millisecond // until a dead node is noticed, and a view without it agreed on
	idle   = 2 * time.Second        // until a flow without packets is about to end
)

// scenarios begin where something is about to happen. What a scenario does not let be
// late comes at once.
var scenarios = map[string]scenario{
	"two flows begin": {
		late: lateChain,
		left: budget{faults: 1, packets: 2, losses: true, copies: true},
	},
	"two flows begin, with two faults": {
		late: lateChain,
		left: budget{faults: 2, packets: 3, losses: true, copies: true},
	},
	"a node dies while flows begin": {
		late: lateChain | lateStreams, waits: []time.Duration{detect},
		left: budget{faults: 1, packets: 2, jumps: 1, crashes: true},
	},
	"a node dies and comes back": {
		late: lateChain | lateMessages, jumps: []time.Duration{400 * time.Millisecond}, waits: []time.Duration{detect},
		left: budget{faults: 2, packets: 2, jumps: 2, restarts: 1, crashes: true, losses: true},
	},
	"a flow ends and its port is wanted": {
		before: func(w *scope) { w.all(scopeEvent{send, 0, w.tops[1]}, scopeEvent{send, 0, w.tops[0]}) },
		late:   lateMessages, jumps: []time.Duration{idle}, waits: []time.Duration{detect},
		left: budget{faults: 2, packets: 2, jumps: 3, losses: true, crashes: true},
	},
	"a port has rested": {
		before: func(w *scope) {
			w.all(scopeEvent{send, 0, w.tops[1]}, scopeEvent{send, 0, w.tops[0]})
			w.calmly(17 * time.Second)
		},
		late: lateChain | lateMessages, jumps: []time.Duration{time.Second},
		left: budget{faults: 1, packets: 2, jumps: 2, losses: true, crashes: true},
	},
	"a link is cut": {
		before: func(w *scope) { w.all(scopeEvent{send, 0, w.tops[0]}) },
		late:   lateChain, jumps: []time.Duration{detect, idle},
		left: budget{faults: 2, packets: 2, replies: 1, jumps: 2, heals: 1, cuts: true},
	},
	"a node is taken in again": {
		before: func(w *scope) {
			w.all(scopeEvent{send, 0, w.tops[0]}, scopeEvent{crash, w.tops[1], 0})
			w.calmly(400 * time.Millisecond)
			w.all(scopeEvent{restart, w.tops[1], 0})
			w.calmly(200 * time.Millisecond)
		},
		late: lateChain | lateStreams, jumps: []time.Duration{60 * time.Millisecond, detect},
		left: budget{faults: 1, packets: 2, beats: 2, jumps: 2, crashes: true, losses: true},
	},
	"views change hello by hello": {
		before: func(w *scope) {
			w.all(scopeEvent{send, 0, w.tops[0]}, scopeEvent{crash, w.tops[1], 0})
			w.calmly(80 * time.Millisecond)
		},
		late: lateChain | lateHellos,
		left: budget{faults: 1, packets: 2, beats: 4, losses: true, cuts: true},
	},
	"anything": {
		late: lateChain | lateMessages | lateStreams | lateHellos, jumps: []time.Duration{detect, idle},
		left: budget{faults: 3, packets: 3, replies: 1, beats: 3, jumps: 2, restarts: 1, heals: 1, crashes: true, cuts: true, losses: true, copies: true},
	},
}

func TestExplore(t *testing.T) {
	limit := *exploreFor
	if testing.Short() {
		limit /= 4
	}
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := explore(scenarios[name].begin(0), limit, 60)
			t.Log(f)
			if f.failure != "" {
				t.Error(f.failure)
			}
		})
	}
}

// Each of the mistakes that can be built in is found.
func TestExplorerFindsDefects(t *testing.T) {
	for defect, name := range map[flowtrack.Defect]string{
		flowtrack.SkipSecondCopy:  "two flows begin",
		flowtrack.IgnoreEpoch:     "a node dies while flows begin",
		flowtrack.ReusePortAtOnce: "a flow ends and its port is wanted",
	} {
		t.Run(sabotages[defect-1], func(t *testing.T) {
			t.Parallel()
			f := explore(scenarios[name].begin(defect), time.Minute, 60)
			if f.failure == "" {
				t.Fatalf("not found: %v", f)
			}
			t.Logf("%v\n%s", f, f.failure)
		})
	}
}
