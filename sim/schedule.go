package sim

import "time"

// drawFaults makes the schedule: at most Together faults that could cost the
// cell what a node holds are in force or not yet repaired at once. Such a fault
// counts until repairMax after its end, because until then the flows that it
// cost a copy may have only one.
func (p *Plan) drawFaults(o Options) {
	d := newDice(p.Seed, forFaults)
	last := p.Duration
	if p.Stopping > 0 {
		last = p.Stopping
	}
	var moved time.Duration  // until when the node set changes
	var busy []time.Duration // when each that is in force has been repaired
	gap := p.Duration / time.Duration(d.from(4, 30))
	for at := 2*time.Second + d.between(0, 4*time.Second); at < last; at += d.about(gap) {
		f := Fault{Kind: Kind(d.below(int(kinds))), Number: len(p.Faults), At: at, Draw: d.next()}
		f.For = drawLength(&d, f.Kind)
		if p.Stopping > 0 {
			f.For = min(f.For, p.Stopping-at)
		}
		p.drawPlaces(&d, &f)
		if f.Place < 0 {
			continue
		}
		if f.Kind == Drain || f.Kind == Leave {
			// One change of the node set at a time, and taken in by the end.
			done := at + moveTime(&f)
			if at < moved || p.Stopping > 0 && done > p.Stopping+healMax {
				continue
			}
			moved = done
		}
		if f.Kind.loses() {
			n := 0
			for _, until := range busy {
				if until > at {
					busy[n] = until
					n++
				}
			}
			busy = busy[:n]
			cost := 1
			if f.Kind == Swizzle {
				cost = 2
			}
			if len(busy)+cost > p.Together {
				continue
			}
			for range cost {
				busy = append(busy, f.At+f.For+repairMax)
			}
		}
		p.Faults = append(p.Faults, f)
	}
}

// drawLength: mostly short, at times as long as the list of faults says.
func drawLength(d *dice, k Kind) time.Duration {
	switch k {
	case Pause:
		if d.below(6) == 0 {
			return d.between(5*time.Second, 60*time.Second)
		}
		return d.between(30*time.Millisecond, 3*time.Second)
	case EdgePause, HostPause:
		return d.between(20*time.Millisecond, 2*time.Second)
	case Swizzle:
		return d.between(50*time.Millisecond, time.Second)
	}
	if d.below(4) == 0 {
		return d.between(3*time.Second, 15*time.Second)
	}
	return d.between(20*time.Millisecond, 2*time.Second)
}

// drawPlaces chooses whom a fault meets; -1 for Place: the world has none such.
func (p *Plan) drawPlaces(d *dice, f *Fault) {
	n := len(p.nodes)
	f.Place = d.below(n)
	f.Other = (f.Place + 1 + d.below(n-1)) % n
	switch f.Kind {
	case EdgePause:
		f.Place = n + d.below(p.edges)
	case HostPause:
		f.Place = n + p.edges + d.below(p.hosts)
	case Drain, Leave:
		if n < 5 {
			f.Place = -1 // the ones that stay must be able to lose one
		}
	}
}
