package blackfoot

import (
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/tun/tuntest"
	"hyperplane/wire"
)

// first is the Top of a slot when all are alive, by the definition.
func first(s *cellstate.State, slot uint32) packet.Addr4 {
	var ids []uint64
	for _, top := range s.Tops {
		ids = append(ids, top.ID)
	}
	return s.Tops[shard.First(shard.OwnerKey(0, slot), ids)].Addr
}

// rig is an edge, and Tops that answer it unless they are silent.
type rig struct {
	*Edge
	t      *testing.T
	state  *cellstate.State
	now    time.Duration
	silent map[packet.Addr4]bool
	view   packet.View
}

func newRig(t *testing.T) *rig {
	t.Helper()
	e, s := newTestEdge(t)
	return &rig{Edge: e, t: t, state: s, silent: map[packet.Addr4]bool{}}
}

// run lets d pass; the Tops answer within it.
func (r *rig) run(d time.Duration) {
	r.t.Helper()
	for end := r.now + d; r.now < end; {
		r.now += loop.Tick
		r.Tick(r.now)
		for _, probe := range r.Probes(r.now) {
			if p := probe.Datagram(); !r.silent[p.Peer] {
				p.Data = slices.Clone(p.Data)
				if got := liveness.AnswerProbe(p.Data, r.state.CellID, true, 1); got != drop.None {
					r.t.Fatal(got)
				}
				if r.FromCell(&p, &r.view) {
					r.t.Fatal("an answer went on to the internet")
				}
			}
		}
	}
	r.balanced()
}

// balanced checks the account (I8).
func (r *rig) balanced() {
	r.t.Helper()
	if n := r.Traffic.Unaccounted(); n != 0 {
		r.t.Errorf("%d packets unaccounted for", n)
	}
}

// send lets the internet send a packet and returns the Top it went to.
func (r *rig) send(b []byte) packet.Addr4 {
	r.t.Helper()
	p := wire.Packet{Packet: packet.Packet{Data: slices.Clone(b)}}
	sent := r.FromInternet(&p, &r.view)
	r.balanced()
	if !sent {
		return 0
	}
	return p.Peer
}

// flows are packets from 256 remote ends, and the Tops that they go to.
func (r *rig) flows() (tops [256]packet.Addr4) {
	r.t.Helper()
	for i := range tops {
		b := UDP("203.0.113.10:53", "198.51.100.1:2000", nil, WithoutUDPChecksum())
		packet.UDP(b[packet.IPv4HeaderLen:]).SetSrcPort(uint16(1000 + i))
		tops[i] = r.send(b)
	}
	return tops
}

// A packet goes to the Top of its flow's slot, from the first packet on. The
// slot is made of what both directions carry; nitrosim's test of the same name
// has the packets that go out.
func TestTopBySlot(t *testing.T) {
	const remote, web, public = "203.0.113.10", "203.0.113.10:80", "198.51.100.1"
	tcp := shard.Slot(1, packet.ProtoTCP, Addr(remote), 80)
	echo := shard.Slot(1, packet.ProtoICMP, Addr(remote), 0)
	long := UDP(remote+":53", public+":2000", Payload(3000), WithID(9))
	pieces := shard.FragmentSlot(1, packet.ProtoUDP, Addr(remote), 9)
	for name, c := range map[string]struct {
		packet []byte
		slot   uint32
	}{
		"tcp":            {TCP(web, public+":2000", "SA", nil), tcp},
		"udp":            {UDP(remote+":53", public+":2000", nil), shard.Slot(1, packet.ProtoUDP, Addr(remote), 53)},
		"echo":           {EchoReply(remote, public, 99, 1, nil), echo},
		"error":          {ICMPError("192.0.2.1", public, 11, 0, 0, TCP(public+":2000", web, "A", nil)), tcp},
		"error, of echo": {ICMPError("192.0.2.1", public, 11, 0, 0, EchoRequest(public, remote, 99, 1, nil)), echo},
		"first fragment": {Fragment(long, 0, 1480), pieces},
		"last fragment":  {Fragment(long, 1480, 1528), pieces},
	} {
		if got, want := newRig(t).send(c.packet), first(newRig(t).state, c.slot); got != want {
			t.Errorf("%s: to %v, want %v", name, got, want)
		}
	}
}

// The flows of a Top that falls silent go to the next one, the others stay
// (I17); all return when it is back for the hold-down.
func TestTopFailsOver(t *testing.T) {
	r := newRig(t)
	before := r.flows()
	r.run(time.Second)
	if r.flows() != before {
		t.Fatal("flows moved though nothing happened")
	}
	gone := r.state.Tops[1].Addr
	r.silent[gone] = true
	r.run(100 * time.Millisecond)
	moved := 0
	for i, top := range r.flows() {
		switch {
		case top == gone:
			t.Fatalf("flow %d still goes to the silent one", i)
		case before[i] == gone:
			moved++
		case top != before[i]:
			t.Fatalf("flow %d moved from %v, which lives", i, before[i])
		}
	}
	if moved == 0 {
		t.Fatal("the silent one had no flows")
	}
	delete(r.silent, gone)
	r.run(200 * time.Millisecond)
	if r.flows() == before {
		t.Error("it got its flows back before its hold-down")
	}
	r.run(100 * time.Millisecond)
	if r.flows() != before {
		t.Error("the flows did not return")
	}
	for _, top := range r.state.Tops {
		r.silent[top.Addr] = true
	}
	r.run(10 * time.Second)
	if r.flows() != before {
		t.Error("an edge that hears nobody moves flows")
	}
}

