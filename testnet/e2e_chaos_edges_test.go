package testnet

import (
	"testing"
)

// Edges keep nothing: one that dies and is started again breaks no connection.
// How long those over it stand still is up to who starts it, since nothing
// takes a dead edge out.
func TestChaosEdges(t *testing.T) {
	needLong(t)
	c := newChaos(t, DefaultTopology)
	for _, name := range []string{"edge-1", "edge-2"} {
		c.anyStall(t, "kill -9 and start of "+name, func() {
			killHard(t, c.dir, name)
			if err := Start(t.Context(), c.dir, binary(t), name); err != nil {
				t.Fatal(err)
			}
			c.whole(t)
		})
	}
	c.allHeld(t)
}
