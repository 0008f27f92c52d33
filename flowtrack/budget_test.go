package flowtrack

import (
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/packet"
	"hyperplane/shard"
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

// pair is a Flow Master and a Decider wired without a test's bookkeeping. With a
// second node in its view, pair plays that one too.
type pair struct {
	master  *Master
	decider *decider.Decider
	out     []chain.Message
	answers []chain.Message
}

func newPair(tb testing.TB, n int, members ...int) *pair {
	state := mustState(tb, blueGateway)
	p := &pair{New(Config{Self: nodeAddr(0), FlowsMax: n}), decider.New(decider.Config{PortsMax: n}), make([]chain.Message, 0, 4096), make([]chain.Message, 0, 8)}
	p.decider.Apply(0, state)
	p.master.Apply(0, state, nil)
	p.enter(0, 1, true, append([]int{0}, members...)...)
	return p
}

// enter enters a view of the nodes, made from the one before.
func (p *pair) enter(now time.Duration, number uint64, empty bool, nodes ...int) {
	v := View{Ballot: number << 32, Empty: empty, Mine: true, Copies: 2}
	if number > 1 {
		v.Prev = (number - 1) << 32
	}
	for _, i := range nodes {
		v.Members = append(v.Members, Member{Addr: nodeAddr(i), ID: shard.NodeID(nodeNames[i : i+1]), Now: true, Next: true})
	}
	p.master.Enter(now, v, View{})
	p.master.Stand(Standing{Serving: true})
}

// step gives the master a message and answers what it asks, up to its answer.
func (p *pair) step(now time.Duration, msg chain.Message) chain.Message {
	p.out = p.master.Step(now, msg, p.out[:0])
	for len(p.out) > 0 {
		last := p.out[len(p.out)-1]
		switch last.Kind {
		case chain.Choose:
			p.answers = p.decider.Step(now, last, p.answers[:0])
			p.out = p.master.Step(now, p.answers[0], p.out[:0])
		case chain.Copy: // to the second node, which has it at once
			last.Kind = chain.Done
			p.out = p.master.Step(now, last, p.out[:0])
			last.Kind = chain.Entry
			return last
		default:
			return last
		}
	}
	return chain.Message{}
}

func (p *pair) tick(now time.Duration) {
	p.decider.Tick(now)
	p.out = p.master.Tick(now, p.out[:0])
	for i := range p.out {
		switch p.out[i].Kind {
		case chain.Lease, chain.End, chain.Release:
			p.answers = p.decider.Step(now, p.out[i], p.answers[:0])
		}
	}
}

// batches takes the batches that are due and acknowledges them.
func (p *pair) batches(now time.Duration) (n int) {
	for {
		b, records, ok := p.master.NextBatch(now, p.out[:0])
		if !ok {
			return n
		}
		n += len(records)
		p.master.Step(now, chain.Message{Kind: chain.Ack, From: b.To, View: p.master.Ballot(), Lease: uint64(b.Number)}, nil)
	}
}

// spread is the i-th flow, over many destinations.
func spread(i int) packet.Tuple {
	flow := tuple(packet.ProtoUDP, i)
	flow.Dst += packet.Addr4(i % 1000)
	return flow
}

// ownedBy returns whether this node owns the flow's slot.
func (p *pair) owns(flow packet.Tuple) bool { return p.master.ownsInView(slotOf(1, flow)) }

func TestStepsDoNotAllocate(t *testing.T) {
	p := newPair(t, 1<<14, 1)
	now, i := time.Duration(0), 0
	if n := testing.AllocsPerRun(50000, func() {
		now += 20 * time.Millisecond
		p.tick(now)
		p.batches(now)
		i++
		flow := spread(i)
		if !p.owns(flow) { // the other owner's: Copy, Miss, Seen, End at a holder
			c := chain.Message{
				Kind: chain.Copy, Service: 1, Flow: flow, State: uint8(Active), Public: addrPublic, PublicPort: uint16(1024 + i%50000),
				Lease: uint64(i), View: p.master.Ballot(), From: nodeAddr(1), Packet: true, Top: topAddr(1),
			}
			p.step(now, c)
			p.master.Heard(now, nodeAddr(1), c.View, uint32(i), false)
			c.Kind = chain.Seen
			p.step(now, c)
			c.Kind = chain.Miss
			p.step(now, c)
			c.Kind, c.Packet, c.State = chain.Copy, false, uint8(Resting)
			p.step(now, c)
			return
		}
		entry := p.step(now, missOf(flow))
		p.step(now, missOf(flow))
		p.step(now, replyTo(entry, 0))
		p.step(now, seenOf(entry, 0, 0, 0))
		entry.Kind, entry.Reason = chain.Refused, 1
		p.step(now, entry)
	}); n != 0 {
		t.Errorf("%v allocations per flow", n)
	}
	if p.master.Len() == 0 || p.master.Len() > 14000 { // 121 s and the rests at 50 a second
		t.Errorf("%d flows live", p.master.Len())
	}
}

var addrPublic = addr("198.51.100.1")

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

// amongMillion is a pair with 900,000 flows, and every 16th of their entries.
func amongMillion(b *testing.B, members ...int) (p *pair, entries []chain.Message) {
	const flows = 900_000
	p = newPair(b, 1<<20, members...)
	entries = make([]chain.Message, 0, flows/16)
	for i := 0; p.master.Len() < flows; i++ {
		flow := spread(i)
		if !p.owns(flow) {
			c := chain.Message{
				Kind: chain.Copy, Service: 1, Flow: flow, State: uint8(Active), Public: addrPublic + 9, PublicPort: flow.SrcPort,
				Lease: uint64(i), View: p.master.Ballot(), From: nodeAddr(1),
			}
			p.step(0, c)
			if i%16 == 0 {
				entries = append(entries, c)
			}
			continue
		}
		entry := p.step(0, missOf(flow))
		if i%16 == 0 {
			entries = append(entries, entry)
		}
	}
	return p, entries
}

// benchmarkAmongMillion runs op over the entries of 900,000 flows.
func benchmarkAmongMillion(b *testing.B, op func(p *pair, entry chain.Message)) {
	p, entries := amongMillion(b)
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
		if p.step(time.Second, seenOf(entry, 0, 0, 0)).Kind != chain.Confirm {
			b.Fatal("lost")
		}
	})
}

