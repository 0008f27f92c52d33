package sim

import (
	"maps"
	"time"
)

// Shrink looks for a smaller world in which the same invariant breaks: first
// without some of the faults, then with shorter ones, then with fewer clients.
// It goes on until nothing can be left out or the time is over, and returns the
// report of the smallest, with its last events.
func Shrink(r Report, limit time.Duration) Report {
	until := time.Now().Add(limit)
	best := r
	try := func(o Options) bool {
		if time.Now().After(until) {
			return false
		}
		next, err := Run(o)
		if err != nil || next.Failure == nil || next.Failure.Invariant != r.Failure.Invariant {
			return false
		}
		best = next
		return true
	}
	best = dropFaults(best, try)
	for range 8 {
		o := best.Options
		o.Shorter++
		if !try(o) {
			break
		}
		best.Options = o
	}
	for n := len(best.Plan.Clients) / 2; n > 0; n /= 2 {
		o := best.Options
		o.Clients = n
		if !try(o) {
			break
		}
	}
	best = dropFaults(best, try)
	if last, err := Explain(best.Options); err == nil && last.Failure != nil {
		return last
	}
	return best
}

// dropFaults leaves out halves, quarters … and at last single faults.
func dropFaults(best Report, try func(Options) bool) Report {
	for size := max(1, len(best.Plan.Faults)/2); size > 0; size /= 2 {
		for from := 0; from < len(best.Plan.Faults); {
			o := best.Options
			o.Drop = maps.Clone(o.Drop)
			if o.Drop == nil {
				o.Drop = map[int]bool{}
			}
			for _, f := range best.Plan.Faults[from:min(from+size, len(best.Plan.Faults))] {
				o.Drop[f.Number] = true
			}
			if !try(o) {
				from += size
				continue
			}
			best.Options = o
			best.Plan = NewPlan(o)
		}
	}
	return best
}
