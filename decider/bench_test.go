package decider

import (
	"fmt"
	"testing"

	"hyperplane/chain"
)

// BenchmarkChoose leases a port of a destination that holds many, ends its flow
// and frees another one, so that the held ones are those of a long life.
func BenchmarkChoose(b *testing.B) {
	for _, held := range []int{0, 30000, 55000, heldPerDestinationMax - 1} {
		b.Run(fmt.Sprint(held), func(b *testing.B) {
			d := newDecider(b, 1<<17, oneAddress)
			ring := make([]chain.Message, held+1) // what is held, oldest first
			out := make([]chain.Message, 0, 1)
			lease := func(i int) {
				out = d.Step(0, choose(i, 0), out[:0])
				if out[0].Kind != chain.Chosen {
					b.Fatalf("flow %d: %v", i, out[0])
				}
				d.Step(0, about(chain.End, out[0]), out[:0])
				ring[i%len(ring)] = about(chain.Release, out[0])
			}
			for i := range 2 * len(ring) {
				d.Step(0, ring[i%len(ring)], out[:0])
				lease(i)
			}
			d.Step(0, ring[0], out[:0])
			b.ReportAllocs()
			for i := 2 * len(ring); b.Loop(); i++ {
				lease(i)
				d.Step(0, ring[(i+1)%len(ring)], out[:0])
			}
		})
	}
}

// BenchmarkRenew is a Lease of a port that is known, one of a million.
func BenchmarkRenew(b *testing.B) {
	const n = 1 << 20
	d := newDecider(b, n, oneAddress)
	known := make([]chain.Message, n)
	for i := range known {
		known[i] = about(chain.Lease, answer(b, d, 0, choose(i, i%100)))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Step(0, known[i*7919%n], nil)
	}
}
