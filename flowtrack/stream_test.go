package flowtrack

import (
	"math/rand/v2"
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/shard"
)

// two is an owner of many records, by the table's first free places, and the node that
// is to hold them.
func two(t *testing.T, records int) *cluster {
	flowsMax := max(1<<14, records)
	c := newCluster(t, 2, flowsMax, 2*flowsMax, 1)
	c.apply(mustState(t, blueGateway))
	c.enterAll(c.agree([]int{0}, nil, nil, nil))
	for i := range records {
		c.miss(nodeAddr(0), missOf(spread(i)))
	}
	c.enterAll(c.agree([]int{0}, []int{1}, nil, nil))
	return c
}

// Whatever is lost, repeated or comes late, and however the table changes meanwhile:
// when the holder thinks that it knows all, it has every record that the owner had
// when the round began and still has.
func TestStreamLeavesNothingOut(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		c := two(t, 400)
		owner, holder := c.nodes[0].master, c.nodes[1].master
		var late []item
		c.rule = func(x item) verdict {
			if x.batch == nil && x.Kind != chain.Ack {
				return pass
			}
			switch random.IntN(8) {
			case 0, 1:
				return lose
			case 2:
				late = append(late, x)
				return lose
			}
			return pass
		}
		for i := 0; ; i++ {
			if i == 2000 {
				t.Fatalf("seed %d: not told after %v", seed, c.now)
			}
			// Flows come and go in the same places of the table.
			for range 5 {
				c.miss(nodeAddr(0), missOf(spread(1000+random.IntN(1<<13))))
				f := spread(random.IntN(400))
				if j, ok := owner.findInside(f); ok && random.IntN(4) == 0 {
					owner.remove(j)
				}
			}
			c.advance(20 * time.Millisecond)
			if len(late) > 0 && random.IntN(2) == 0 {
				x := late[random.IntN(len(late))]
				c.wire = append(c.wire, x)
				c.pump()
			}
			if known, _ := holder.Knows(c.now); known {
				break
			}
		}
		for f := range owner.Each {
			if _, ok := holder.Lookup(f.Inside); !ok && holder.current.holds(nodeAddr(1), slotOf(1, f.Inside)) {
				t.Fatalf("seed %d: the holder thinks that it knows all and lacks %v", seed, f.Inside)
			}
		}
	}
}

// A million flows are on two nodes again in the time that is promised, at a pace that
// does not depend on how many there are.
func TestMillionFlowsOnTwoNodesAgain(t *testing.T) {
	const flows = 1_000_000
	c := two(t, flows)
	owner, holder := c.nodes[0].master, c.nodes[1].master
	owner.BatchRecords = BatchMax
	began, most := c.now, uint64(0)
	for known := false; !known; known, _ = holder.Knows(c.now) {
		before := holder.Taken.Copies
		c.advance(20 * time.Millisecond)
		most = max(most, holder.Taken.Copies-before)
		if c.now-began > 20*time.Second {
			t.Fatalf("after %v the holder knows %d of %d flows", c.now-began, holder.Len(), flows)
		}
	}
	if owner.Len() != flows || holder.Len() != flows || owner.Unheld() != 0 {
		t.Errorf("of %d flows the owner has %d, the holder %d; %d unheld", flows, owner.Len(), holder.Len(), owner.Unheld())
	}
	if most > batchesPerTickMax*BatchMax {
		t.Errorf("%d records in one tick, want at most %d", most, batchesPerTickMax*BatchMax)
	}
	t.Logf("%d flows in %v", flows, c.now-began)
}

// The numbers of batches go around without a halt.
func TestBatchNumbersWrapAround(t *testing.T) {
	c := two(t, 1)
	c.advance(200 * time.Millisecond)
	s := &c.nodes[0].master.streams[0]
	h := &c.nodes[1].master.hearing[0]
	for _, n := range []uint32{batchMask - 1, 1<<32 - 2} {
		s.acked, s.next, s.lastBatch, h.upTo = n, n+1, n, n
		before := c.nodes[1].master.Taken.Copies
		c.advance(5 * time.Second)
		if s.acked == n || s.next != s.acked+1 || h.upTo != s.acked {
			t.Errorf("after %s: acked %s, next %s, heard %s, %d copies", batchName(n), batchName(s.acked), batchName(s.next), batchName(h.upTo), c.nodes[1].master.Taken.Copies-before)
		}
	}
}

// The window bounds what is under way; an acknowledgement opens it.
func TestStreamWindow(t *testing.T) {
	c := two(t, 5000)
	lost := 0
	c.rule = func(x item) verdict {
		if x.Kind == chain.Ack && x.From == nodeAddr(1) {
			lost++
			return lose
		}
		return pass
	}
	c.advance(90 * time.Millisecond)
	s := &c.nodes[0].master.streams[0]
	if got := s.next - s.acked - 1; got > streamWindow || lost == 0 {
		t.Errorf("%d batches under way, %d acknowledgements lost", got, lost)
	}
	c.rule = nil
	c.advance(30 * time.Second)
	if known, _ := c.nodes[1].master.Knows(c.now); !known || c.nodes[1].master.Len() < 5000 {
		t.Errorf("after 30 s: knows %v, %d records", known, c.nodes[1].master.Len())
	}
}

