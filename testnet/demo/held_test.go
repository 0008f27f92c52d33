package demo

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hyperplane/testnet"
	"hyperplane/testnet/hold"
)

// A wait that goes over the borders of windows is joined again. What may have
// been two connections' counts as one's, if the windows are neighbours.
func TestStall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		waits []Wait
		want  int
	}{
		{"none", nil, 0},
		{"in one window", waits(0, 212, 0, 8), 212},
		{"perhaps over a border", waits(9, 212, 4), 221},
		{"over a border", waits(0, 100, 112, 0), 212},
		{"over whole windows", waits(0, 100, 250, 250, 12, 0), 612},
		{"two apart", waits(100, 0, 112), 112},
	} {
		var s stall
		for _, w := range tt.waits {
			s.add(w)
		}
		if want := time.Duration(tt.want) * time.Millisecond; s.longest != want {
			t.Errorf("%s: %s, want %s", tt.name, s.longest, want)
		}
	}
}

// The figures are since a node went away, and all since the beginning stay.
func TestSince(t *testing.T) {
	s := oneCopy(t)
	if broken, longest, exact := s.sinceThen(); broken != 104 || longest != 212*time.Millisecond || !exact || s.Since.Node != "node-2" {
		t.Errorf("broken %d, longest %s, exact %v, since %+v", broken, longest, exact, s.Since)
	}
	all := s.Held.Held
	now := snapshot(t, s.At+sampleEvery) // node-2 is back
	now.Held = s.Held
	now.Held.Windows = waits(31)
	s = Compute(s, now)
	if s.Since.Node != "node-2" {
		t.Errorf("since %+v", s.Since)
	}
	now = without(t, &s, "node-1")
	now.Held = s.Held
	now.Held.Held, now.Held.Broken, now.Held.Windows = all-7, s.Held.Broken+7, waits(60)
	s = Compute(s, now)
	if broken, longest, exact := s.sinceThen(); broken != 7 || longest != 60*time.Millisecond || exact || s.Since.Node != "node-1" {
		t.Errorf("broken %d, longest %s, exact %v, since %+v", broken, longest, exact, s.Since)
	}
	if text, good := s.connections(100); good || text != "held 189, broken 7, longest stall at most 60.0 ms since node-1 died 0 s ago" {
		t.Errorf("%q", text)
	}
}

// More than one node at a time is beyond what the cell promises; one after the
// other is not, if the cell was whole in between.
func TestBeyond(t *testing.T) {
	if s := killed(t); s.Beyond {
		t.Error("one node is too many")
	}
	if s := cut(t); !s.Beyond {
		t.Error("all nodes at once are not too many")
	}
	s := killed(t)
	if s = Compute(s, without(t, &s, "node-2", "node-1")); s.Beyond {
		t.Error("a second node, when all flows were copied again, is too many")
	}
	s = working(t)
	now := without(t, &s, "node-2")
	for i := range now.Parts {
		now.Parts[i].Traffic.Node.View, now.Parts[i].Traffic.Node.Members = 7, 3 // not yet noticed
	}
	s = Compute(s, now)
	if s = Compute(s, without(t, &s, "node-2", "node-1")); !s.Beyond {
		t.Error("a second node at once is not too many")
	}
}

// What the cell is said to be.
func TestCellWords(t *testing.T) {
	l := Layout{Masters: 3, Copies: 2}
	one := Layout{Masters: 3, Copies: 1}
	whole := Cell{Seen: true, Told: true, View: 7, Members: 3, Full: 3, Serving: true, Running: 3}
	with := func(change func(*Cell)) Cell { c := whole; change(&c); return c }
	for _, tt := range []struct {
		cell      Cell
		layout    Layout
		want      string
		good      bool
		redundant bool
	}{
		{Cell{}, l, "looking", true, false},
		{Cell{Seen: true}, l, "no node tells", false, false},
		{whole, l, "view 7: 3 of 3 nodes, full service", true, true},
		{whole, one, "view 7: 3 of 3 nodes, one copy of each flow", true, true},
		{with(func(c *Cell) { c.Running = 2 }), l, "view 7: 3 of 3 nodes, full service", true, false},
		{with(func(c *Cell) { c.Full = 2 }), l, "view 7: 3 of 3 nodes, 1 still learns its flows", true, true},
		{with(func(c *Cell) { c.Members, c.Full, c.Running = 2, 2, 2 }), l, "view 7: 2 of 3 nodes, every flow on two of them", true, true},
		{with(func(c *Cell) { c.Single = 104 }), l, "view 7: 3 of 3 nodes, 104 flows not yet on a second node", false, false},
		{with(func(c *Cell) { c.Members, c.Degraded = 1, true }), l, "view 7: 1 of 3 nodes, degraded: the next loss may break connections", false, false},
		{with(func(c *Cell) { c.Degraded, c.Serving = true, false }), l, "view 7: 3 of 3 nodes, degraded: no majority", false, false},
	} {
		text, good := tt.cell.words(&tt.layout)
		if text != tt.want || good != tt.good || tt.cell.redundant() != tt.redundant {
			t.Errorf("%+v: %q, good %v, redundant %v", tt.cell, text, good, tt.cell.redundant())
		}
	}
}

