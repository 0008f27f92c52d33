package membership

import (
	"fmt"
	"testing"
	"time"
)

// Nodes that start at once are in one view, all full, within 300 ms; it is
// certain, and known to be empty.
func TestColdStart(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 16} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := newCell(t, n)
			took := c.until("all full", 300*time.Millisecond, c.full)
			t.Logf("%d nodes: %v", n, took)
			if v := c.agreed(all(n)...); !v.Empty || v.Prev != 0 {
				t.Errorf("the first view is not empty: %v", v)
			}
			c.run(5 * time.Second)
			if len(c.made) != 1 || !c.full() {
				t.Errorf("%d views, want 1\n%s", len(c.made), c)
			}
		})
	}
}

// Without one of the nodes the first view waits for it, then is uncertain; when it
// comes it is certain again.
func TestOneMissingAtStart(t *testing.T) {
	c := quietCell(t, 3)
	c.start(0)
	c.start(1)
	c.run(freshMax - 50*time.Millisecond)
	if c.agreed(0) != nil {
		t.Fatalf("there is a view already\n%s", c)
	}
	c.until("an uncertain view", 500*time.Millisecond, func() bool { return c.statuses("FF-?", 0, 1) })
	if c.agreed(0).Empty {
		t.Error("what the third knows is said to be nothing")
	}
	c.run(time.Second)
	c.start(2)
	c.until("a certain view", time.Second, c.full)
}

// A node that dies is out of the view within 200 ms of its last hello, and comes
// back as a learner until it holds what it should.
func TestDeathAndReturn(t *testing.T) {
	for dead := range 3 {
		c := formed(t, 3)
		before := *c.agreed(0, 1, 2)
		c.kill(dead)
		others := []int{(dead + 1) % 3, (dead + 2) % 3}
		took := c.until("a view without it", 200*time.Millisecond, c.full)
		t.Logf("node %d: %v", dead, took)
		c.run(3 * time.Second)
		c.boxes[dead].holdsBack = true
		c.start(dead)
		c.until("a learner", time.Second, func() bool {
			v := c.agreed(0, 1, 2)
			return v != nil && v.Members[dead].Status == Learner && v.Members[others[0]].Status == Full
		})
		c.run(time.Second)
		if c.full() {
			t.Fatal("it is full, and holds nothing")
		}
		c.boxes[dead].holdsBack = false
		c.until("full", 200*time.Millisecond, c.full)
		after := c.agreed(0, 1, 2)
		for i := range 3 {
			if after.Members[i].Seat != before.Members[i].Seat {
				t.Errorf("seats %v after %v", after, &before)
			}
		}
	}
}

// A member that has missed a view for good learns anew; the others go on.
func TestLapsed(t *testing.T) {
	c := formed(t, 3)
	c.boxes[1].lapsed, c.boxes[1].holdsBack = true, true
	c.until("a learner", 200*time.Millisecond, func() bool { return c.statuses("FLF", 0, 1, 2) })
	c.boxes[1].holdsBack = false
	c.until("full again", 200*time.Millisecond, c.full)
}

// A node that is drained owns slots until the others hold all, then it is out; it
// comes back when it is no longer drained. The last one stays.
func TestDrain(t *testing.T) {
	c := formed(t, 3)
	drained := votersUpTo(3)
	drained[2].Drain = true
	c.boxes[0].holdsBack = true
	c.name(drained)
	c.until("leaving", 200*time.Millisecond, func() bool { return c.statuses("FFG", 0, 1, 2) })
	c.run(time.Second)
	if !c.statuses("FFG", 0, 1, 2) {
		t.Fatalf("it left early\n%s", c)
	}
	c.boxes[0].holdsBack = false
	c.until("out", 200*time.Millisecond, func() bool { return c.statuses("FF-", 0, 1, 2) })
	c.run(time.Second)
	c.start(2)
	c.run(time.Second)
	if !c.statuses("FF-", 0, 1, 2) {
		t.Fatalf("it came back\n%s", c)
	}
	c.name(votersUpTo(3))
	c.until("back", time.Second, c.full)

	for i := range drained {
		drained[i].Drain = true
	}
	c.name(drained)
	c.run(2 * time.Second)
	if v := c.agreed(0, 1, 2); v == nil || v.Count(Leaving) != 3 {
		t.Errorf("all drained: nobody serves\n%s", c)
	}
}

