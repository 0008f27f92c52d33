package sim

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Options say what to run. The zero value of a field means the seed's own choice.
type Options struct {
	Seed     uint64
	Duration time.Duration
	Nodes    int
	Clients  int           // at most so many
	Only     map[Kind]bool // faults of these kinds only
	Drop     map[int]bool  // faults left out, by number
	Shorter  int           // faults last so many halvings less
	Sabotage int           // a deliberate bug; 0: none

	Careful bool     // every check at every step
	Traced  bool     // keep the last events
	Follow  []string // keep those too that contain one of these: a tuple, "203.0.113.10:80"
}

// Report says what happened.
type Report struct {
	Options   Options
	Plan      *Plan
	Failure   *Failure // nil: all held
	Hash      uint64   // of every event
	Steps     uint64
	Turns     uint64
	Simulated time.Duration
	Wall      time.Duration
	Stats     Stats
	Sometimes [counters]uint64
}

// Run runs the world of one seed. The error is about the options; what the
// code under test does wrong is in the report.
func Run(o Options) (r Report, err error) {
	p := NewPlan(o)
	if p.places() > placesMax {
		return r, fmt.Errorf("sim: %d places, at most %d", p.places(), placesMax)
	}
	began := time.Now()
	r = Report{Options: o, Plan: p}
	var w *World
	func() {
		defer func() {
			if e := recover(); e != nil && w != nil {
				w.violate(Panic, fmt.Sprintf("%v\n%s", e, debug.Stack()))
			} else if e != nil {
				panic(e)
			}
		}()
		w = newSimulation(p)
		w.careful = o.Careful
		if o.Traced {
			w.tracing = &tracer{follow: o.Follow}
		}
		w.run()
	}()
	w.close()
	r.Failure, r.Hash, r.Steps, r.Turns = w.failure, uint64(w.hash), w.steps, w.turns
	r.Simulated, r.Wall, r.Stats, r.Sometimes = w.now, time.Since(began), w.stats, w.sometimes
	if r.Failure != nil && w.tracing != nil {
		r.Failure.Diagram = w.tracing.all.diagram()
		if o.Follow != nil {
			r.Failure.Followed = w.tracing.one.diagram()
		}
	}
	return r, nil
}

// Explain runs a failing world again, with its last events and those of the
// connection that it failed by.
func Explain(o Options) (Report, error) {
	o.Traced = true
	r, err := Run(o)
	if err == nil && r.Failure != nil && r.Failure.Conn != 0 && o.Follow == nil {
		o.Follow = r.Failure.follow
		r, err = Run(o)
	}
	return r, err
}

// Command is what runs the same world again.
func (o Options) Command() string {
	s := fmt.Sprintf("hyperplane sim --seed %d", o.Seed)
	add := func(format string, args ...any) { s += " --" + fmt.Sprintf(format, args...) }
	if o.Clients > 0 {
		add("clients %d", o.Clients)
	}
	if o.Nodes > 0 {
		add("nodes %d", o.Nodes)
	}
	if o.Duration > 0 {
		add("duration %v", o.Duration)
	}
	if o.Shorter > 0 {
		add("shorter %d", o.Shorter)
	}
	if o.Sabotage > 0 {
		add("sabotage %d", o.Sabotage)
	}
	if n := len(o.Drop); n > 0 {
		var list []string
		for i := range maxKey(o.Drop) + 1 {
			if o.Drop[i] {
				list = append(list, fmt.Sprint(i))
			}
		}
		add("drop %s", strings.Join(list, ","))
	}
	if len(o.Only) > 0 {
		var list []string
		for k := range kinds {
			if o.Only[k] {
				list = append(list, k.String())
			}
		}
		add("only %s", strings.Join(list, ","))
	}
	if o.Careful {
		s += " --careful"
	}
	return s
}

func maxKey(m map[int]bool) (most int) {
	for k := range m {
		most = max(most, k)
	}
	return most
}

// String is the whole report of a run.
func (r *Report) String() string {
	var b strings.Builder
	if f := r.Failure; f != nil {
		fmt.Fprintf(&b, "seed %d, step %d, %s: %s\n%s\n\n", r.Options.Seed, f.Step, f.At, f.Invariant, f.Text)
		if f.Diagram != "" {
			fmt.Fprintf(&b, "```mermaid\n%s```\n\n", f.Diagram)
		}
		if f.Followed != "" {
			fmt.Fprintf(&b, "what is followed, alone:\n```mermaid\n%s```\n\n", f.Followed)
		}
		fmt.Fprintf(&b, "again: %s\n", r.Options.Command())
	}
	fmt.Fprintf(&b, "seed %d: %v\n%v", r.Options.Seed, r.Plan, &r.Stats)
	fmt.Fprintf(&b, "\n%v simulated in %v: %.0f times as fast; %d events, %d turns; hash %016x\n", r.Simulated, r.Wall.Round(time.Millisecond),
		float64(r.Simulated)/float64(r.Wall), r.Steps, r.Turns, r.Hash)
	return b.String()
}
