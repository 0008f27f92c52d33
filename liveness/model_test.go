package liveness

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

// modelAnswer is an answer that was accepted.
type modelAnswer struct {
	arrived, at time.Duration
	serving     bool
	incarnation uint64
}

// modelNode tells a Top's condition from everything that ever happened, with no
// state but the history.
type modelNode struct {
	answers []modelAnswer
	past    []condition // at each Tick
	falls   []time.Duration
}

// history is the sender's Ticks, and how much each forgave.
type history struct{ ticks, forgiven []time.Duration }

func (h *history) forgivenAfter(t time.Duration) (sum time.Duration) {
	for i, tick := range h.ticks {
		if tick > t {
			sum += h.forgiven[i]
		}
	}
	return sum
}

// good reports whether the node was good at Tick k, and if not, whether it was
// silent.
func (m *modelNode) good(h *history, k int) (good, silent bool) {
	serving, deadline := true, downAfter
	for _, f := range h.forgiven[:k+1] {
		deadline += f
	}
	for _, a := range m.answers {
		if a.arrived > h.ticks[k] {
			break
		}
		serving = a.serving
		d := a.at + downAfter
		for i, tick := range h.ticks[:k+1] {
			if tick >= a.arrived {
				d += h.forgiven[i]
			}
		}
		deadline = max(deadline, d)
	}
	silent = h.ticks[k] >= deadline
	return serving && !silent, silent
}

// restarted reports whether the node was seen to restart between two Ticks.
func (m *modelNode) restarted(h *history, k int) bool {
	for i := 1; i < len(m.answers); i++ {
		a := m.answers[i]
		if a.incarnation != m.answers[i-1].incarnation && a.arrived <= h.ticks[k] && (k == 0 || a.arrived > h.ticks[k-1]) {
			return true
		}
	}
	return false
}

func (m *modelNode) hold() (d time.Duration) {
	for i, fell := range m.falls {
		if d = 2 * d; i == 0 || fell-m.falls[i-1] >= forgiveAfter {
			d = holdDownMin
		}
		d = min(d, holdDownMax)
	}
	return d
}

// tick appends the condition at the newest Tick.
func (m *modelNode) tick(h *history, goods []bool, silent bool) condition {
	k := len(h.ticks) - 1
	was := up
	if k > 0 {
		was = m.past[k-1]
	}
	restarted := m.restarted(h, k)
	if was == up && (restarted || !goods[k]) && len(m.answers) > 0 {
		m.falls = append(m.falls, h.ticks[k])
	}
	is := holding
	switch since := k; {
	case silent:
		is = down
	case !goods[k]:
		is = unwilling
	case was == up && !restarted:
		is = up
	default:
		// Good since the first of the unbroken row of good Ticks.
		for since > 0 && goods[since-1] && !m.restarted(h, since) && m.past[since-1] != up {
			since--
		}
		if h.ticks[k]-h.ticks[since]-h.forgivenAfter(h.ticks[since]) >= m.hold() {
			is = up
		}
	}
	m.past = append(m.past, is)
	return is
}

