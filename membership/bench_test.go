package membership

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// steady returns a machine of a formed cell and a function that lets one hello of
// a peer come 20 ms / (n-1) later, and everything else that is due happen.
func steady(t failer, n int) (hear func()) {
	c := formed(t, n)
	m, now, k := c.boxes[0].m, c.now, 0
	h := make([]hello, n)
	var payload [HelloMax]byte
	for i := 1; i < n; i++ {
		h[i].decode(slices.Clone(c.boxes[i].m.Hello(now+helloPeriod)), cellID)
	}
	return func() {
		k = k%(n-1) + 1
		now += helloPeriod / time.Duration(n-1)
		x := &h[k]
		x.now = c.boxes[k].m.clock(now)
		for i := range x.n {
			if x.peers[i].addr == m.self {
				x.peers[i].echo = m.clock(now)
			}
		}
		m.Hear(now, address(k), payload[:x.encode(payload[:])])
		m.Tick(now)
		m.Hello(now)
	}
}

// Nothing on the way of a hello allocates.
func TestHellosDoNotAllocate(t *testing.T) {
	for _, n := range []int{3, 16} {
		if a := testing.AllocsPerRun(1000, steady(t, n)); a != 0 {
			t.Errorf("%d nodes: %v allocations for a hello", n, a)
		}
	}
}

// BenchmarkHear is a hello heard, a Tick, and the part of a hello said that one
// heard causes.
func BenchmarkHear(b *testing.B) {
	for _, n := range []int{3, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			hear := steady(b, n)
			b.ReportAllocs()
			for b.Loop() {
				hear()
			}
		})
	}
}