// BenchmarkCopy is a record of another owner's stream: one that is new, one that is
// known.
func BenchmarkCopy(b *testing.B) {
	b.Run("known", func(b *testing.B) {
		p, entries := amongMillion(b, 1)
		for i := uint32(0); b.Loop(); i++ {
			c := entries[i*2654435761%uint32(len(entries))]
			c.Kind = chain.Copy
			p.out = p.master.Step(time.Second, c, p.out[:0])
		}
	})
	b.Run("new", func(b *testing.B) {
		p := newPair(b, 1<<20, 1)
		var flows []packet.Tuple
		for i := 0; len(flows) < 1<<19; i++ {
			if f := spread(i); !p.owns(f) {
				flows = append(flows, f)
			}
		}
		i := 0
		for b.Loop() {
			if i == len(flows) {
				b.StopTimer()
				p, i = newPair(b, 1<<20, 1), 0
				b.StartTimer()
			}
			p.out = p.master.Step(0, chain.Message{
				Kind: chain.Copy, Service: 1, Flow: flows[i], State: uint8(Active), Public: addrPublic, PublicPort: flows[i].SrcPort,
				Lease: uint64(i), View: p.master.Ballot(), From: nodeAddr(1),
			}, p.out[:0])
			i++
		}
	})
}

// BenchmarkNextBatch is a record of this owner's stream, of a table of which half is
// for the holder.
func BenchmarkNextBatch(b *testing.B) {
	p, _ := amongMillion(b, 1)
	p.master.BatchRecords = BatchMax
	now, records := time.Second, 0
	for b.Loop() {
		now += 20 * time.Millisecond
		for i := range p.master.streams {
			p.master.streams[i].budget = batchesPerTickMax
		}
		records += p.batches(now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(records, 1)), "ns/record")
}

// BenchmarkTakeover is entering a view in which the other owner of a million flows is
// gone, up to the first answer about one of them.
func BenchmarkTakeover(b *testing.B) {
	p, entries := amongMillion(b, 1)
	number := uint64(1)
	now := 20 * time.Second
	var theirs chain.Message
	for _, e := range entries {
		if !p.owns(e.Flow) {
			theirs = e
		}
	}
	if p.master.ownsInView(slotOf(1, theirs.Flow)) {
		b.Fatal("no flow of the other's")
	}
	state := mustState(b, "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.10]}\n")
	p.master.Apply(now, state, nil)
	for b.Loop() {
		number++
		p.enter(now, number, false, 0)
		if p.step(now, missOf(theirs.Flow)).Kind != chain.Entry {
			b.Fatal("lost")
		}
		b.StopTimer()
		number++
		p.enter(now, number, false, 0, 1)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/takeover")
}
