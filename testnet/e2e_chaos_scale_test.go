package testnet

import "testing"

// A fourth node joins under load, another is drained and leaves for good, all
// by edits of the state file.
func TestChaosScale(t *testing.T) {
	needLong(t)
	c := newChaos(t, variant(t, "underlay:\n  network: 172.31.0.0/24 ",
		"underlay:\n  spares: [{name: node-4, address: 172.31.0.14}]\n  network: 172.31.0.0/24 "))
	const third, second = "  - {name: node-3, address: 172.31.0.13}\n", "  - {name: node-2, address: 172.31.0.12}\n"
	c.during(t, "node-4 joins", func() {
		setState(t, c.dir, 2, "version: 1", "version: 2", third, third+"  - {name: node-4, address: 172.31.0.14}\n")
		if err := Start(t.Context(), c.dir, binary(t), "node-4"); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
	c.during(t, "node-2 drains", func() {
		setState(t, c.dir, 3, "version: 2", "version: 3", second, "  - {name: node-2, address: 172.31.0.12, drain: true}\n")
		c.whole(t) // the view of the three that stay
	})
	c.during(t, "node-2 ends", func() {
		killHard(t, c.dir, "node-2")
		c.whole(t)
	})
	c.during(t, "node-2 leaves the state", func() {
		setState(t, c.dir, 0, "version: 3", "version: 4", "  - {name: node-2, address: 172.31.0.12, drain: true}\n", "")
		for _, name := range []string{"node-1", "node-3", "node-4", "edge-1", "edge-2", "host-1", "host-2"} {
			eventually(t, name+" has version 4", func() bool { return scrape(t, c.dir, name)["state_version"] == 4 })
		}
		c.whole(t)
	})
	c.killAndRestart(t, "node-4") // which is a full member by now
	if w := c.held.stop(t); !w.Intact() {
		t.Errorf("in the whole run: %v", w)
	}
}
