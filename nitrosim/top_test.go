package nitrosim

import (
	"os"
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// rig is host-1 of the example, and Tops that answer it unless they are silent.
type rig struct {
	*Host
	t      *testing.T
	state  *cellstate.State
	now    time.Duration
	silent map[packet.Addr4]bool
	view   packet.View
}

func newRig(t *testing.T) *rig {
	t.Helper()
	b, err := os.ReadFile("../cellstate/testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := cellstate.Parse("example.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Host: New("host-1", flowtable.Seed{1, 2}), t: t, state: s, silent: map[packet.Addr4]bool{}}
	r.Apply(0, s)
	return r
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
				if v := r.FromWire(r.now, &p, &r.view); v != nowhere {
					r.t.Fatalf("an answer went on to %+v", v)
				}
			}
		}
	}
	r.balanced()
}

// balanced checks the account (I8).
func (r *rig) balanced() {
	r.t.Helper()
	traffic := r.Account()
	if n := traffic.Unaccounted(); n != 0 {
		r.t.Errorf("%d packets unaccounted for", n)
	}
}

// send lets blue-1 send packets and returns where the last one went.
func (r *rig) send(ps ...[]byte) (p wire.Packet, v Verdict) {
	for _, b := range ps {
		p = wire.Packet{Packet: packet.Packet{Data: slices.Clone(b)}}
		v = r.FromInstance(r.now, r.state.InstancesOn("host-1")[0], &p, &r.view)
	}
	r.balanced()
	return p, v
}

// flows are packets to 256 remote ends, and the Tops that they go to.
func (r *rig) flows() (tops [256]packet.Addr4) {
	r.t.Helper()
	for i := range tops {
		b := UDP("10.0.1.10:4000", "203.0.113.10:53", nil, WithoutUDPChecksum())
		packet.UDP(b[packet.IPv4HeaderLen:]).SetDstPort(uint16(1000 + i))
		p, v := r.send(b)
		if !v.ToPeer {
			r.t.Fatalf("dropped: %v", r.Traffic.Dropped)
		}
		tops[i] = p.Peer
	}
	return tops
}

// first is the Top of a slot when all are alive, by the definition.
func first(s *cellstate.State, slot uint32) packet.Addr4 {
	var ids []uint64
	for _, top := range s.Tops {
		ids = append(ids, top.ID)
	}
	return s.Tops[shard.First(shard.OwnerKey(0, slot), ids)].Addr
}

// A packet goes to the Top of its flow's slot, from the first packet on. The
// slot is made of what both directions carry; blackfoot's test of the same name
// has the packets that come back.
func TestTopBySlot(t *testing.T) {
	const remote, web = "203.0.113.10", "203.0.113.10:80"
	tcp := shard.Slot(1, packet.ProtoTCP, Addr(remote), 80)
	echo := shard.Slot(1, packet.ProtoICMP, Addr(remote), 0)
	long := UDP("10.0.1.10:4000", remote+":53", Payload(3000), WithID(9))
	for name, c := range map[string]struct {
		packets [][]byte
		slot    uint32
	}{
		"tcp":            {[][]byte{TCP("10.0.1.10:4000", web, "S", nil)}, tcp},
		"udp":            {[][]byte{UDP("10.0.1.10:4000", remote+":53", nil)}, shard.Slot(1, packet.ProtoUDP, Addr(remote), 53)},
		"echo":           {[][]byte{EchoRequest("10.0.1.10", remote, 77, 1, nil)}, echo},
		"error":          {[][]byte{ICMPError("10.0.1.10", remote, 3, 4, 1400, TCP(web, "10.0.1.10:4000", "A", nil))}, tcp},
		"error, of echo": {[][]byte{ICMPError("10.0.1.10", remote, 3, 3, 0, EchoReply(remote, "10.0.1.10", 77, 1, nil))}, echo},
		"fragments":      {[][]byte{Fragment(long, 1480, 1528), Fragment(long, 0, 1480)}, shard.Slot(1, packet.ProtoUDP, Addr(remote), 53)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p, v := r.send(c.packets...)
			if want := first(r.state, c.slot); !v.ToPeer || p.Peer != want {
				t.Errorf("to %v (%+v), want %v", p.Peer, v, want)
			}
			if want := (packet.Tunnel{VNI: 100, Service: 1, Hops: hopBudget}); p.Tunnel != want {
				t.Errorf("with %+v, want %+v", p.Tunnel, want)
			}
		})
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
}

