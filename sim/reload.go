package sim

import (
	"time"

	"hyperplane/cellstate"
)

// publish makes a state of the nodes that are declared, and lets every process
// read it at a time of its own, as from a file that each looks at.
func (w *World) publish(d *dice) {
	w.version++
	s, err := cellstate.Compile("simulated", w.plan.spec(w.version, w.gone, w.draining))
	if err != nil {
		w.fail("simulator", err.Error())
		return
	}
	w.state = s
	for i := range w.procs {
		w.events.push(w.now+d.between(0, 1500*time.Millisecond), evApply, int32(i), int32(w.version))
	}
}

// Steps of a node that goes, in the order of their times; what of evRestart.
const (
	stepKill    = iota // its process is killed and another started
	stepUndrain        // it need not go after all
	stepLeave          // it is not declared any more
	stepStop           // its process ends
	stepJoin           // another process is declared in its place
)

// move lets a node drain. Then it stays after all, or it leaves and another
// takes its place.
func (w *World) move(f *Fault, d *dice) {
	w.draining[f.Place] = true
	w.publish(d)
	after := w.now + f.For
	if f.Kind == Drain {
		w.events.push(after, evRestart, int32(f.Place), stepUndrain)
		return
	}
	for what, t := range []time.Duration{stepLeave: 0, stepStop: stopAfter, stepJoin: stopAfter + time.Second} {
		if what >= stepLeave {
			w.events.push(after+drainTime+t, evRestart, int32(f.Place), int32(what))
		}
	}
}

// moveTime is how long a move takes until the cell has taken it in.
func moveTime(f *Fault) time.Duration { return f.For + drainTime + stopAfter + time.Second + repairMax }

const (
	// drainTime is how long an operator lets a node drain before it is taken out
	// of the state, stopAfter how long after that its process ends.
	drainTime = 5 * time.Second
	stopAfter = 3 * time.Second
)

// step makes one of those steps.
func (w *World) step(p *process, what int32) {
	switch what {
	case stepKill:
		w.crash(p)
		w.start(p)
		return
	case stepUndrain:
		delete(w.draining, p.index)
	case stepLeave:
		delete(w.draining, p.index)
		w.gone[p.index] = true
	case stepStop:
		w.crash(p)
		return
	case stepJoin:
		delete(w.gone, p.index)
		w.start(p)
	}
	d := newDice(w.plan.Seed, forProcesses, uint64(p.index), w.version)
	w.publish(&d)
}
