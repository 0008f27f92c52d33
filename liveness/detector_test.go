package liveness

import (
	"testing"
	"time"

	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

// A silent node is up until its newest answered request is downAfter old, and
// down at exactly that moment. Its slots move, no other does (I17).
func TestSilentNodeGoesDownAtTheLimit(t *testing.T) {
	r := newRig(t, 3)
	r.run(200 * ms)
	r.wantUsed(0, 1, 2)
	before := r.slots()
	r.nodes[1].mute = true // the probe of now is answered, later ones are not
	last := r.now
	r.run(80 * ms)
	r.now = last + downAfter - 1
	r.arrive()
	r.Tick(r.now)
	if r.of(1) != up {
		t.Error("down before the limit")
	}
	r.now = last + downAfter
	r.arrive()
	r.Tick(r.now)
	if r.of(1) != down {
		t.Error("up at the limit")
	}
	r.wantUsed(0, 2)
	if r.Up() != 2 || r.Changes != 1 {
		t.Errorf("%d up after %d changes, want 2 after 1", r.Up(), r.Changes)
	}
	moved := 0
	for s, top := range r.slots() {
		switch {
		case before[s] != r.peers[1].Addr && top != before[s]:
			t.Fatalf("slot %d moved from %v, which lives, to %v", s, before[s], top)
		case top == r.peers[1].Addr:
			t.Fatalf("slot %d goes to the dead", s)
		case top != before[s]:
			moved++
		}
	}
	if moved < shard.Slots/6 {
		t.Errorf("only %d slots moved", moved)
	}
}

// What is lost in one direction only, comes back too late, or says that its node
// does not serve, takes a node down like silence.
func TestWhatTakesANodeDown(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*node)
		max  time.Duration
	}{
		"requests are lost":       {func(n *node) { n.deaf = true }, downAfter},
		"answers are lost":        {func(n *node) { n.mute = true }, downAfter},
		"the round trip is long":  {func(n *node) { n.rtt = downAfter }, downAfter},
		"... and longer":          {func(n *node) { n.rtt = 5 * downAfter }, downAfter},
		"it does not serve":       {func(n *node) { n.serves = false }, 2 * probePeriod},
		"it was restarted":        {func(n *node) { n.incarnation++ }, 2 * probePeriod},
		"restarted, not serving":  {func(n *node) { n.incarnation++; n.serves = false }, 2 * probePeriod},
		"the round trip is short": {func(n *node) { n.rtt = downAfter - probePeriod }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 2)
			r.run(200 * ms)
			c.fail(&r.nodes[0])
			end := r.now + c.max
			r.run(c.max)
			if c.max == 0 {
				r.run(time.Second)
				r.wantUsed(0, 1)
				return
			}
			if r.of(0) == up {
				t.Errorf("still up at %v", r.now-end+c.max)
			}
			r.wantUsed(1)
		})
	}
}

// The last node that answers is used although it says that it does not serve:
// the others are silent.
func TestUnwillingIsBetterThanSilent(t *testing.T) {
	r := newRig(t, 3)
	r.run(200 * ms)
	r.nodes[0].deaf, r.nodes[1].deaf, r.nodes[2].serves = true, true, false
	r.until(0, down)
	r.until(2, unwilling)
	r.wantUsed(2)
	r.nodes[0].deaf = false
	r.until(0, holding)
	r.wantUsed(0)
}

// A node that comes back is used again when it was good for the hold-down.
func TestHoldDown(t *testing.T) {
	r := newRig(t, 2)
	r.run(200 * ms)
	before := r.slots()
	r.nodes[0].mute = true
	r.until(0, down)
	r.run(time.Second)
	r.nodes[0].mute = false
	r.until(0, holding)
	r.wantUsed(1)
	// Bad again in the middle: the hold-down starts anew, and is no longer for it.
	r.run(100 * ms)
	r.nodes[0].mute = true
	r.until(0, down)
	r.nodes[0].mute = false
	r.until(0, holding)
	if took := r.until(0, up); took != holdDownMin {
		t.Errorf("held for %v, want %v", took, holdDownMin)
	}
	r.wantUsed(0, 1)
	if r.slots() != before {
		t.Error("the slots did not return to where they were")
	}
}

