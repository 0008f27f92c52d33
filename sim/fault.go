package sim

import (
	"fmt"
	"time"
)

// Kind is a kind of fault; the F-number is that of the list of faults.
type Kind uint8

// The faults.
const (
	Crash         Kind = iota // F1: the node is gone, and comes back empty
	CrashLoop                 // F3: again and again
	Pause                     // F2: stopped, then a zombie that goes on
	Slow                      // F4: each turn takes long
	Isolate                   // F17: nobody reaches it, it reaches nobody
	Partition                 // F17: only the other nodes and it do not reach each other
	OneWay                    // F18: it hears nobody, or nobody hears it
	NonTransitive             // F19: two nodes do not reach each other, others reach both
	Lossy                     // F9: its links lose a part of everything
	Burst                     // F10: its links have bad spells
	Swizzle                   // F20: links are stopped one by one and restored in another order
	Congested                 // F15: a narrow link with a deep queue
	Late                      // F11: its links become slow
	Copies                    // F13: its links copy datagrams
	Drain                     // F55: a node drains and stays after all
	Leave                     // F55, F56: a node drains and goes, another joins in its place
	EdgePause                 // an edge is stopped
	HostPause                 // a host is stopped
	kinds
)

var kindNames = [kinds]string{
	"crash", "crash-loop", "pause", "slow", "isolate", "partition", "one-way", "non-transitive", "lossy", "burst",
	"swizzle", "congested", "late", "copies", "drain", "leave", "edge-pause", "host-pause",
}

func (k Kind) String() string { return kindNames[k] }

// ParseKind finds a kind by its name.
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("no fault is called %q; there are %v", name, kindNames)
}

// Fault is one fault of a plan.
type Fault struct {
	Kind   Kind
	Number int // in the seed's full schedule
	At     time.Duration
	For    time.Duration
	Place  int    // whom it meets
	Other  int    // NonTransitive: the other one
	Draw   uint64 // seeds what else it draws
}

func (f Fault) String() string {
	s := fmt.Sprintf("%-14v place %d", f.Kind, f.Place)
	if f.Kind == NonTransitive {
		s += fmt.Sprintf(" and %d", f.Other)
	}
	return s + fmt.Sprintf(" from %v for %v", f.At.Round(time.Millisecond), f.For.Round(time.Millisecond))
}

// loses reports whether the cell must expect to lose what the node holds.
func (k Kind) loses() bool {
	switch k {
	case Late, Copies, Drain, Leave, EdgePause, HostPause:
		return false
	}
	return true
}

// blurs reports whether packets may be lost or late for long although no node
// is lost: nobody can then be asked for an answer in time, only that it lives.
func (k Kind) blurs() bool {
	switch k {
	case Slow, Lossy, Burst, Swizzle, Congested, Late, EdgePause, HostPause:
		return true
	}
	return false
}

// begin puts a fault into force.
func (w *World) begin(f *Fault) {
	w.note(fmt.Sprintf("fault %d begins: %v", f.Number, f))
	w.sometimes[counterOf[f.Kind]]++
	if f.Kind.loses() {
		w.lose(f)
	}
	if f.Kind.blurs() {
		// A sender's timer may be at its longest by then, and two packets may be wanted
		// one after the other: one that ends an old connection, and the SYN.
		w.disturbed = max(w.disturbed, w.now+f.For+2*rtoMax)
	}
	d := dice{f.Draw}
	switch f.Kind {
	case Crash:
		w.crash(w.procs[f.Place])
	case CrashLoop:
		w.crash(w.procs[f.Place])
		for t := w.now; t < w.now+f.For; t += d.between(50*time.Millisecond, 900*time.Millisecond) {
			w.events.push(t, evRestart, int32(f.Place), stepKill) // and dies again
		}
	case Pause, EdgePause, HostPause:
		w.procs[f.Place].pause()
	case Slow:
		w.procs[f.Place].cost = d.between(2*time.Millisecond, 150*time.Millisecond)
	case Swizzle:
		w.swizzle(f, &d)
	case Drain, Leave:
		w.move(f, &d)
	default:
		w.overlay(f, &d, 1)
	}
}

// end takes back what begin did.
func (w *World) end(f *Fault) {
	w.note(fmt.Sprintf("fault %d ends: %v", f.Number, f.Kind))
	if f.Kind.loses() {
		w.recover(f)
	}
	d := dice{f.Draw}
	switch p := w.procs[f.Place]; f.Kind {
	case Crash, CrashLoop:
		w.crash(p)
		w.start(p)
	case Pause, EdgePause, HostPause:
		p.resume()
	case Slow:
		p.cost = 0
	case Swizzle, Drain, Leave:
	default:
		w.overlay(f, &d, -1)
	}
}

// overlay adds a fault of links, or with sign -1 takes it off.
func (w *World) overlay(f *Fault, d *dice, sign int) {
	a := f.Place
	switch f.Kind {
	case NonTransitive:
		w.net.link(a, f.Other).cuts += sign
		w.net.link(f.Other, a).cuts += sign
		return
	case Partition:
		for b := range w.plan.nodes {
			w.net.link(a, b).cuts += sign
			w.net.link(b, a).cuts += sign
		}
		return
	}
	hears, heard := d.below(2) == 0, true
	if hears {
		heard = d.below(2) == 0
	}
	size := d.from(1, 4)
	for b := range w.net.addrs {
		if b == a {
			continue
		}
		out, in := w.net.link(a, b), w.net.link(b, a)
		switch f.Kind {
		case Isolate:
			out.cuts += sign
			in.cuts += sign
		case OneWay:
			if hears && !heard {
				out.cuts += sign
			} else {
				in.cuts += sign
			}
		case Lossy:
			out.loss += sign * size * 100_000
			in.loss += sign * size * 100_000
		case Burst:
			out.bursts += sign
			in.bursts += sign
		case Congested:
			in.perPacket += time.Duration(sign*size) * 400 * time.Microsecond
		case Late:
			out.delay += time.Duration(sign*size) * 4 * time.Millisecond
			in.delay += time.Duration(sign*size) * 4 * time.Millisecond
		case Copies:
			out.copies += sign * size * 50_000
			in.copies += sign * size * 50_000
		}
	}
}

// swizzle stops the links of some nodes one by one and lets them go in another
// order. What is sent meanwhile waits.
func (w *World) swizzle(f *Fault, d *dice) {
	n := len(w.net.addrs)
	for i := range n {
		for j := range n {
			if i != j && d.below(3) == 0 {
				l := w.net.link(i, j)
				l.clogged = max(l.clogged, w.now+d.between(f.For/4, f.For))
			}
		}
	}
}
