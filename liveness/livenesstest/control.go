package livenesstest

import (
	"slices"
	"testing"

	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// ControlDatagrams checks that datagrams of the cell's tiers never go on: a
// Top's answer is consumed, everything else dropped with a reason, and both are
// accounted for. inner is a packet that a node may send to the role, whose stage
// alone stops it.
func ControlDatagrams(t *testing.T, newRig func(*testing.T) *Rig, inner []byte) {
	for name, c := range map[string]struct {
		from   string
		tunnel packet.Tunnel
		want   drop.Reason
	}{
		"no answer":       {"node-1", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.BadMessage},
		"from a host":     {"host-2", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.WrongTenant},
		"from an edge":    {"edge-1", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.WrongTenant},
		"from nobody":     {"", packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, drop.UnknownPeer},
		"no hops":         {"node-1", packet.Tunnel{Stage: packet.StageProbe}, drop.HopBudget},
		"chain":           {"node-1", packet.Tunnel{Service: 1, Stage: packet.StageChain, Hops: 1}, drop.BadMessage},
		"chain, of a VPC": {"node-1", packet.Tunnel{VNI: 100, Service: 1, Stage: packet.StageChain, Hops: 1}, drop.BadMessage},
		"messages":        {"node-1", packet.Tunnel{Stage: packet.StageMessages, Hops: 1}, drop.BadMessage},
		"hello":           {"node-1", packet.Tunnel{Stage: packet.StageHello, Hops: 1}, drop.BadMessage},
		"newer":           {"node-1", packet.Tunnel{Stage: 99, Hops: 1}, drop.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := wire.Packet{Packet: packet.Packet{Data: slices.Clone(inner)}, Tunnel: c.tunnel, Peer: 1}
			if peer := r.State.PeerByName(c.from); peer != nil {
				p.Peer = peer.Addr
			}
			if r.Receive(0, &p) || r.Dropped(c.want) != 1 {
				t.Errorf("dropped %v, want %v", r.Account().Dropped, c.want)
			}
			r.balanced()
		})
	}
	r := newRig(t)
	r.Run(loop.Tick)
	traffic := r.Account()
	if n := uint64(len(r.State.Tops)); traffic.Consumed != n || traffic.Generated != n || traffic.Queued[telemetry.Wire] != n {
		t.Errorf("%d answers consumed, %d probes made, %d queued, want %d each", traffic.Consumed, traffic.Generated, traffic.Queued[telemetry.Wire], n)
	}
}