// A host that hears nobody goes on as if all were up.
func TestTopsFailOpen(t *testing.T) {
	r := newRig(t)
	before := r.flows()
	for _, top := range r.state.Tops {
		r.silent[top.Addr] = true
	}
	r.run(10 * time.Second)
	if r.flows() != before {
		t.Error("flows moved")
	}
}

func TestNoTop(t *testing.T) {
	r := newRig(t)
	bare := *r.state
	bare.Tops = nil
	r.Apply(0, &bare)
	long := UDP("10.0.1.10:4000", "203.0.113.10:53", Payload(3000), WithID(9))
	for i, ps := range [][][]byte{
		{TCP("10.0.1.10:4000", "203.0.113.10:80", "S", nil)},
		{Fragment(long, 1480, 1528), Fragment(long, 0, 1480)},
	} {
		if _, v := r.send(ps...); v != nowhere || r.Traffic.Dropped[drop.NoNode] != uint64(i+1) {
			t.Errorf("%+v, dropped %v", v, r.Traffic.Dropped)
		}
	}
}

// Datagrams of the cell's tiers never reach an instance: a Top's answer is
// consumed, everything else dropped with a reason, and both are accounted for.
func TestControlDatagrams(t *testing.T) {
	inner := TCP("203.0.113.10:80", "10.0.1.10:4000", "SA", nil)
	for name, c := range map[string]struct {
		from   string
		tunnel packet.Tunnel
		want   drop.Reason
	}{
		"no answer":    {"node-1", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.BadMessage},
		"from a host":  {"host-2", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.WrongTenant},
		"from an edge": {"edge-1", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.WrongTenant},
		"from nobody":  {"", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.UnknownPeer},
		"no hops":      {"node-1", packet.Tunnel{Stage: packet.StageProbe}, drop.HopBudget},
		"chain":        {"node-1", packet.Tunnel{VNI: 100, Service: 1, Stage: packet.StageChain, Hops: 1}, drop.BadMessage},
		"messages":     {"node-1", packet.Tunnel{Stage: packet.StageMessages, Hops: 1}, drop.BadMessage},
		"hello":        {"node-1", packet.Tunnel{Stage: packet.StageHello, Hops: 1}, drop.BadMessage},
		"newer":        {"node-1", packet.Tunnel{Stage: 99, Hops: 1}, drop.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := wire.Packet{Packet: packet.Packet{Data: slices.Clone(inner)}, Tunnel: c.tunnel, Peer: 1}
			if peer := r.state.PeerByName(c.from); peer != nil {
				p.Peer = peer.Addr
			}
			if v := r.FromWire(0, &p, &r.view); v != nowhere || r.Traffic.Dropped[c.want] != 1 {
				t.Errorf("%+v, dropped %v, want %v", v, r.Traffic.Dropped, c.want)
			}
			r.balanced()
		})
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
	in := r.state.InstancesOn("host-1")[0]
	b := TCP("10.0.1.10:4000", "203.0.113.10:80", "A", nil)
	p := wire.Packet{}
	if n := testing.AllocsPerRun(100, func() {
		p = wire.Packet{Packet: packet.Packet{Data: b}}
		r.FromInstance(r.now, in, &p, &r.view)
		r.now += loop.Tick
		r.Tick(r.now)
		for _, probe := range r.Probes(r.now) {
			p = probe.Datagram()
			liveness.AnswerProbe(p.Data, r.state.CellID, true, 1)
			r.FromWire(r.now, &p, &r.view)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
