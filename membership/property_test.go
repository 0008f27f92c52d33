package membership

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// play runs a script of faults, two bytes each, in a cell of n. Safety is checked
// after every step (history); when the faults are over, everybody must be full in
// one certain view, and stay there.
func play(t failer, n int, script []byte) {
	c := quietCell(t, n)
	for len(script) >= 2 {
		c.do(script[0], int(script[1]))
		script = script[2:]
	}
	c.recover()
}

// do is one event. Most of them let some time pass, so that much of what happens
// happens while something else is under way.
func (c *cell) do(op byte, arg int) {
	n := len(c.boxes)
	i, j := arg%n, arg/n%n
	switch op % 16 {
	case 0, 1:
		c.run(time.Duration(arg%32) * time.Millisecond)
	case 2, 3:
		c.run(time.Duration(arg) * 4 * time.Millisecond)
	case 4:
		c.run(time.Duration(arg) * 20 * time.Millisecond)
	case 5, 6:
		c.cut[[2]int{i, j}] = true
	case 7:
		c.split([]int{i}, []int{j})
	case 8:
		c.heal()
	case 9:
		c.kill(i)
	case 10, 11:
		c.restart(i)
	case 12:
		c.pause(i, time.Duration(arg)*10*time.Millisecond)
	case 13:
		c.loss = arg % 64
	case 14:
		c.jitter = time.Duration(arg) * time.Millisecond / 4
	case 15:
		if b := c.boxes[i]; arg%2 == 0 {
			b.holdsBack = !b.holdsBack
		} else {
			nodes := slices.Clone(c.boxes[0].nodes)
			nodes[i].Drain = !nodes[i].Drain
			c.name(nodes)
		}
	}
}

// restart starts a machine again. If nobody is left who remembers anything, what
// was is nothing to anybody.
func (c *cell) restart(i int) {
	c.kill(i)
	if !slices.ContainsFunc(c.boxes, func(b *box) bool { return b.m != nil && !b.m.fresh }) {
		c.history, c.flight = newHistory(), nil
		for _, b := range c.boxes {
			b.backlog = nil
		}
	}
	c.start(i)
}

// recover ends all faults and waits for the cell to be whole.
func (c *cell) recover() {
	c.heal()
	c.loss, c.jitter = 0, 0
	for _, b := range c.boxes {
		b.pausedTo, b.holdsBack = 0, false
		if b.m == nil {
			c.restart(b.i)
		}
	}
	c.name(votersUpTo(len(c.boxes)))
	c.run(2 * suspectAfter) // what the last fault did is known by then
	c.until("all full", joinMax+freshMax+time.Second, c.full)
	views := len(c.made)
	c.run(time.Second)
	if len(c.made) != views || !c.full() {
		c.t.Fatalf("%d views after %d, without a fault\n%s", len(c.made), views, c)
	}
}

func TestMembershipProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "nodes")
		play(t, n, rapid.SliceOfN(rapid.Byte(), 0, 240).Draw(t, "script"))
	})
}

// FuzzMembership is the same, with the first byte for the number of nodes.
func FuzzMembership(f *testing.F) {
	f.Add([]byte{2})
	f.Add([]byte("\x02\x0a\x00\x0a\x01\x0a\x02\x03\xff\x09\x01\x02\x30\x0a\x01\x03\x50"))
	f.Add([]byte("\x02\x0a\x00\x0a\x01\x0a\x02\x03\xff\x07\x02\x02\x40\x0a\x00\x0a\x01\x04\xa0\x08\x00\x02\xff"))
	f.Add([]byte("\x04\x0a\x00\x0a\x01\x0a\x02\x0a\x03\x0a\x04\x03\xff\x0d\x20\x0e\x50\x07\x07\x07\x0e\x03\xff\x0a\x02\x0a\x03\x01\x10\x0a\x04\x03\xff"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 200 {
			return
		}
		play(t, 1+int(script[0])%5, script[1:])
	})
}
