package flowtrack

import (
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/packet"
)

// newMax is how long New of both machines may take for a million flows: it writes nothing, so it
// is a matter of microseconds unless someone begins to initialise the tables.
const newMax = 20 * time.Millisecond

func TestNewTouchesNothing(t *testing.T) {
	fastest := time.Hour
	for range 5 { // the best of five: the machine may be busy
		start := time.Now()
		m := New(Config{FlowsMax: 1 << 20})
		d := decider.New(decider.Config{PortsMax: 1 << 20})
		fastest = min(fastest, time.Since(start))
		if m.Len() != 0 || d.Leased() != 0 {
			t.Fatal("not empty")
		}
	}
	if fastest > newMax {
		t.Errorf("New takes %v, budget %v", fastest, newMax)
	}
}

// pair is a Flow Master and a Decider wired without a test's bookkeeping.
type pair struct {
	master  *Master
	decider *decider.Decider
	out     []chain.Message
	answers []chain.Message
}

func newPair(tb testing.TB, n int) *pair {
	state := mustState(tb, blueGateway)
	p := &pair{New(Config{FlowsMax: n}), decider.New(decider.Config{PortsMax: n}), make([]chain.Message, 0, 4096), make([]chain.Message, 0, 8)}
	p.decider.Apply(0, state)
	p.master.Apply(0, state, nil)
	return p
}

func (p *pair) step(now time.Duration, msg chain.Message) chain.Message {
	p.out = p.master.Step(now, msg, p.out[:0])
	if len(p.out) == 1 && p.out[0].Kind == chain.Choose {
		p.answers = p.decider.Step(now, p.out[0], p.answers[:0])
		p.out = p.master.Step(now, p.answers[0], p.out[:0])
	}
	if len(p.out) == 0 {
		return chain.Message{}
	}
	return p.out[len(p.out)-1]
}

func (p *pair) tick(now time.Duration) {
	p.decider.Tick(now)
	p.out = p.master.Tick(now, p.out[:0])
	for _, msg := range p.out {
		if msg.Kind.ForDecider() {
			p.answers = p.decider.Step(now, msg, p.answers[:0])
		}
	}
}

// spread is the i-th flow, over many destinations.
func spread(i int) packet.Tuple {
	flow := tuple(packet.ProtoUDP, i)
	flow.Dst += packet.Addr4(i % 1000)
	return flow
}

func TestStepsDoNotAllocate(t *testing.T) {
	p := newPair(t, 1<<14)
	now, i := time.Duration(0), 0
	if n := testing.AllocsPerRun(50000, func() {
		entry := p.step(now, missOf(spread(i)))
		p.step(now, missOf(spread(i)))
		p.step(now, replyTo(entry, 0))
		p.step(now, seenOf(entry, now, 0, 0))
		p.tick(now)
		now += 20 * time.Millisecond
		i++
	}); n != 0 {
		t.Errorf("%v allocations per flow", n)
	}
	if p.master.Len() == 0 || p.master.Len() > 7000 { // 121 s at 50 a second
		t.Errorf("%d flows live", p.master.Len())
	}
}

// BenchmarkNewFlow is a flow's whole life in both machines: miss, decision,
// record, expiry, rest.
func BenchmarkNewFlow(b *testing.B) {
	p := newPair(b, 1<<20)
	b.ReportAllocs()
	now := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		if p.step(now, missOf(spread(i))).Kind != chain.Entry {
			b.Fatal("refused")
		}
		if i%64 == 0 {
			now += 64 * 200 * time.Microsecond
			p.tick(now)
		}
	}
	b.ReportMetric(float64(p.master.Len()), "flows")
}

// benchmarkAmongMillion runs op over the entries of 900,000 flows.
func benchmarkAmongMillion(b *testing.B, op func(p *pair, entry chain.Message)) {
	const flows = 900_000
	p := newPair(b, 1<<20)
	entries := make([]chain.Message, 0, flows/16)
	for i := range flows {
		entry := p.step(0, missOf(spread(i)))
		if i%16 == 0 {
			entries = append(entries, entry)
		}
	}
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		op(p, entries[i*2654435761%uint32(len(entries))])
	}
}

func BenchmarkMissOfKnownFlow(b *testing.B) {
	benchmarkAmongMillion(b, func(p *pair, entry chain.Message) {
		if p.step(time.Second, missOf(entry.Flow)).Kind != chain.Entry {
			b.Fatal("lost")
		}
	})
}

func BenchmarkSeen(b *testing.B) {
	benchmarkAmongMillion(b, func(p *pair, entry chain.Message) {
		p.step(time.Second, seenOf(entry, time.Second, 0, 0))
	})
}
