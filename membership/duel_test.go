package membership

import (
	"slices"
	"testing"
	"time"
)

// Two flow masters that propose at the same moment leave a view that some never
// accepted. It came to nothing, so the next one is made from the view before it, and
// nobody has missed anything: one loss stays one.
func TestTwoProposersLoseNobody(t *testing.T) {
	c := formed(t, 4)
	m := c.boxes[1].m
	first := m.view.Ballot
	c.kill(2)
	c.until("a view that is made", 500*time.Millisecond, func() bool { return c.boxes[0].m.view.Ballot != first })
	void := c.boxes[0].m.view.Ballot
	// 1 has promised it and not heard of it yet, and bids higher; 3 hears of that first.
	m.proposal.ballot = (void>>32+1)<<32 | uint64(address(1))
	m.promised, m.changed = m.proposal.ballot, true
	c.cut[[2]int{0, 3}] = true
	c.flight = slices.DeleteFunc(c.flight, func(d datagram) bool { return d.from == 0 && d.to == 3 })
	m.Tick(c.now)
	c.after(c.boxes[1])
	c.run(5 * time.Millisecond)
	c.heal()
	c.until("a view of the three", 300*time.Millisecond, func() bool { return c.statuses("FF-F", 0, 1, 3) })
	c.run(time.Second)
	if slices.Contains(c.active, void) {
		t.Fatalf("%x was to come to nothing\n%s", void, c)
	}
	for _, v := range c.made {
		if v.Count(Learner) > 0 {
			t.Errorf("a member that was there all the time has to learn: %v\n%s", &v.View, c)
		}
	}
}

// Of two members that do not reach each other, the one with the bad link leaves: the
// third hears less of it.
func TestTheWorseLinkLeaves(t *testing.T) {
	for worse := range 3 {
		for seed := range uint64(20) {
			c := formed(t, 3)
			lossy(c, worse, 40, seed)
			c.run(3 * time.Second)
			for _, v := range c.made {
				for i := range 3 {
					if i != worse && v.Members[i].Status != Full {
						t.Errorf("%d has a bad link, seed %d, and %d is out: %v", worse, seed, i, &v.View)
					}
				}
			}
		}
	}
}

// A node whose peers come back one by one, long after it was started, has not
// forgotten what matters as long as they are a majority that remembers; it does not
// make everybody uncertain.
func TestLateReturnIsNoAmnesia(t *testing.T) {
	c := formed(t, 8)
	c.kill(1)
	c.run(500 * time.Millisecond)
	c.start(1)
	for i := range 8 {
		c.cut[[2]int{1, i}] = true
	}
	c.run(14 * time.Second)
	for i := range 8 {
		delete(c.cut, [2]int{1, i})
		c.run(5 * time.Millisecond)
	}
	c.until("all full", 2*time.Second, c.full)
	for _, v := range c.made {
		if v.Uncertain {
			t.Errorf("%v", &v.View)
		}
	}
}