// Over random networks, failures and pauses, every condition and every choice is
// that of the model.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		ps := peers(rapid.IntRange(1, 4).Draw(t, "nodes"))
		for _, p := range ps {
			p.Drain = rnd.IntN(5) == 0
		}
		loss := rapid.SampledFrom([]float64{0, 0.01, 0.2, 0.6}).Draw(t, "loss")
		d := New()
		d.Apply(0, testCell, ps)
		nodes := make([]node, len(ps))
		model := make([]modelNode, len(ps))
		goods := make([][]bool, len(ps))
		for i := range nodes {
			nodes[i] = node{serves: true, incarnation: 1}
		}
		var h history
		var network []flying
		var asked []time.Duration
		for now, last := time.Duration(0), time.Duration(0); len(h.ticks) < 400; last = now {
			switch rnd.IntN(40) {
			case 0:
				now += time.Duration(rnd.Int64N(int64(time.Second)))
			case 1:
				now += time.Duration(rnd.Int64N(int64(50 * ms)))
			default:
				now += probePeriod
			}
			if now == last {
				continue
			}
			// What arrives in between, in the order of its arrival.
			slices.SortStableFunc(network, func(a, b flying) int { return cmp.Compare(a.arrives, b.arrives) })
			for len(network) > 0 && network[0].arrives <= now {
				f := network[0]
				network = network[1:]
				i := slices.IndexFunc(ps, func(p *cellstate.Peer) bool { return p.Addr == f.from })
				a := modelAnswer{
					arrived: f.arrives, at: time.Duration(binary.BigEndian.Uint64(f.payload[8:])),
					serving: f.payload[2] == flagServing, incarnation: binary.BigEndian.Uint64(f.payload[16:]),
				}
				m := &model[i]
				want := drop.BadMessage
				recent := asked[max(0, len(asked)-askedMax):]
				if slices.Contains(recent, a.at) && !slices.ContainsFunc(m.answers, func(b modelAnswer) bool { return b.at >= a.at }) {
					want = drop.None
					m.answers = append(m.answers, a)
				}
				if got := d.Answer(f.from, f.payload); got != want {
					t.Fatalf("at %v: the answer to %v: %v, want %v", now, a.at, got, want)
				}
			}
			forgiven := time.Duration(0)
			if now-last > pauseMin {
				forgiven = now - last - probePeriod
			}
			h.ticks, h.forgiven = append(h.ticks, now), append(h.forgiven, forgiven)
			d.Tick(now)
			best, used := uint8(255), []uint64(nil)
			for i := range model {
				good, silent := model[i].good(&h, len(h.ticks)-1)
				goods[i] = append(goods[i], good)
				want := model[i].tick(&h, goods[i], silent)
				k := slices.IndexFunc(d.tops, func(t top) bool { return t.ID == ps[i].ID })
				if got := d.tops[k].condition; got != want {
					t.Fatalf("at %v: node %d is in condition %d, want %d", now, i, got, want)
				}
				best = min(best, rank(want, ps[i].Drain))
			}
			var addrs []packet.Addr4
			for i := range model {
				if rank(model[i].past[len(h.ticks)-1], ps[i].Drain) == best {
					used, addrs = append(used, ps[i].ID), append(addrs, ps[i].Addr)
				}
			}
			for range 4 {
				slot := uint32(rnd.IntN(shard.Slots))
				if got, want := d.Top(slot), addrs[shard.First(shard.OwnerKey(0, slot), used)]; got != want {
					t.Fatalf("at %v: slot %d goes to %v, want %v of %v", now, slot, got, want, addrs)
				}
			}
			// The probes of this Tick, the network's and the nodes' fate.
			asked = append(asked, now)
			for _, p := range d.Probes(now) {
				n := &nodes[slices.IndexFunc(ps, func(q *cellstate.Peer) bool { return q.Addr == p.To })]
				switch rnd.IntN(60) {
				case 0:
					n.deaf = !n.deaf
				case 1:
					n.serves = !n.serves
				case 2:
					n.incarnation++
				case 3:
					n.rtt = time.Duration(rnd.Int64N(int64(150 * ms)))
				case 4:
					*n = node{serves: true, incarnation: n.incarnation}
				}
				if n.deaf || rnd.Float64() < loss {
					continue
				}
				b := slices.Clone(p.Payload)
				AnswerProbe(b, testCell, n.serves, n.incarnation)
				network = append(network, flying{now + 1 + n.rtt + time.Duration(rnd.Int64N(int64(30*ms))), p.To, b})
				if rnd.IntN(50) == 0 { // the network copies it, and is slow about it
					network = append(network, flying{now + time.Duration(rnd.Int64N(int64(2*time.Second))) + 1, p.To, b})
				}
			}
		}
	})
}

// rank is the order of preference, written out.
func rank(c condition, drains bool) uint8 {
	return map[bool][4]uint8{false: {0, 2, 4, 6}, true: {1, 3, 5, 7}}[drains][c]
}
