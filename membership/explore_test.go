package membership

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/telemetry/drop"
)

// The explorer tries every order of a few kinds of events, from a cell of three in
// its first view, up to a depth. What a hundred random seconds do not meet (two
// proposers, a restart between a promise and its use, a hello that comes late) it
// meets in each combination.

// event is what may happen next.
type event struct {
	kind eventKind
	a, b int
}

type eventKind int

const (
	eventDeliver eventKind = iota // the oldest hello from a to b
	eventLose                     // it is lost
	eventTime                     // pass time passes: a hello is due, or peers are suspected
	eventRestart                  // a is started again
	eventCut                      // the link from a to b fails, both ways
)

func (e event) String() string {
	switch e.kind {
	case eventDeliver:
		return fmt.Sprintf("%d>%d", e.a, e.b)
	case eventLose:
		return fmt.Sprintf("lose %d>%d", e.a, e.b)
	case eventTime:
		return fmt.Sprintf("+%v", passes[e.a])
	case eventRestart:
		return fmt.Sprintf("restart %d", e.a)
	}
	return fmt.Sprintf("cut %d-%d", e.a, e.b)
}

// passes are the steps of time: what a proposer waits for its turn, and what makes
// peers suspect, or an earlier life forgotten.
var passes = [2]time.Duration{turnAfter, suspectAfter}

// world is a state of the cell. It is copied for every event.
type world struct {
	now      time.Duration
	machines [3]*Machine
	mail     [3][3][]byte // what is on its way, by sender and receiver: the newest says all
	cut      [3][3]bool
	lives    uint64
	made     []View // every view, in the order of being made
	active   []uint64
	budget   [5]int // of each kind of event, what is left
}

func (w *world) clone() *world {
	c := *w
	c.made, c.active = slices.Clone(w.made), slices.Clone(w.active)
	return &c
}

// own gives the world a copy of a machine that it may change.
func (w *world) own(i int) *Machine {
	w.machines[i] = clone(w.machines[i])
	return w.machines[i]
}

// firstWorld is a cell whose first view has been active for a while, with nothing
// on its way.
func firstWorld(t failer) *world {
	c := formed(t, 3)
	w := &world{now: c.now, lives: 1000}
	for i, b := range c.boxes {
		w.machines[i] = b.m
	}
	w.made, w.active = []View{*w.machines[0].View()}, []uint64{w.machines[0].View().Ballot}
	return w
}

