package membership

import (
	"slices"
	"testing"
	"time"
)

// says lets box i hear a hello of box j that was altered.
func (c *cell) says(i, j int, alter func(*hello)) {
	m := c.boxes[j].m
	var h hello
	m.changed = true // whatever the time
	h.decode(slices.Clone(m.Hello(c.now)), cellID)
	h.now = m.clock(c.now) + 1
	alter(&h)
	var b [HelloMax]byte
	c.boxes[i].m.Hear(c.now, address(j), b[:h.encode(b[:])])
}

// A view below what was promised to another is not accepted, whatever the node promises
// to itself afterwards; one at the promise is.
func TestPromiseBinds(t *testing.T) {
	for _, proposes := range []bool{false, true} {
		c := formed(t, 3)
		m := c.boxes[1].m
		before := m.view.Ballot
		promise := uint64(9)<<32 | uint64(address(2))
		c.says(1, 2, func(h *hello) { h.promised = promise })
		if m.promised != promise {
			t.Fatalf("promised %x, want %x", m.promised, promise)
		}
		if proposes {
			m.promised = uint64(10)<<32 | uint64(address(1))
			m.proposal.ballot = m.promised
		}
		for _, offer := range []struct{ ballot, want uint64 }{{promise - 1, before}, {promise, promise}} {
			c.says(1, 0, func(h *hello) { h.view.Ballot, h.view.Prev, h.promised = offer.ballot, before, offer.ballot })
			if m.view.Ballot != offer.want {
				t.Errorf("proposes %v, offered %x: accepted %x, want %x", proposes, offer.ballot, m.view.Ballot, offer.want)
			}
		}
	}
}

// Who was bound not to accept a view, and enters the one that was made from it, knows
// what it has missed, if it has heard of it.
func TestMissedView(t *testing.T) {
	for _, c := range []struct {
		name        string
		heard, prev uint64 // counters of the ballots: heard of, and what the next is made from
		missed      uint64
	}{
		{"heard of", 8, 8, 8},
		{"not heard of", 0, 8, 0},
		{"another", 7, 8, 0},
		{"made from the one before", 8, 0, 0},
	} {
		f := formed(t, 3)
		m := f.boxes[1].m
		before := m.view.Ballot
		ballot := func(counter uint64) uint64 {
			if counter == 0 {
				return before
			}
			return counter<<32 | uint64(address(0))
		}
		promise := uint64(9)<<32 | uint64(address(2))
		f.says(1, 2, func(h *hello) { h.promised = promise })
		if c.heard != 0 {
			f.says(1, 0, func(h *hello) { h.view.Ballot, h.view.Prev, h.promised = ballot(c.heard), before, ballot(c.heard) })
		}
		f.says(1, 2, func(h *hello) { h.view.Ballot, h.view.Prev, h.promised = promise, ballot(c.prev), promise })
		if m.view.Ballot != promise {
			t.Fatalf("%s: in %x, want %x", c.name, m.view.Ballot, promise)
		}
		want := ballot(c.missed)
		if c.missed == 0 {
			want = 0
		}
		if got := m.Missed().Ballot; got != want {
			t.Errorf("%s: missed %x, want %x", c.name, got, want)
		}
		f.says(1, 2, func(h *hello) { h.view.Ballot, h.view.Prev, h.promised = promise+1<<32, promise, promise+1<<32 })
		if got := m.Missed().Ballot; got != 0 {
			t.Errorf("%s: still %x a view later", c.name, got)
		}
	}
}

// A view needs the promise of a majority, each of this very ballot, and is made
// from the newest view that those who promised have accepted, although that is
// below the ballot.
func TestViewIsMadeFromTheNewestAccepted(t *testing.T) {
	c := formed(t, 5)
	m := c.boxes[4].m
	c.kill(0)
	c.now += suspectAfter + 10*time.Millisecond
	refresh := func(i int, alter func(*hello)) {
		c.says(4, i, func(h *hello) {
			for k := range h.peers[:h.n] {
				p := &h.peers[k]
				p.up = p.addr != address(0)
				if p.addr == m.self {
					p.echo = m.clock(c.now)
				}
			}
			alter(h)
		})
	}
	for i := 1; i < 4; i++ {
		refresh(i, func(*hello) {})
	}
	first := m.view.Ballot
	for range 10 {
		c.now += 20 * time.Millisecond
		for i := 1; i < 4; i++ {
			refresh(i, func(*hello) {})
		}
		m.Tick(c.now)
	}
	own := m.proposal.ballot
	if own == 0 || m.view.Ballot != first {
		t.Fatalf("it did not propose, or went ahead without promises\n%s", c)
	}
	newer := first + 1
	refresh(1, func(h *hello) { h.promised = own })
	refresh(2, func(h *hello) { h.promised = own - 1 })
	if m.view.Ballot != first {
		t.Fatalf("two of five promised, and it went ahead\n%s", c)
	}
	refresh(3, func(h *hello) { h.promised, h.view.Ballot, h.view.Prev = own, newer, first })
	if m.view.Ballot != own || m.view.Prev != newer {
		t.Errorf("made %x from %x, want %x from %x", m.view.Ballot, m.view.Prev, own, newer)
	}
}

// A node that promised a ballot which came to nothing cannot accept the view of
// the others: they make another one for it.
func TestAbandonedPromise(t *testing.T) {
	c := formed(t, 3)
	c.kill(1)
	before := c.boxes[0].entered
	c.until("a view", 300*time.Millisecond, func() bool { return c.boxes[0].entered != before })
	c.boxes[2].m.promised += 5 << 32 // before it hears of the view
	c.until("a view of the two", 500*time.Millisecond, func() bool { return c.statuses("F-F", 0, 2) })
}
