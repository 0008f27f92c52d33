package membership

import (
	"testing"
	"time"
)

// A node's seat is clean when all members say that they know all of their slots, and
// none has a record on one of its ports, for long enough after its start.
func TestSeatClean(t *testing.T) {
	fresh := func() *cell {
		c := formed(t, 3)
		c.run(cleanAfter)
		if !c.boxes[0].m.SeatClean(c.now) {
			t.Fatalf("not clean although nothing happened\n%s", c)
		}
		return c
	}
	for name, spoil := range map[string]func(c *cell){
		"another has a record": func(c *cell) { c.boxes[2].seats = 1 << c.boxes[0].m.Seat() },
		"it has one itself":    func(c *cell) { c.boxes[0].seats = 1 << c.boxes[0].m.Seat() },
		"another is learning":  func(c *cell) { c.boxes[1].holdsBack = true },
		"it is cut off":        func(c *cell) { c.split([]int{0}, []int{1, 2}) },
		"it is a new life": func(c *cell) {
			c.kill(0)
			c.run(time.Second)
			c.start(0)
			c.run(2 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := fresh()
			spoil(c)
			c.run(200 * time.Millisecond)
			if c.boxes[0].m.SeatClean(c.now) {
				t.Errorf("clean\n%s", c)
			}
		})
	}
	c := fresh()
	c.boxes[2].seats = ^uint16(1 << c.boxes[0].m.Seat()) // all seats but this one
	c.run(200 * time.Millisecond)
	if !c.boxes[0].m.SeatClean(c.now) {
		t.Error("others' seats are not its own")
	}
	c.kill(1) // and a member that is left out has nothing to say
	c.until("the two", time.Second, func() bool { return c.statuses("F-F", 0, 2) })
	c.run(200 * time.Millisecond)
	if !c.boxes[0].m.SeatClean(c.now) {
		t.Error("not clean without an absent member")
	}
}