// Who speaks for the cell: the newest view that a majority stands behind.
func TestCellOf(t *testing.T) {
	node := func(n NodeFigures) PartState {
		n.Told = true
		return PartState{Role: testnet.RoleNode, State: testnet.StateRunning, Healthy: true, Traffic: Counters{Node: n}}
	}
	got := cellOf([]PartState{
		node(NodeFigures{View: 9, Members: 1, Degraded: true, Single: 5}), // alone
		node(NodeFigures{View: 7, Members: 3, Full: 3, Serving: true}),    // late
		node(NodeFigures{View: 8, Members: 2, Full: 2, Serving: true, Single: 3}),
		node(NodeFigures{View: 8, Members: 2, Full: 2, Serving: true, Single: 4}),
		{Role: testnet.RoleNode, State: testnet.StateDead},
		{Role: testnet.RoleEdge, State: testnet.StateRunning, Healthy: true},
	})
	want := Cell{Seen: true, Told: true, View: 8, Members: 2, Full: 2, Serving: true, Single: 7, Running: 4}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A connection that breaks fails the demo, unless that was asked for.
func TestHeldVerdict(t *testing.T) {
	h := Held{Want: 300, Open: true, Held: 300, Longest: 212 * time.Millisecond}
	broken := h
	broken.Held, broken.Broken, broken.Causes = 196, 104, "reset 104"
	dead := broken
	dead.Silent, dead.Longest = 7, 8800*time.Millisecond
	mixed := h
	mixed.Misdelivered = 1
	for _, tt := range []struct {
		name     string
		held     Held
		copies   int
		beyond   bool
		finished bool
		verdict  string
		summary  string
	}{
		{"all held", h, 2, false, true, "", "connections held 300, broken 0, longest stall 212 ms"},
		{"some broke", broken, 2, false, false, "104 of 300 broke (reset 104)", "held 196, broken 104"},
		{"with one copy", broken, 1, false, true, "", "one copy of each flow: 104 connections died with their node (reset 104)"},
		{"with one copy, soon after", dead, 1, false, true, "", "held 196, broken 104, 7 not answered, longest stall 8.80 s\nthere was one copy of each flow: 111 connections died with their node (reset 104, not answered 7)"},
		{"two nodes at once", broken, 2, true, true, "", "one at a time breaks nothing"},
		{"another's data", mixed, 1, true, false, "1 got data of another", ""},
		{"never opened", Held{Want: 300, Error: "no route"}, 2, false, true, "no route", ""},
		{"slow", Held{Want: 300}, 2, false, true, "not all were answered", ""},
		{"ended early", Held{Want: 300}, 2, false, false, "", ""},
	} {
		s := &Scene{Plan: Layout{Copies: tt.copies}, Beyond: tt.beyond, Snapshot: Snapshot{At: openWaitMax, Held: tt.held}}
		err := Verdict(nil, s, tt.finished)
		if tt.verdict == "" && err != nil || tt.verdict != "" && (err == nil || !strings.Contains(err.Error(), tt.verdict)) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if text := Summary(nil, s, time.Second); !strings.Contains(text, tt.summary) {
			t.Errorf("%s: %s", tt.name, text)
		}
	}
}

// The client of package hold goes on from one run to the next: its figures are
// since the opening, and a wait is told whole.
func TestHolder(t *testing.T) {
	self := netip.MustParseAddr("127.0.0.1")
	server, err := hold.Listen(self)
	if err != nil {
		t.Skipf("not supported here: %v", err)
	}
	serving, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Run(serving) }()
	refusals := 1
	h := &holder{
		options: hold.Options{From: []string{""}, Servers: []netip.Addr{self}, TCP: 20},
		held:    Held{Want: 20},
		reserve: func() error {
			if refusals--; refusals >= 0 {
				return errors.New("not yet")
			}
			return nil
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.run(ctx) }()
	until := func(what string, ready func(Held) bool) (now Held) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !ready(now); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not within 10 s: %s: %+v", what, now)
			}
			now = h.read()
		}
		return now
	}
	until("told why not", func(h Held) bool { return h.Error == "not yet" })
	until("held", func(h Held) bool { return h.Open && h.Held == 20 && h.Error == "" && len(h.Windows) > 0 })
	stop() // the server answers no more, and goes
	if err := <-served; err != nil {
		t.Error(err)
	}
	until("waiting longer than a run", func(h Held) bool { return h.Longest > 2*holdRun && h.Broken == 0 })
	until("told of those without an answer", func(h Held) bool { return h.Silent >= 10 && h.Longest > silentAfter }) // the busy ones at first
	server.Close()
	now := until("broken", func(h Held) bool { return h.Broken == 20 })
	if now.Held != 0 || now.Misdelivered != 0 || now.Causes == "" {
		t.Errorf("%+v", now)
	}
	cancel()
	<-ended
}

// The connections held do not fill the table of flows.
func TestHeldFlowsAreNotListed(t *testing.T) {
	s := working(t)
	if len(s.Lines) != 14 || s.Flowing != 15 {
		t.Errorf("%d lines of %d flows", len(s.Lines), s.Flowing)
	}
	for remote, want := range map[string]bool{"203.0.113.10:80": false, "203.0.113.10:9999": false, "203.0.113.10:10000": true, "203.0.113.10:10255": true, "203.0.113.10:10256": false, "?": false} {
		f := Flow{Protocol: "tcp", Remote: remote}
		if f.held() != want {
			t.Errorf("%s: %v", remote, !want)
		}
	}
}
