package blackfoot

import (
	"fmt"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/liveness/livenesstest"
	"hyperplane/loop"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/tun/tuntest"
	"hyperplane/wire"
)

// sender is an edge as livenesstest drives it: its own side is the internet.
type sender struct {
	*Edge
	view packet.View
}

func (s *sender) Send(_ time.Duration, p *wire.Packet) bool { return s.FromInternet(p, &s.view) }

func (s *sender) Receive(_ time.Duration, p *wire.Packet) bool {
	return s.FromCell(p, &s.view) == ToInternet
}

func (s *sender) Flow(remotePort uint16) []byte {
	return TCP(fmt.Sprintf("203.0.113.10:%d", remotePort), "198.51.100.1:2000", "A", nil)
}

func (s *sender) Account() telemetry.Traffic { return s.Traffic }

func newRig(t *testing.T) *livenesstest.Rig {
	t.Helper()
	return livenesstest.New(t, &sender{Edge: New()})
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
		r := newRig(t)
		if p, sent := r.Pass(c.packet); !sent || p.Peer != livenesstest.FirstTop(r.State, c.slot) {
			t.Errorf("%s: to %v, want %v", name, p.Peer, livenesstest.FirstTop(r.State, c.slot))
		}
	}
}

func TestTopFailsOver(t *testing.T) { livenesstest.TopFailsOver(t, newRig(t)) }

func TestTopsFailOpen(t *testing.T) { livenesstest.TopsFailOpen(t, newRig(t)) }

func TestTopsAllocateNothing(t *testing.T) { livenesstest.TopsAllocateNothing(t, newRig(t)) }

func TestControlDatagrams(t *testing.T) {
	livenesstest.ControlDatagrams(t, newRig, TCP("198.51.100.1:2000", "203.0.113.10:80", "A", nil))
}

func TestWorkerProbes(t *testing.T) {
	livenesstest.WorkerProbes(t, "edge-1", func(l *loop.Loop, conn wire.Conn) (livenesstest.Worker, error) {
		return Attach(l, New(), conn, tuntest.New(livenesstest.Example(t).InternetMTU), func(*cellstate.State) error { return nil })
	})
}

func TestNoTop(t *testing.T) {
	r := newRig(t)
	bare := *r.State
	bare.Tops = nil
	r.Apply(0, &bare)
	if _, sent := r.Pass(TCP("203.0.113.10:80", "198.51.100.1:2000", "SA", nil)); sent || r.Dropped(drop.NoNode) != 1 {
		t.Errorf("sent: %v, dropped %v", sent, r.Account().Dropped)
	}
}
