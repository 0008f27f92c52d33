package natgw

import (
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
)

func missFrom(service uint32, src packet.Addr4, inbound bool) *chain.Message {
	vni := uint32(100)
	if inbound {
		vni = 0
	}
	return &chain.Message{
		Kind: chain.Miss, Service: service, Inbound: inbound,
		Flow: packet.MakeTuple(vni, packet.ProtoUDP, src, 4000, 0xcb00710a, 53),
	}
}

// allowed counts how many of n misses pass, spread evenly over a second.
func allowed(b *missBudgets, begin time.Duration, n int, m func(i int) *chain.Message) (passed int) {
	for i := range n {
		if b.allows(begin+time.Duration(i)*time.Second/time.Duration(n), m(i)) {
			passed++
		}
	}
	return passed
}

// near reports whether n is within 2 % of want.
func near(n, want int) bool { return n > want*98/100 && n < want*102/100 }

// One source has its burst and then its rate, and no more.
func TestMissBudgetOfASource(t *testing.T) {
	b := newMissBudgets(flowtable.Seed{7})
	one := func(int) *chain.Message { return missFrom(1, 1, false) }
	if n := allowed(&b, 0, 100_000, one); !near(n, 2*missesPerSource) {
		t.Errorf("in the first second %d passed, want the burst and the rate of one second, %d", n, 2*missesPerSource)
	}
	if n := allowed(&b, time.Second, 100_000, one); !near(n, missesPerSource) {
		t.Errorf("in the next second %d passed, want %d", n, missesPerSource)
	}
}

// A scan of one public address from all over the internet leaves other services,
// and the instances behind that address, what is theirs.
func TestMissBudgetOfAScan(t *testing.T) {
	b := newMissBudgets(flowtable.Seed{7})
	scan := func(i int) *chain.Message { return missFrom(1, packet.Addr4(i*2654435761), true) }
	allowed(&b, 0, 100_000, scan)
	if n := allowed(&b, time.Second, 100_000, scan); !near(n, missesPerService) {
		t.Errorf("%d of the scan's packets passed, want %d", n, missesPerService)
	}
	if n := allowed(&b, time.Second, 1000, func(int) *chain.Message { return missFrom(1, 5, false) }); n != 1000 {
		t.Errorf("%d of 1,000 new flows from inside passed during a scan of their address", n)
	}
	if n := allowed(&b, time.Second, 1000, func(int) *chain.Message { return missFrom(2, 6, true) }); n != 1000 {
		t.Errorf("%d of 1,000 misses of another service passed", n)
	}
}

// A node's death makes every flow miss once: ten thousand at one moment pass, also
// if all of them have one remote.
func TestMissBudgetAfterADeath(t *testing.T) {
	b := newMissBudgets(flowtable.Seed{7})
	for i := range 10_000 {
		if !b.allows(time.Hour, missFrom(1, 9, true)) {
			t.Fatalf("flow %d did not pass", i)
		}
	}
}

func TestMissBudgetAllocatesNothing(t *testing.T) {
	b := newMissBudgets(flowtable.Seed{7})
	m := missFrom(1, 1, false)
	if n := testing.AllocsPerRun(100, func() { b.allows(0, m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