// Lease ids are unique, of whatever view, and tell when the question was asked, also
// when their clock has gone around.
func TestLeaseIDs(t *testing.T) {
	p := newPair(t, 8)
	seen := map[uint64]bool{}
	now := time.Duration(0)
	for i := range 100_000 {
		id := p.master.newLease(now)
		if seen[id] {
			t.Fatalf("%#x twice", id)
		}
		seen[id] = true
		if i%3 == 0 {
			now += 7 * time.Microsecond
		}
		if i%1000 == 0 {
			p.enter(now, p.master.Ballot()>>32+1, false, 0)
		}
	}
	for _, now := range []time.Duration{time.Hour, 203 * 24 * time.Hour, 204 * 24 * time.Hour, 500 * 24 * time.Hour} {
		p.master.Stand(Standing{Serving: true})
		if got := p.step(now, missOf(tuple(packet.ProtoUDP, int(now/time.Hour)))); got.Kind != chain.Entry {
			t.Errorf("at %v: %v", now, got)
		}
		id := p.master.newLease(now)
		if asked := p.master.askedAt(id); asked != p.master.asked {
			t.Errorf("at %v: asked %d, want %d", now, asked, p.master.asked)
		}
	}
}

// What a node knows goes over into the next view and the sibling of a view that came
// to nothing, not across one that it missed.
func TestKnowledgeGoesFromViewToView(t *testing.T) {
	for _, c := range []struct {
		name          string
		entered       []uint64 // views entered after the first
		prev          []uint64
		knows, lapsed bool
	}{
		{"the next", []uint64{2, 3}, []uint64{1, 2}, true, false},
		{"a sibling", []uint64{2, 3}, []uint64{1, 1}, true, false},
		{"one missed", []uint64{3}, []uint64{2}, false, true},
		{"sibling, and on from it", []uint64{2, 3, 4}, []uint64{1, 1, 3}, true, false},
		{"back to what came to nothing", []uint64{2, 3, 4}, []uint64{1, 1, 2}, false, true},
	} {
		p := newPair(t, 8, 1)
		now := time.Minute
		for i, n := range c.entered {
			v := View{Ballot: n << 32, Prev: c.prev[i] << 32, Mine: true, Copies: 2}
			for k := range 2 {
				v.Members = append(v.Members, Member{Addr: nodeAddr(k), ID: shard.NodeID(nodeNames[k : k+1]), Now: true, Next: true})
			}
			p.master.Enter(now, v, View{})
			p.master.Stand(Standing{Serving: true})
		}
		if knows, lapsed := p.master.Knows(now); knows != c.knows || lapsed != c.lapsed {
			t.Errorf("%s: knows %v, lapsed %v", c.name, knows, lapsed)
		}
	}
}

// Of a view that this node was never in, it has missed nothing about the slots that it
// owned there: nobody else could decide about them. All the others it has to be told.
func TestOwnSlotsOfAMissedView(t *testing.T) {
	view := func(number, prev uint64, full ...int) View {
		v := View{Ballot: number << 32, Prev: prev << 32, Mine: true, Copies: 2}
		for _, k := range full {
			v.Members = append(v.Members, Member{Addr: nodeAddr(k), ID: shard.NodeID(nodeNames[k : k+1]), Now: true, Next: true})
		}
		return v
	}
	foreign := view(2, 1, 0, 1)
	foreign.Mine = false
	for _, c := range []struct {
		name         string
		next, missed View
		own          bool // it knows the slots that it owned before and owns in between
		lapsed       bool
	}{
		{"a death, seen by two at once", view(3, 2, 0, 1), view(2, 1, 0, 1), true, false},
		{"nothing is known of it", view(3, 2, 0, 1), View{}, false, true},
		{"another is known", view(4, 3, 0, 1), view(2, 1, 0, 1), false, true},
		{"two were missed", view(4, 3, 0, 1), view(3, 2, 0, 1), false, true},
		{"it was not in it", view(3, 2, 0, 1), view(2, 1, 1, 2), false, true},
		{"an earlier life was in it", view(3, 2, 0, 1), foreign, false, true},
		{"it owned less there", view(3, 2, 0, 1), view(2, 1, 0, 1, 2), true, true},
	} {
		p := newPair(t, 8, 1, 2)
		m, now := p.master, time.Minute
		first := *m.current
		m.Enter(now, c.next, c.missed)
		m.Stand(Standing{Serving: true})
		var between holding
		m.place(&between, c.missed)
		for s := range uint32(shard.Slots) {
			want := c.own && first.holds(m.self, s) && between.owner(s) == m.self
			if got := m.current.knows[s] <= now; m.current.holds(m.self, s) && got != want {
				t.Errorf("%s: slot %d: known %v, want %v", c.name, s, got, want)
			}
		}
		if _, lapsed := m.Knows(now); lapsed != c.lapsed {
			t.Errorf("%s: lapsed %v", c.name, lapsed)
		}
	}
}

