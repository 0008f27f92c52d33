package livenesstest

import (
	"testing"

	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/wire"
)

// TopsAllocateNothing checks that neither a packet to the cell nor a probe nor
// its answer allocates.
func TopsAllocateNothing(t *testing.T, r *Rig) {
	b := r.Flow(80)
	p := wire.Packet{}
	if n := testing.AllocsPerRun(100, func() {
		p = wire.Packet{Packet: packet.Packet{Data: b}}
		if !r.Send(r.now, &p) {
			t.Fatalf("not sent: dropped %v", r.Account().Dropped)
		}
		r.now += loop.Tick
		r.Tick(r.now)
		for _, probe := range r.Probes(r.now) {
			p = probe.Datagram()
			liveness.AnswerProbe(p.Data, r.State.CellID, true, 1)
			r.Receive(r.now, &p)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
