package nitrosim

import (
	"fmt"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/liveness/livenesstest"
	"hyperplane/loop"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
	"hyperplane/wire"
)

// sender is host-1 of the example as livenesstest drives it: its own side is the
// instance blue-1.
type sender struct {
	*Host
	t    testing.TB
	view packet.View
}

func newHost() *Host { return New("host-1", flowtable.Seed{1, 2}) }

func (s *sender) Send(now time.Duration, p *wire.Packet) bool {
	s.t.Helper()
	v := s.FromInstance(now, s.state.InstancesOn("host-1")[0], p, &s.view)
	if v.Instance != nil {
		s.t.Errorf("a packet for the cell went to %s", v.Instance.Name)
	}
	return v.ToPeer
}

func (s *sender) Receive(now time.Duration, p *wire.Packet) bool {
	return s.FromWire(now, p, &s.view) != nowhere
}

func (s *sender) Flow(remotePort uint16) []byte {
	return TCP("10.0.1.10:4000", fmt.Sprintf("203.0.113.10:%d", remotePort), "A", nil)
}

func newRig(t *testing.T) *livenesstest.Rig {
	t.Helper()
	return livenesstest.New(t, &sender{Host: newHost(), t: t})
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
			p, sent := r.Pass(c.packets...)
			if want := livenesstest.FirstTop(r.State, c.slot); !sent || p.Peer != want {
				t.Errorf("to %v, want %v", p.Peer, want)
			}
			if want := (packet.Tunnel{VNI: 100, Service: 1, Hops: hopBudget}); p.Tunnel != want {
				t.Errorf("with %+v, want %+v", p.Tunnel, want)
			}
		})
	}
}

func TestTopFailsOver(t *testing.T) { livenesstest.TopFailsOver(t, newRig(t)) }

func TestTopsFailOpen(t *testing.T) { livenesstest.TopsFailOpen(t, newRig(t)) }

func TestTopsAllocateNothing(t *testing.T) { livenesstest.TopsAllocateNothing(t, newRig(t)) }

func TestControlDatagrams(t *testing.T) {
	livenesstest.ControlDatagrams(t, newRig, TCP("203.0.113.10:80", "10.0.1.10:4000", "SA", nil))
}

func TestWorkerProbes(t *testing.T) {
	livenesstest.WorkerProbes(t, "host-1", func(l *loop.Loop, conn wire.Conn) (livenesstest.Worker, error) {
		w, err := Attach(l, newHost(), conn, func(in *cellstate.Instance) (tun.Device, error) { return tuntest.New(in.MTU), nil })
		if err != nil {
			return nil, err
		}
		t.Cleanup(w.Close)
		return w, nil
	})
}

func TestNoTop(t *testing.T) {
	r := newRig(t)
	bare := *r.State
	bare.Tops = nil
	r.Apply(0, &bare)
	long := UDP("10.0.1.10:4000", "203.0.113.10:53", Payload(3000), WithID(9))
	for i, packets := range [][][]byte{
		{TCP("10.0.1.10:4000", "203.0.113.10:80", "S", nil)},
		{Fragment(long, 1480, 1528), Fragment(long, 0, 1480)},
	} {
		if _, sent := r.Pass(packets...); sent || r.Dropped(drop.NoNode) != uint64(i+1) {
			t.Errorf("sent: %v, dropped %v", sent, r.Account().Dropped)
		}
	}
}
