package membership

import "time"

// history is all that ever happened in a cell, for what must always be true:
//
//	(a) a ballot has at most one view
//	(b) of two certain views that were active, one was made from the other, or
//	    the newer one after an uncertain view that is newer than the other
//	(c) a life never lowers its promise or its view, and the view is not above
//	    the promise
//	(d) who serves has been in contact, within ReadLease, with a majority none of
//	    which had accepted anything newer: so once another view is active for so
//	    long, nobody serves in an older one
type history struct {
	made   map[uint64]madeView
	active []uint64 // ballots, in the order in which they became active anywhere
	when   map[uint64]time.Duration
}

type madeView struct {
	View
	order int // of being made
}

func newHistory() history {
	return history{made: map[uint64]madeView{}, when: map[uint64]time.Duration{}}
}

// check is called after every call of a machine.
func (c *cell) check(b *box) {
	m := b.m
	if m.promised < b.promised || m.view.Ballot < b.accepted || m.view.Ballot > m.promised {
		c.t.Fatalf("%d: promised %x after %x, accepted %x after %x", b.i, m.promised, b.promised, m.view.Ballot, b.accepted)
	}
	b.promised, b.accepted = m.promised, m.view.Ballot
	v := &m.view
	if v.Ballot == 0 {
		return
	}
	if known, ok := c.made[v.Ballot]; !ok {
		c.made[v.Ballot] = madeView{*v, len(c.made)}
		c.checkSeats(v)
	} else if known.View != *v {
		c.t.Fatalf("ballot %x has two views: %v and %v", v.Ballot, &known.View, v)
	}
	if !m.active {
		return
	}
	if _, ok := c.when[v.Ballot]; !ok {
		c.when[v.Ballot] = c.now
		for _, w := range c.active {
			c.checkLineage(v.Ballot, w)
		}
		c.active = append(c.active, v.Ballot)
	}
	if m.Serving(c.now) && c.runs(b) {
		for _, w := range c.active {
			if w > v.Ballot && c.now-c.when[w] > ReadLease {
				c.t.Fatalf("%d serves in %x, %v after %x became active\n%s", b.i, v.Ballot, c.now-c.when[w], w, c)
			}
		}
	}
}

// checkSeats: seats are unique, and a member's is the one it had.
func (c *cell) checkSeats(v *View) {
	seats := uint32(0)
	for _, m := range v.Members[:v.N] {
		if seats&(1<<m.Seat) != 0 {
			c.t.Fatalf("a seat is shared in %v", v)
		}
		seats |= 1 << m.Seat
		if prev, ok := c.made[v.Prev]; ok {
			if x := prev.Find(m.Addr); x != nil && x.Seat != m.Seat {
				c.t.Fatalf("%v has seat %d after %d", m.Addr, m.Seat, x.Seat)
			}
		}
	}
}

func (c *cell) checkLineage(v, w uint64) {
	if v < w {
		v, w = w, v
	}
	old := c.made[w]
	if old.Uncertain || c.made[v].Uncertain {
		return // owners give only ports of their own seats
	}
	for at := v; ; {
		x, ok := c.made[at]
		if at == w || ok && x.Uncertain && x.order > old.order {
			return
		}
		if !ok {
			c.t.Fatalf("%x was active, and %x is, which was not made from it\n%s", w, v, c)
		}
		at = x.Prev
	}
}