// A node that flaps is held down longer each time, up to a limit, and begins
// anew after a minute without a fall.
func TestFlapDamping(t *testing.T) {
	r := newRig(t, 2)
	r.run(200 * ms)
	for i, want := range []time.Duration{200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 10 * time.Second, 10 * time.Second} {
		r.nodes[0].deaf = true
		r.until(0, down)
		r.nodes[0].deaf = false
		r.until(0, holding)
		if took := r.until(0, up); took != want {
			t.Errorf("fall %d: held for %v, want %v", i+1, took, want)
		}
	}
	for _, c := range []struct {
		since time.Duration // from one fall to the next
		want  time.Duration
	}{{forgiveAfter - probePeriod, holdDownMax}, {forgiveAfter, holdDownMin}, {time.Second, 2 * holdDownMin}} {
		r.run(r.top(0).fell + c.since - 2*probePeriod - r.now)
		r.nodes[0].serves = false // asked at the next Tick, seen at the one after
		r.until(0, unwilling)
		if fell := r.top(0).fell; fell != r.now {
			t.Fatalf("fell at %v, now is %v", fell, r.now)
		}
		r.nodes[0].serves = true
		r.until(0, holding)
		if took := r.until(0, up); took != c.want {
			t.Errorf("%v after the fall before: held for %v, want %v", c.since, took, c.want)
		}
	}
}

// A restart counts as a fall, be it ever so quick; that of a node which is down
// anyway does not count twice.
func TestRestart(t *testing.T) {
	r := newRig(t, 2)
	r.run(200 * ms)
	r.nodes[0].incarnation = 2
	r.until(0, holding)
	r.wantUsed(1)
	if took := r.until(0, up); took != holdDownMin {
		t.Errorf("held for %v, want %v", took, holdDownMin)
	}
	r.nodes[0].mute = true
	r.until(0, down)
	r.nodes[0].mute, r.nodes[0].incarnation = false, 3
	r.until(0, holding)
	if took := r.until(0, up); took != 2*holdDownMin {
		t.Errorf("held for %v, want %v: the second fall", took, 2*holdDownMin)
	}
}

// A sender that hears nobody uses all of them; one that hears somebody who is
// held down does not send to the silent for that.
func TestFailOpen(t *testing.T) {
	r := newRig(t, 3)
	r.run(200 * ms)
	before := r.slots()
	for i := range r.nodes {
		r.nodes[i].mute = true
	}
	r.run(200 * ms)
	if r.Up() != 0 {
		t.Errorf("%d up", r.Up())
	}
	r.wantUsed(0, 1, 2)
	if r.slots() != before || r.Changes != 0 {
		t.Error("slots moved")
	}
	r.nodes[2].mute = false
	r.until(2, holding)
	r.wantUsed(2)
	r.nodes[0].mute = false
	r.until(2, up)
	r.wantUsed(2)
	r.until(0, up)
	r.wantUsed(0, 2)
}

// A Detector that just started uses all until they had the time to answer, so
// that the first packet goes where the next ones go.
func TestStart(t *testing.T) {
	r := newRig(t, 3)
	r.wantUsed(0, 1, 2)
	first := r.slots()
	r.run(time.Second)
	if r.slots() != first || r.Changes != 0 || r.Up() != 3 {
		t.Errorf("%d changes while all was well; %d up", r.Changes, r.Up())
	}
	// Never answered: it goes down, but did not fall, so it is not held down.
	r = newRig(t, 2)
	r.nodes[0].mute, r.network = true, nil
	if took := r.until(0, down); took != downAfter {
		t.Errorf("believed for %v, want %v", took, downAfter)
	}
	r.nodes[0].mute = false
	r.step()
	r.step()
	r.wantUsed(0, 1)
	// Without Tops there is nobody to send to.
	if d := New(); d.Top(0) != 0 || d.Top(shard.Slots-1) != 0 || d.Up() != 0 {
		t.Error("a Detector without Tops names one")
	}
}