// pace lets beats of 20 ms pass in which every hello arrives.
func (w *world) pace(beats int) error {
	for range beats {
		w.now += helloPeriod
		for i := range 3 {
			w.own(i).Tick(w.now)
			if err := w.after(i); err != nil {
				return err
			}
		}
		if err := w.deliverAll(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) deliverAll() error {
	for k := 0; k < 9; k++ {
		if i, j := k/3, k%3; len(w.mail[i][j]) > 0 {
			w.budget[eventDeliver]++
			if err := w.do(event{eventDeliver, i, j}); err != nil {
				return err
			}
			k = -1
		}
	}
	return nil
}

// events lists what can happen next.
func (w *world) events() (list []event) {
	add := func(kind eventKind, a, b int) {
		if w.budget[kind] > 0 {
			list = append(list, event{kind, a, b})
		}
	}
	for i := range 3 {
		for j := range 3 {
			if len(w.mail[i][j]) > 0 {
				add(eventDeliver, i, j)
				add(eventLose, i, j)
			}
			if i < j && !w.cut[i][j] {
				add(eventCut, i, j)
			}
		}
		add(eventRestart, i, 0)
	}
	for i := range passes {
		add(eventTime, i, 0)
	}
	return list
}

// do makes an event happen; an error is a violation.
func (w *world) do(e event) error {
	w.budget[e.kind]--
	switch e.kind {
	case eventDeliver, eventLose:
		payload := w.mail[e.a][e.b]
		w.mail[e.a][e.b] = nil
		if e.kind == eventLose {
			return nil
		}
		if r := w.own(e.b).Hear(w.now, address(e.a), payload); r != drop.None {
			return fmt.Errorf("refused: %v", r)
		}
		return w.after(e.b)
	case eventTime:
		w.now += passes[e.a]
		for i := range 3 {
			w.own(i).Tick(w.now)
			if err := w.after(i); err != nil {
				return err
			}
		}
	case eventRestart:
		w.lives++
		m := New(w.now, address(e.a), w.lives)
		m.Apply(w.now, cellID, votersUpTo(3))
		w.machines[e.a] = m
		return w.after(e.a)
	case eventCut:
		w.cut[e.a][e.b], w.cut[e.b][e.a] = true, true
		w.mail[e.a][e.b], w.mail[e.b][e.a] = nil, nil
	}
	return nil
}

// after claims, sends and checks.
func (w *world) after(i int) error {
	m := w.machines[i]
	if err := w.check(m); err != nil {
		return err
	}
	m.Claim(w.now, Claims{Complete: m.View().Ballot != 0})
	if err := w.check(m); err != nil {
		return err
	}
	hello := m.Hello(w.now)
	if hello == nil {
		return nil
	}
	hello = slices.Clone(hello)
	for j := range 3 {
		if j == i || w.cut[i][j] {
			continue
		}
		w.mail[i][j] = hello
	}
	return nil
}

// check is that of the history, for one way of many.
func (w *world) check(m *Machine) error {
	v := &m.view
	if v.Ballot > m.promised {
		return fmt.Errorf("%v accepted %x above its promise %x", m.self, v.Ballot, m.promised)
	}
	if v.Ballot == 0 {
		return nil
	}
	if k := w.find(v.Ballot); k < 0 {
		w.made = append(w.made, *v)
	} else if w.made[k] != *v {
		return fmt.Errorf("ballot %x has two views", v.Ballot)
	}
	if !m.active || slices.Contains(w.active, v.Ballot) {
		return nil
	}
	for _, other := range w.active {
		if !w.related(max(other, v.Ballot), min(other, v.Ballot)) {
			return fmt.Errorf("%x and %x were active, and neither was made from the other", other, v.Ballot)
		}
	}
	w.active = append(w.active, v.Ballot)
	return nil
}

func (w *world) find(ballot uint64) int {
	return slices.IndexFunc(w.made, func(v View) bool { return v.Ballot == ballot })
}

// related reports whether view v was made from the older view old, or from an
// uncertain one that was made later than that.
func (w *world) related(v, old uint64) bool {
	o := w.find(old)
	if w.made[o].Uncertain || w.made[w.find(v)].Uncertain {
		return true
	}
	for at := w.find(v); at >= 0; at = w.find(w.made[at].Prev) {
		if at == o || w.made[at].Uncertain && at > o {
			return true
		}
	}
	return false
}

func (w *world) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(mapSeed)
	for i := range 3 {
		maphash.WriteComparable(&h, fingerprint(w.machines[i], w.now))
		for j := range 3 {
			if b := w.mail[i][j]; b != nil {
				maphash.WriteComparable(&h, i*3+j)
				h.Write(b)
			}
		}
	}
	maphash.WriteComparable(&h, w.cut)
	maphash.WriteComparable(&h, w.budget)
	for i := range w.made {
		maphash.WriteComparable(&h, w.made[i].Ballot)
	}
	for _, b := range w.active {
		maphash.WriteComparable(&h, b)
	}
	return h.Sum64()
}

// explorer goes through all worlds depth first; a world that was seen with as much
// depth left is not entered again. It keeps no worlds but those on its way.
type explorer struct {
	seen  map[uint64]int8
	way   []event
	steps int
	views int
}

func (x *explorer) explore(t *testing.T, w *world, depth int) {
	if depth == 0 {
		return
	}
	h := w.hash()
	if int(x.seen[h]) >= depth {
		return
	}
	x.seen[h] = int8(depth)
	for _, e := range w.events() {
		next := w.clone()
		x.way = append(x.way, e)
		x.steps++
		if err := next.do(e); err != nil {
			var way []string
			for _, e := range x.way {
				way = append(way, e.String())
			}
			t.Fatalf("%v\nafter %s", err, strings.Join(way, ", "))
		}
		x.views = max(x.views, len(next.made))
		x.explore(t, next, depth-1)
		x.way = x.way[:len(x.way)-1]
	}
}

// Each exploration begins where something is about to happen.
func TestExplore(t *testing.T) {
	for _, x := range []struct {
		name   string
		before []event
		beats  int    // after those, until the exploration begins
		budget [5]int // hellos delivered, lost, times, restarts, cuts
		depth  int
	}{
		{"a link fails between two proposers", []event{{eventCut, 0, 2}}, 4, [5]int{20, 0, 3, 0, 0}, 15},
		{"a node is cut off, others restart", []event{{eventCut, 0, 2}, {eventCut, 1, 2}}, 4, [5]int{20, 0, 4, 1, 0}, 13},
		{"a node is about to be taken in", []event{{eventRestart, 1, 0}}, 10, [5]int{20, 0, 3, 0, 0}, 10},
		{"a node was started again", []event{{eventRestart, 1, 0}}, 9, [5]int{9, 0, 3, 1, 1}, 7},
		{"two were started again", []event{{eventRestart, 0, 0}, {eventRestart, 1, 0}}, 9, [5]int{9, 0, 3, 1, 1}, 7},
		{"anything", nil, 0, [5]int{9, 2, 4, 2, 1}, 6},
	} {
		t.Run(x.name, func(t *testing.T) {
			w := firstWorld(t)
			for _, e := range x.before {
				if err := w.do(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.pace(x.beats); err != nil {
				t.Fatal(err)
			}
			w.budget = x.budget
			e := explorer{seen: map[uint64]int8{}}
			begun := time.Now()
			e.explore(t, w, x.depth)
			t.Logf("depth %d: %d worlds, %d steps, %d views at most, %v", x.depth, len(e.seen), e.steps, e.views, time.Since(begun))
		})
	}
}