// A majority goes on without those who are cut off. These stop serving after
// ReadLease, are alone after aloneAfter, and are taken in again afterwards.
func TestPartition(t *testing.T) {
	for _, n := range []int{3, 5} {
		for minority := 1; minority <= n/2; minority++ {
			c := formed(t, n)
			few, many := all(n)[:minority], all(n)[minority:]
			c.split(few, many)
			c.until("a view of the majority", 300*time.Millisecond, func() bool {
				v := c.agreed(many...)
				return v != nil && v.Count(Full) == n-minority
			})
			c.run(aloneAfter - 400*time.Millisecond)
			if c.boxes[0].m.Alone(c.now) {
				t.Error("alone early")
			}
			c.run(600 * time.Millisecond)
			for _, i := range few {
				if !c.boxes[i].m.Alone(c.now) {
					t.Errorf("%d is not alone\n%s", i, c)
				}
			}
			c.run(ReadLease)
			for _, i := range few {
				if c.boxes[i].m.Serving(c.now) {
					t.Errorf("%d serves", i)
				}
			}
			if c.agreed(many...) == nil {
				t.Errorf("the majority does not serve\n%s", c)
			}
			c.run(20 * time.Second)
			views := len(c.made)
			c.heal()
			c.until("all full", time.Second, c.full)
			if len(c.made) > views+3 {
				t.Errorf("%d views to take %d in", len(c.made)-views, minority)
			}
		}
	}
}

// A link that fails one way counts as failed, and of the two ends of one that
// failed exactly one leaves, and stays out until it is mended.
func TestOneLink(t *testing.T) {
	for _, both := range []bool{true, false} {
		for a := range 3 {
			for b := range 3 {
				if a == b {
					continue
				}
				c := formed(t, 3)
				c.cut[[2]int{a, b}] = true
				c.cut[[2]int{b, a}] = both
				one := func() bool {
					for _, stays := range []int{a, b} {
						if v := c.agreed(3-a-b, stays); v != nil && v.Count(Full) == 2 && v.Members[3-a-b].Status == Full {
							return true
						}
					}
					return false
				}
				c.until("one of the two is out", 400*time.Millisecond, one)
				views := len(c.made)
				if views > 3 {
					t.Errorf("link %d-%d: %d views", a, b, views)
				}
				c.run(20 * time.Second)
				if len(c.made) != views || !one() {
					t.Errorf("link %d-%d: %d views after %d\n%s", a, b, len(c.made), views, c)
				}
				c.heal()
				c.until("all full", time.Second, c.full)
			}
		}
	}
}

// A link that flaps between two nodes causes fewer and fewer views, although the
// third reaches both all the time.
func TestFlappingLink(t *testing.T) {
	c := formed(t, 3)
	for range 100 {
		c.split([]int{0}, []int{2})
		c.run(300 * time.Millisecond)
		c.heal()
		c.run(700 * time.Millisecond)
	}
	t.Logf("%d views in 100 s", len(c.made))
	if len(c.made) > 20 {
		t.Errorf("%d views, want fewer\n%s", len(c.made), c)
	}
	c.until("all full", joinMax+time.Second, c.full)
}

// A node that flaps is left out for longer and longer.
func TestFlappingNode(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		c := formed(t, 3)
		for range 100 {
			if restarts {
				c.start(1)
			} else {
				c.split([]int{1}, []int{0, 2})
			}
			c.run(300 * time.Millisecond)
			c.heal()
			c.run(700 * time.Millisecond)
			if c.agreed(0, 2) == nil {
				t.Fatalf("the others do not serve\n%s", c)
			}
		}
		t.Logf("restarts %v: %d views in 100 s", restarts, len(c.made))
		if len(c.made) > 20 {
			t.Errorf("%d views, want fewer\n%s", len(c.made), c)
		}
		c.until("all full", joinMax+time.Second, c.full)
	}
}

// A node that was paused is out of the view, knows it before it could serve
// anything, and is taken in again.
func TestPause(t *testing.T) {
	for _, d := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, time.Second, 10 * time.Second} {
		c := formed(t, 3)
		before := c.boxes[0].entered
		c.pause(0, d)
		c.run(d - time.Millisecond)
		if d >= time.Second && !c.statuses("-FF", 1, 2) {
			t.Fatalf("after %v it is not out\n%s", d, c)
		}
		if d > ReadLease && c.boxes[0].m.Serving(c.now) {
			t.Error("it would serve what it knew")
		}
		c.run(2 * time.Millisecond) // what has waited for it tells it
		if d >= time.Second && c.boxes[0].entered == before {
			t.Errorf("after %v it does not know of the new view\n%s", d, c)
		}
		c.until("all full", time.Second, c.full)
	}
}

// Node sets that change by one keep the view going, and nobody serves less for it
// than for the moment in which a view is agreed on.
func TestNodesComeAndGo(t *testing.T) {
	c := quietCell(t, 5)
	c.name(votersUpTo(1))
	c.start(0)
	c.until("one", 300*time.Millisecond, func() bool { return c.statuses("F", 0) })
	for n := 2; n <= 5; n++ {
		c.start(n - 1)
		c.run(50 * time.Millisecond)
		for _, i := range c.rng.Perm(5) { // they hear of it one after the other
			b := c.boxes[i]
			b.nodes = votersUpTo(n)
			if b.m != nil {
				b.m.Apply(c.now, cellID, b.nodes)
				c.after(b)
			}
			c.run(40 * time.Millisecond)
			c.until("the first serves", 2*time.Millisecond, func() bool { return c.agreed(0) != nil })
		}
		c.until("one more", time.Second, func() bool { return c.statuses("FFFFF"[:n], all(n)...) })
	}
	for n := 4; n >= 1; n-- {
		c.kill(n)
		c.name(votersUpTo(n))
		c.until("one less", 300*time.Millisecond, func() bool { return c.statuses("FFFFF"[:n], all(n)...) })
	}
}

