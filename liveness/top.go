package liveness

import (
	"time"

	"hyperplane/cellstate"
)

// condition is what a sender thinks of a Top, the best first.
type condition uint8

const (
	up        condition = iota // gets packets
	holding                    // good again, but not for long enough
	unwilling                  // answers in time, and says that it does not serve
	down                       // silent
)

// top is what the Detector knows of one Top.
type top struct {
	*cellstate.Peer
	condition condition

	answered    bool          // ever; the next two are the newest answer's
	incarnation uint64        // a node that starts anew has another
	restarted   bool          // and changed since the last Tick
	serving     bool          // before any: whether it is presumed to
	newest      time.Duration // the newest answered request; nothing older counts
	deadline    time.Duration // silent from here on

	goodSince time.Duration // holding: since when
	fell      time.Duration // the last fall
	hold      time.Duration // the hold-down after it; 0: it never fell
}

// presumed is a Top of the first set: in use until it had its time to answer.
func presumed(now time.Duration, p *cellstate.Peer) top {
	return top{Peer: p, condition: up, serving: true, newest: now - 1, deadline: now + downAfter}
}

// unproven is a Top that joins others: not in use until it answers.
func unproven(now time.Duration, p *cellstate.Peer) top {
	return top{Peer: p, condition: down, newest: now - 1}
}

// judge draws the conclusions of a Tick.
func (t *top) judge(now time.Duration) {
	if t.restarted {
		t.restarted = false
		t.lower(now)
	}
	if now >= t.deadline {
		t.lower(now)
		return
	}
	if !t.serving {
		t.lower(now)
		t.condition = unwilling
		return
	}
	if t.condition > holding {
		t.condition, t.goodSince = holding, now
	}
	if t.condition == holding && now-t.goodSince >= t.hold {
		t.condition = up
	}
}

// lower takes the Top down. From up that is a fall, unless it never answered:
// then nothing was there that could fall.
func (t *top) lower(now time.Duration) {
	if t.condition == up && t.answered {
		if t.hold == 0 || now-t.fell >= forgiveAfter {
			t.hold = holdDownMin
		} else {
			t.hold = min(2*t.hold, holdDownMax)
		}
		t.fell = now
	}
	t.condition = down
}

// skip leaves out d of time.
func (t *top) skip(d time.Duration) {
	t.deadline += d
	t.goodSince += d
}

// class orders Tops by how fit they are for packets; the lowest class that is
// there gets them all.
func (t *top) class() uint8 {
	c := 2 * uint8(t.condition)
	if t.Drain {
		c++
	}
	return c
}
