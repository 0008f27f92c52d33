package liveness

import (
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

const ms = time.Millisecond

const testCell = 7

// peers makes Tops node-1, node-2, … at 10.0.0.1, 10.0.0.2, …
func peers(n int) (ps []*cellstate.Peer) {
	for i := range n {
		ps = append(ps, &cellstate.Peer{
			Name: "node-" + string(rune('1'+i)), Kind: cellstate.PeerNode,
			Addr: packet.Addr4(0x0a000001 + i), ID: shard.NodeID("node-" + string(rune('1'+i))),
		})
	}
	return ps
}

// node is the far side of a Detector's probes.
type node struct {
	deaf, mute  bool // loses requests, answers
	serves      bool
	incarnation uint64
	rtt         time.Duration
}

type flying struct {
	arrives time.Duration
	from    packet.Addr4
	payload []byte
}

// rig is a Detector, the nodes it asks, and the network between them.
type rig struct {
	*Detector
	t       *testing.T
	now     time.Duration
	peers   []*cellstate.Peer
	nodes   []node
	network []flying
}

// newRig starts a Detector over n nodes that answer at once.
func newRig(t *testing.T, n int) *rig {
	r := &rig{Detector: New(), t: t, peers: peers(n)}
	for range n {
		r.nodes = append(r.nodes, node{serves: true, incarnation: 1, rtt: ms})
	}
	r.Apply(0, testCell, r.peers)
	r.ask()
	return r
}

// ask sends the probes of now.
func (r *rig) ask() {
	for _, p := range r.Probes(r.now) {
		n := &r.nodes[slices.IndexFunc(r.peers, func(q *cellstate.Peer) bool { return q.Addr == p.To })]
		payload := slices.Clone(p.Payload)
		if n.deaf || n.mute {
			continue
		}
		if got := AnswerProbe(payload, testCell, n.serves, n.incarnation); got != drop.None {
			r.t.Fatalf("the node refused the probe: %v", got)
		}
		r.network = append(r.network, flying{r.now + n.rtt, p.To, payload})
	}
}

// step lets one probePeriod pass: what arrived is read, then comes the Tick.
func (r *rig) step() {
	r.now += probePeriod
	r.arrive()
	r.Tick(r.now)
	r.ask()
}

func (r *rig) arrive() {
	r.network = slices.DeleteFunc(r.network, func(f flying) bool {
		if f.arrives > r.now {
			return false
		}
		if got := r.Answer(f.from, f.payload); got != drop.None {
			r.t.Errorf("at %v: an answer was refused: %v", r.now, got)
		}
		return true
	})
}

func (r *rig) run(d time.Duration) {
	for end := r.now + d; r.now < end; {
		r.step()
	}
}

// until steps until node i is in condition c, and returns how long that took.
func (r *rig) until(i int, c condition) time.Duration {
	r.t.Helper()
	from := r.now
	for r.of(i) != c {
		if r.now-from > time.Minute {
			r.t.Fatalf("node %d did not get into condition %d within a minute", i, c)
		}
		r.step()
	}
	return r.now - from
}

// top is what is known of node i.
func (r *rig) top(i int) *top {
	return &r.tops[slices.IndexFunc(r.tops, func(t top) bool { return t.Addr == r.peers[i].Addr })]
}

// of is the condition of node i.
func (r *rig) of(i int) condition { return r.top(i).condition }

// used lists the nodes that get packets, by their index.
func (r *rig) used() (list []int) {
	for i, p := range r.peers {
		if slices.Contains(r.inUse.addrs, p.Addr) {
			list = append(list, i)
		}
	}
	return list
}

// choice of every slot.
func (r *rig) slots() (all [shard.Slots]packet.Addr4) {
	for s := range all {
		all[s] = r.Top(uint32(s))
	}
	return all
}

func (r *rig) wantUsed(want ...int) {
	r.t.Helper()
	if got := r.used(); !slices.Equal(got, want) {
		r.t.Errorf("at %v: nodes %v get packets, want %v", r.now, got, want)
	}
}
