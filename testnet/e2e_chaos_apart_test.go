package testnet

import "testing"

// Where each role has nodes of its own, the loss of one of any of them breaks
// nothing either.
func TestChaosApart(t *testing.T) {
	needLong(t)
	c := newChaos(t, "apart")
	for _, name := range []string{"top-1", "master-1", "decider-1"} {
		c.killAndRestart(t, name)
	}
	c.allHeld(t)
}

// Of five nodes two may be lost one after the other, without either coming back.
func TestChaosFive(t *testing.T) {
	needLong(t)
	c := newChaos(t, "five")
	for _, name := range []string{"node-1", "node-4"} {
		c.during(t, "kill -9 "+name, func() {
			killHard(t, c.dir, name)
			c.whole(t)
		})
	}
	for _, name := range []string{"node-1", "node-4"} {
		c.during(t, name+" is back", func() {
			if err := Start(t.Context(), c.dir, binary(t), name); err != nil {
				t.Fatal(err)
			}
			c.whole(t)
		})
	}
	c.allHeld(t)
}