// A Top that drains gets packets only when no other can.
func TestDrain(t *testing.T) {
	r := newRig(t, 3)
	r.run(200 * ms)
	draining := *r.peers[0]
	draining.Drain = true
	r.peers[0] = &draining
	r.Apply(r.now, testCell, r.peers)
	r.wantUsed(1, 2)
	r.nodes[1].mute, r.nodes[2].mute = true, true
	r.until(2, down)
	r.wantUsed(0)
	r.nodes[0].mute = true
	r.until(0, down)
	r.wantUsed(1, 2) // fail open: as if all were up
}

// Apply keeps what is known of those that stay; a Top that joins has to answer
// first, and a cell that was exchanged altogether is taken on trust.
func TestApplyKeepsWhatItKnows(t *testing.T) {
	r := newRig(t, 3)
	joins, all := r.peers[2], r.peers
	r.peers, r.network = all[:2], nil
	r.Apply(0, testCell, r.peers)
	r.run(200 * ms)
	r.nodes[0].mute = true
	r.until(0, down)
	r.peers = all
	r.Apply(r.now, testCell, r.peers)
	r.wantUsed(1)
	r.step()
	r.wantUsed(1)
	r.step()
	r.wantUsed(1, 2)
	r.peers = all[1:]
	r.nodes = r.nodes[1:]
	r.Apply(r.now, testCell, r.peers)
	r.wantUsed(0, 1)
	if r.Up() != 2 {
		t.Errorf("%d up, want the two that stay", r.Up())
	}
	moved := *joins
	moved.Addr += 100 // another machine by the same name
	r.Apply(r.now, testCell, append(r.peers[:1:1], &moved))
	if r.Up() != 1 {
		t.Error("a new machine is believed because of its name")
	}
	r.Apply(r.now, testCell+1, r.peers)
	if r.Up() != 2 {
		t.Error("the Tops of a new cell are not presumed up")
	}
	r.Apply(r.now, testCell, nil)
	if r.Top(5) != 0 {
		t.Error("a Top of a cell that has none")
	}
}

// Time in which the sender stood still is not the nodes' silence; shorter delays
// are, or detection would be late.
func TestPause(t *testing.T) {
	r := newRig(t, 2)
	r.run(200 * ms)
	r.now += 3 * time.Second
	r.Tick(r.now) // nothing of what arrived was read
	r.ask()
	r.run(time.Second)
	if r.Changes != 0 || r.Up() != 2 {
		t.Errorf("%d changes by a pause of the sender's own, %d up", r.Changes, r.Up())
	}
	// A node that died in the pause is found out after it.
	r.nodes[0].mute = true
	r.network = nil
	r.now += 3 * time.Second
	r.Tick(r.now)
	r.ask()
	if took := r.until(0, down); took > downAfter-probePeriod {
		t.Errorf("seen %v after the pause, want at most %v", took, downAfter-probePeriod)
	}
	// Ticks that come a little late do not delay anything.
	r = newRig(t, 2)
	r.run(200 * ms)
	r.nodes[0].mute = true
	last := r.now
	for r.of(0) == up {
		r.now += pauseMin
		r.arrive()
		r.Tick(r.now)
		r.ask()
	}
	if took := r.now - last; took > downAfter+pauseMin {
		t.Errorf("seen after %v by a slow sender", took)
	}
}

// Answers that cross change nothing: only the newest request counts.
func TestNewestAnswerCounts(t *testing.T) {
	r := newRig(t, 1)
	r.nodes[0].serves = false
	r.network = nil
	r.now = probePeriod
	r.ask() // "not serving" at 20 ms
	slow := r.network
	r.network = nil
	r.nodes[0].serves = true
	r.now = 2 * probePeriod
	r.ask() // "serving" at 40 ms
	r.now += 2 * ms
	r.arrive()
	if got := r.Answer(slow[0].from, slow[0].payload); got != drop.BadMessage {
		t.Errorf("an answer that was overtaken: %v", got)
	}
	r.step()
	if r.of(0) != up {
		t.Error("an old answer took the node down")
	}
}