func TestNoTop(t *testing.T) {
	r := newRig(t)
	bare := *r.state
	bare.Tops = nil
	r.Apply(0, &bare)
	if r.send(TCP("203.0.113.10:80", "198.51.100.1:2000", "SA", nil)) != 0 || r.Traffic.Dropped[drop.NoNode] != 1 {
		t.Errorf("dropped %v", r.Traffic.Dropped)
	}
}

// Datagrams of the cell's tiers never reach the internet: a Top's answer is
// consumed, everything else dropped with a reason, and both are accounted for.
func TestControlDatagrams(t *testing.T) {
	for name, c := range map[string]struct {
		from   string
		tunnel packet.Tunnel
		want   drop.Reason
	}{
		"no answer":   {"node-1", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.BadMessage},
		"from a host": {"host-2", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.WrongTenant},
		"from nobody": {"", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.UnknownPeer},
		"no hops":     {"node-1", packet.Tunnel{Stage: packet.StageProbe}, drop.HopBudget},
		"chain":       {"node-1", packet.Tunnel{Service: 1, Stage: packet.StageChain, Hops: 1}, drop.BadMessage},
		"messages":    {"node-1", packet.Tunnel{Stage: packet.StageMessages, Hops: 1}, drop.BadMessage},
		"hello":       {"node-1", packet.Tunnel{Stage: packet.StageHello, Hops: 1}, drop.BadMessage},
		"newer":       {"node-1", packet.Tunnel{Stage: 99, Hops: 1}, drop.BadMessage},
	} {
		r := newRig(t)
		p := wire.Packet{Packet: packet.Packet{Data: TCP("198.51.100.1:2000", "203.0.113.10:80", "A", nil)}, Tunnel: c.tunnel, Peer: 1}
		if peer := r.state.PeerByName(c.from); peer != nil {
			p.Peer = peer.Addr
		}
		if r.FromCell(&p, &r.view) || r.Traffic.Dropped[c.want] != 1 {
			t.Errorf("%s: dropped %v, want %v", name, r.Traffic.Dropped, c.want)
		}
		r.balanced()
	}
	r := newRig(t)
	r.run(loop.Tick)
	if n := uint64(len(r.state.Tops)); r.Traffic.Consumed != n || r.Traffic.Generated != n || r.Traffic.Queued[telemetry.Wire] != n {
		t.Errorf("%d answers consumed, %d probes made, %d queued, want %d each", r.Traffic.Consumed, r.Traffic.Generated, r.Traffic.Queued[telemetry.Wire], n)
	}
}

// Neither a packet to the cell nor a probe nor its answer allocates.
func TestTopsAllocateNothing(t *testing.T) {
	r := newRig(t)
	b := TCP("203.0.113.10:80", "198.51.100.1:2000", "A", nil)
	p := wire.Packet{}
	if n := testing.AllocsPerRun(100, func() {
		p = wire.Packet{Packet: packet.Packet{Data: b}}
		r.FromInternet(&p, &r.view)
		r.now += loop.Tick
		r.Tick(r.now)
		for _, probe := range r.Probes(r.now) {
			p = probe.Datagram()
			liveness.AnswerProbe(p.Data, r.state.CellID, true, 1)
			r.FromCell(&p, &r.view)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The worker asks every Top at each Tick, and its figures say what came of it.
func TestWorkerProbes(t *testing.T) {
	s := newRig(t).state
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x := wire.NewExchange()
	w, err := Attach(l, New(), x.Port(s.Edges[0].Addr), tuntest.New(s.InternetMTU), func(*cellstate.State) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for i, top := range s.Tops {
		conn := x.Port(top.Addr)
		if _, err := l.Watch(-1, func(time.Duration) bool {
			pkts := make([]wire.Packet, 8)
			n, _ := conn.Recv(pkts)
			for _, p := range pkts[:n] {
				if want := (packet.Tunnel{Stage: packet.StageProbe, Hops: 1}); p.Tunnel != want || len(p.Data) != liveness.ProbeLen {
					t.Errorf("got %+v with %d bytes", p.Tunnel, len(p.Data))
				}
				asked++
				if i > 0 { // the first one is dead
					liveness.AnswerProbe(p.Data, s.CellID, true, 1)
					conn.Send(&p, nil)
				}
			}
			return n > 0
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Apply(0, s); err != nil {
		t.Fatal(err)
	}
	for now := time.Duration(0); now <= time.Second; now += loop.Tick {
		l.Turn(now)
		snapshot := w.Snapshot(now)
		if n := snapshot.Traffic.Unaccounted(); n != 0 {
			t.Fatalf("at %v: %d packets unaccounted for", now, n)
		}
	}
	if want := len(s.Tops) * (int(time.Second/loop.Tick) - 1); asked != want {
		t.Errorf("asked %d times, want %d: each Top at each Tick", asked, want)
	}
	got := map[string]float64{}
	snapshot := w.Snapshot(time.Second)
	for _, m := range snapshot.Metrics {
		got[m.Name] = m.Value
	}
	if got["tops_up"] != float64(len(s.Tops)-1) || got["top_changes_total"] != 1 {
		t.Errorf("tops_up %v, top_changes_total %v", got["tops_up"], got["top_changes_total"])
	}
}