// Two of three are dead: the third is alone. When the state names only it, it is
// the cell, and the view is certain.
func TestRemovingTheDead(t *testing.T) {
	c := formed(t, 3)
	c.kill(0, 1)
	c.run(4 * time.Second)
	if m := c.boxes[2].m; !m.Alone(c.now) || m.Serving(c.now) {
		t.Fatalf("it is not alone\n%s", c)
	}
	seat := c.boxes[2].m.Seat()
	c.name([]Node{{Addr: address(2), Votes: true}})
	c.until("full", 100*time.Millisecond, func() bool { return c.statuses("F", 2) })
	if m := c.boxes[2].m; m.Alone(c.now) || m.Seat() != seat {
		t.Errorf("alone, or of another seat\n%s", c)
	}
	c.name(votersUpTo(3))
	c.start(0)
	c.start(1)
	c.until("all full", 2*time.Second, c.full)
}

// All nodes are started again, one after the other: all others serve all the time,
// but for the moment in which they have accepted a view and do not know yet that
// a majority has.
func TestRollingRestart(t *testing.T) {
	for _, n := range []int{3, 5} {
		c := formed(t, n)
		gap := 0
		for i := range n {
			c.start(i)
			c.until("full", 2*time.Second, func() bool {
				serving := 0
				for _, b := range c.boxes {
					if b.m.Serving(c.now) {
						serving++
					}
				}
				if gap++; serving >= n-1 {
					gap = 0
				}
				if gap > 3 {
					t.Fatalf("%d serve\n%s", serving, c)
				}
				return c.full()
			})
			for _, v := range c.made {
				if v.Uncertain {
					t.Fatalf("%v", &v.View)
				}
			}
		}
	}
}

// All at once: it is a cold start, though flows that the Tops know are learnt.
func TestAllRestart(t *testing.T) {
	c := formed(t, 3)
	c.history = newHistory() // nobody is left to whom it means anything
	for i := range 3 {
		c.start(i)
		c.boxes[i].m.Use()
	}
	c.until("all full", 300*time.Millisecond, c.full)
	if c.agreed(0).Empty {
		t.Error("said to be empty, though a Top has entries")
	}
}

// A node that only routes keeps the view of the masters' earlier lives; the new
// ones go on from there, and say that they have forgotten.
func TestMastersRestart(t *testing.T) {
	c := quietCell(t, 4)
	nodes := votersUpTo(3)
	c.name(append(nodes, Node{Addr: address(3)}))
	for i := range 4 {
		c.start(i)
	}
	c.until("full", time.Second, func() bool { return c.statuses("FFF", 0, 1, 2, 3) })
	for i := range 3 {
		c.start(i)
	}
	c.until("full", time.Second, func() bool { return c.statuses("FFF", 0, 1, 2, 3) })
	uncertain := 0
	for _, v := range c.made {
		if v.Uncertain {
			uncertain++
		}
	}
	if c.agreed(0).Empty || uncertain != 1 {
		t.Errorf("%d uncertain views, want 1\n%s", uncertain, c)
	}
}

// A restart that takes no time at all is noticed: the new life is a learner first.
func TestQuickRestart(t *testing.T) {
	for i := range 3 {
		c := formed(t, 3)
		c.boxes[i].holdsBack = true
		c.start(i)
		c.until("a learner", time.Second, func() bool {
			v := c.agreed(0, 1, 2)
			return v != nil && v.Members[i].Status == Learner
		})
		c.boxes[i].holdsBack = false
		c.until("full", time.Second, c.full)
	}
}

// Two of three are started again while the third is cut off; they go on after
// freshMax, under a ballot that was not used before, and uncertain until the third
// is back.
func TestMajorityForgets(t *testing.T) {
	c := formed(t, 3)
	old := c.boxes[2].entered
	c.split([]int{0, 1}, []int{2})
	c.start(0)
	c.start(1)
	c.until("an uncertain view", freshMax+500*time.Millisecond, func() bool { return c.statuses("FF-?", 0, 1) })
	if v := c.agreed(0); v.Ballot <= old {
		t.Errorf("ballot %x after %x", v.Ballot, old)
	}
	c.run(5 * time.Second)
	c.heal()
	c.until("all full", 2*time.Second, c.full)
	if c.agreed(0, 1, 2).Uncertain {
		t.Error("still uncertain")
	}
}

// Two of three are started again, the third remembers: it cannot know what the
// other two agreed on without it, so one view is uncertain.
func TestTwoOfThreeForget(t *testing.T) {
	c := formed(t, 3)
	c.start(0)
	c.start(1)
	seen := false
	c.until("all full", 2*time.Second, func() bool {
		seen = seen || c.boxes[2].m.View().Uncertain
		return c.full()
	})
	if !seen {
		t.Error("no view was uncertain")
	}
}
