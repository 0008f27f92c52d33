package liveness

import (
	"testing"
	"time"

	"hyperplane/shard"
)

// After Apply nothing allocates: not the quiet case, and not a node that falls
// and rises.
func TestNoAllocation(t *testing.T) {
	d := New()
	d.Apply(0, testCell, peers(3))
	now := time.Duration(0)
	round := func(silent int) {
		now += probePeriod
		for i, p := range d.Probes(now) {
			if i == silent {
				continue
			}
			AnswerProbe(p.Payload, testCell, true, 1)
			d.Answer(p.To, p.Payload)
		}
		d.Tick(now)
		d.Top(uint32(now) % shard.Slots)
	}
	if n := testing.AllocsPerRun(100, func() { round(-1) }); n != 0 {
		t.Errorf("%v allocations per Tick", n)
	}
	changes := d.Changes
	if n := testing.AllocsPerRun(5, func() {
		for range 10 {
			round(1)
		}
		for range 600 {
			round(-1)
		}
	}); n != 0 {
		t.Errorf("%v allocations per fall", n)
	}
	if d.Changes < changes+10 {
		t.Errorf("%d changes: no node fell and rose", d.Changes-changes)
	}
}

// Top is a look-up in a table: it runs for every packet to the cell.
func BenchmarkTop(b *testing.B) {
	d := New()
	d.Apply(0, testCell, peers(3))
	for i := uint32(0); b.Loop(); i++ {
		d.Top(i % shard.Slots)
	}
}

// BenchmarkTick is what every sender pays every 20 ms: one Tick, a probe to each
// of 16 Tops, and their answers.
func BenchmarkTick(b *testing.B) {
	d := New()
	d.Apply(0, testCell, peers(16))
	for now := probePeriod; b.Loop(); now += probePeriod {
		for _, p := range d.Probes(now) {
			AnswerProbe(p.Payload, testCell, true, 1)
			d.Answer(p.To, p.Payload)
		}
		d.Tick(now)
	}
}

// BenchmarkChange is the longest work of a Tick: one of 16 Tops goes or comes.
func BenchmarkChange(b *testing.B) {
	d := New()
	d.Apply(0, testCell, peers(16))
	for b.Loop() {
		d.tops[3].condition = down - d.tops[3].condition
		d.choose()
	}
}