// Which ports a new flow may get.
func TestClass(t *testing.T) {
	for _, c := range []struct {
		name  string
		class uint8
		set   func(p *pair, now time.Duration)
	}{
		{"a majority that knows all", 0, func(p *pair, now time.Duration) {}},
		{"alone", 4, func(p *pair, now time.Duration) { p.master.Stand(Standing{Alone: true, Seat: 3}) }},
		{"rebuilding", 4, func(p *pair, now time.Duration) {
			p.enter(now, 5, false, 0)
			p.master.Stand(Standing{Serving: true, Seat: 3})
		}},
		{"not any more", 0, func(p *pair, now time.Duration) {
			p.enter(now-rebuildTime, 5, false, 0)
			p.master.Stand(Standing{Serving: true, Seat: 3})
			p.tick(now - rebuildTime)
		}},
		{"uncertain", 4, func(p *pair, now time.Duration) {
			p.master.Enter(now, View{Ballot: 2 << 32, Prev: 1 << 32, Mine: true, Uncertain: true, Members: []Member{{Addr: nodeAddr(0), Now: true, Next: true}}}, View{})
			p.master.Stand(Standing{Serving: true, Seat: 3})
		}},
		{"back with the majority", 4, func(p *pair, now time.Duration) {
			p.master.Stand(Standing{Alone: true, Seat: 3})
			p.tick(now)
			p.master.Stand(Standing{Serving: true, Seat: 3})
		}},
	} {
		p := newPair(t, 8)
		now := time.Minute
		c.set(p, now)
		if got := p.master.class(now, 7); got != c.class {
			t.Errorf("%s: class %d, want %d", c.name, got, c.class)
		}
	}
}

// A new owner counts idleness from when it began to serve, and its timers are set
// within the sweep.
func TestTakeoverTime(t *testing.T) {
	c := newCluster(t, 3, 64, 64, 1)
	c.apply(mustState(t, blueGateway))
	c.enterAll(c.agree([]int{0, 1, 2}, nil, nil, nil))
	flow := tuple(packet.ProtoTCP, 1) // a owns it, b is next
	c.miss(nodeAddr(0), missOf(flow))
	c.advance(25 * time.Second)
	c.nodes[0].up = false
	c.enterAll(c.agree([]int{1, 2}, nil, nil, nil))
	b := c.nodes[1]
	b.stand(false, false)
	c.advance(2 * time.Second)
	b.stand(true, false)
	served := c.now + granularity
	c.advance(30 * time.Second)
	if f, ok := b.master.Lookup(flow); !ok || f.Deadline != served+31*time.Second {
		t.Fatalf("deadline %v, %v; want %v", f.Deadline, ok, served+31*time.Second)
	}
	c.advance(1200 * time.Millisecond)
	if _, ok := b.master.Lookup(flow); ok {
		t.Error("it lives beyond its deadline")
	}
	if b.master.Taken.Takeovers == 0 {
		t.Error("no takeover counted")
	}
}

// The owner goes back, and cuts what is left into other batches, because a flow has
// ended meanwhile. An acknowledgement of the batches before says nothing of these.
func TestBatchesAreCutAnew(t *testing.T) {
	c := two(t, 6)
	owner, holder := c.nodes[0].master, c.nodes[1].master
	owner.BatchRecords = 2
	owner.Tick(0, nil)
	take := func(now time.Duration, arrives func(n int) bool, acks bool) {
		owner.Tick(now, nil)
		for n := 1; ; n++ {
			b, records, ok := owner.NextBatch(now, nil)
			if !ok {
				return
			}
			if !arrives(n) {
				continue
			}
			for _, m := range records {
				holder.Step(now, m, nil)
			}
			ack, _ := holder.Heard(now, nodeAddr(0), owner.Ballot(), b.Number, b.Last)
			if ack.From = nodeAddr(1); acks {
				owner.Step(now, ack, nil)
			}
		}
	}
	take(0, func(n int) bool { return n <= 2 }, false) // the third batch is lost, and all answers
	if holder.Len() != 4 {
		t.Fatalf("%d records arrived", holder.Len())
	}
	i, _ := owner.findInside(spread(0))
	owner.remove(i)
	take(streamRetry, func(n int) bool { return n != 2 }, true) // the second is lost
	for range 20 {
		take(2*streamRetry, func(int) bool { return true }, true)
	}
	for f := range owner.Each {
		if _, ok := holder.Lookup(f.Inside); !ok {
			known, _ := holder.Knows(time.Second)
			t.Errorf("the holder lacks %v, and thinks that it knows all: %v", f.Inside, known)
		}
	}
}
