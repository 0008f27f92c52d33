package testnet

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// Every node of the cell is lost once, hangs once, and is cut off once, while
// thousands of connections of two tenants are in use: none of them breaks, and
// none gets what belongs to another (I3, I7).
//
// Hosts are not among those that are killed: the instances' interfaces live in
// Nitro's process and go with it. In AWS that is a card of the machine.
func TestChaosNodes(t *testing.T) {
	c := newChaos(t, DefaultTopology)
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		c.killAndRestart(t, name)
	}
	c.restart(t, "node-1", syscall.SIGKILL)
	c.pause(t, "node-2", map[bool]time.Duration{true: 5 * time.Second, false: 2 * time.Second}[long()])
	c.partition(t, "node-1", "node-3", false)
	if long() {
		c.partition(t, "node-1", "node-3", true)
		c.partition(t, "node-3", "node-1", true)
		c.cut(t, "host-1", "node-1", false)
		c.cut(t, "node-2", "edge-1", true)
		c.slow(t, "node-3", 5*time.Second)
	}
	c.allHeld(t)
}

// The same where flows are found by their inside ends: their owners are others, and many
// flows have one public port.
func TestChaosIndependent(t *testing.T) {
	c := newChaos(t, variant(t, "service: 1, ", "service: 1, profile: rfc, ", "service: 4, ", "service: 4, profile: rfc, "))
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		c.killAndRestart(t, name)
	}
	c.allHeld(t)
}

// killAndRestart loses a node, waits until the others are a cell, and brings
// it back.
func (c *chaos) killAndRestart(t *testing.T, name string) {
	t.Helper()
	c.during(t, "kill -9 "+name, func() {
		killHard(t, c.dir, name)
		c.whole(t) // without it
	})
	c.during(t, name+" is back", func() {
		if err := Start(t.Context(), c.dir, binary(t), name); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

// restart ends a node and starts it again at once, before anyone has missed it:
// what it had must not be looked for at the node that came instead.
func (c *chaos) restart(t *testing.T, name string, sig syscall.Signal) {
	t.Helper()
	c.during(t, fmt.Sprintf("%v and start of %s", sig, name), func() {
		if err := Restart(t.Context(), c.dir, binary(t), name, sig); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

// pause holds a node for some time: the others go on without it, and when it
// goes on it has to notice that it is late.
func (c *chaos) pause(t *testing.T, name string, length time.Duration) {
	t.Helper()
	c.during(t, fmt.Sprintf("%s hangs %v", name, length), func() {
		if err := Pause(c.dir, name); err != nil {
			t.Fatal(err)
		}
		time.Sleep(length) // what is tested, not what is waited for
		if err := Resume(c.dir, name); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

// partition cuts two nodes off from each other for as long as every connection
// takes to be used once: the cell has to work around it.
func (c *chaos) partition(t *testing.T, a, b string, oneWay bool) {
	t.Helper()
	c.during(t, wayName(a, b, oneWay), func() {
		if err := Partition(c.dir, a, b, oneWay); err != nil {
			t.Fatal(err)
		}
		c.held.round(t)
	})
	c.during(t, "healed", func() {
		if err := Heal(c.dir, a, b); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

// cut cuts a node off from a host or an edge, which go on with all others. What
// the node would send there waits until it is healed: nobody knows of it but
// the node.
func (c *chaos) cut(t *testing.T, a, b string, oneWay bool) {
	t.Helper()
	c.anyStall(t, wayName(a, b, oneWay)+" for 2s", func() {
		if err := Partition(c.dir, a, b, oneWay); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := Heal(c.dir, a, b); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

func wayName(a, b string, oneWay bool) string {
	if oneWay {
		return fmt.Sprintf("no way from %s to %s", a, b)
	}
	return fmt.Sprintf("no way between %s and %s", a, b)
}

// slow gives a node a quarter of the time for a while.
func (c *chaos) slow(t *testing.T, name string, length time.Duration) {
	t.Helper()
	c.during(t, fmt.Sprintf("%s is slow for %v", name, length), func() {
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		if err := Slow(ctx, c.dir, name); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
	})
}

// allHeld ends the run: whatever happened between the windows counts as well.
func (c *chaos) allHeld(t *testing.T) {
	t.Helper()
	w := c.held.stop(t)
	c.windows = append(c.windows, w)
	if !w.Intact() {
		t.Errorf("in the whole run: %v", w)
	}
	balanced(t, c.dir)
}

// Every node is restarted in turn, as for an upgrade, asked to stop and not
// killed.
func TestChaosRollingRestart(t *testing.T) {
	needLong(t)
	c := newChaos(t, DefaultTopology)
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		c.restart(t, name, syscall.SIGTERM)
	}
	c.allHeld(t)
}
