package sim

import (
	"time"

	"hyperplane/cellstate"
)

// What a flow may be asked to survive: the loss of one node at a time. These
// keep book of which nodes are lost and since when, and let off the connections
// that live through more than that.

// lose notes that the cell must expect to have lost what a node holds.
func (w *World) lose(f *Fault) {
	if f.Kind == Swizzle {
		w.beyond(w.now + f.For + rebuildMax)
		return
	}
	w.lost[f.Place]++
	if w.tooMany() {
		w.sometimes[DoubleFailure]++
		w.beyond(w.now)
	}
}

// recover notes that the node serves again; it counts as lost until repaired.
func (w *World) recover(f *Fault) {
	if f.Kind == Swizzle {
		return
	}
	if w.tooMany() {
		w.beyond(w.now + rebuildMax)
	}
	w.lost[f.Place]--
	w.repaired[f.Place] = w.now + repairMax
}

// losses is how many nodes are lost or not yet repaired.
func (w *World) losses() (n int) {
	for i := range w.lost {
		if w.lost[i] > 0 || w.repaired[i] > w.now {
			n++
		}
	}
	return n
}

// tolerance is how many may be lost at once: one, as long as a majority of
// those that keep flows remains and each role has another node.
func (w *World) tolerance() int {
	var keepers, tops, deciders int
	for i, n := range w.plan.nodes {
		if w.gone[i] || w.draining[i] {
			continue
		}
		if n.roles&cellstate.RoleFlowMaster != 0 {
			keepers++
		}
		if n.roles&cellstate.RoleTop != 0 {
			tops++
		}
		if n.roles&cellstate.RoleDecider != 0 {
			deciders++
		}
	}
	if keepers < 3 || tops < 2 || deciders < 2 {
		return 0
	}
	return 1
}

// beyond lets off every connection that lives now or begins before until.
func (w *World) beyond(until time.Duration) {
	w.excusedUntil = max(w.excusedUntil, until)
	for _, c := range w.live {
		c.excused = true
	}
	clear(w.mapped)
	clear(w.ports)
}

// tooMany reports whether more is lost at this moment than is promised for, or the cell
// has not recovered from that yet: one more loss then, and it begins anew.
func (w *World) tooMany() bool {
	return w.now <= w.excusedUntil || w.tolerance() < w.losses()
}

// excusable reports whether connections may break at this moment.
func (w *World) excusable() bool { return w.plan.DeliverCorrupt || w.tooMany() }
