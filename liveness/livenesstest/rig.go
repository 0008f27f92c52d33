package livenesstest

import (
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Sender is the core of a role that sends to Tops.
type Sender interface {
	Apply(now time.Duration, s *cellstate.State)
	Tick(now time.Duration)
	Probes(now time.Duration) []liveness.Probe

	// Send takes a packet of the role's own side, an instance's or the
	// internet's; true when p is to be sent to p.Peer.
	Send(now time.Duration, p *wire.Packet) bool
	// Receive takes a datagram of a peer; true when it went on.
	Receive(now time.Duration, p *wire.Packet) bool
	// Flow makes a packet that Send takes; flows differ in the remote port.
	Flow(remotePort uint16) []byte
	// Account is the role's traffic.
	Account() telemetry.Traffic
}

// Rig is a sender of the example's network, and Tops that answer it unless they
// are silent.
type Rig struct {
	Sender
	State  *cellstate.State
	Silent map[packet.Addr4]bool

	t   testing.TB
	now time.Duration
}

// New makes a Rig whose Tops all answer.
func New(t testing.TB, s Sender) *Rig {
	t.Helper()
	r := &Rig{Sender: s, State: Example(t), Silent: map[packet.Addr4]bool{}, t: t}
	r.Apply(0, r.State)
	return r
}

// Run lets d pass; the Tops answer within it.
func (r *Rig) Run(d time.Duration) {
	r.t.Helper()
	for end := r.now + d; r.now < end; {
		r.now += loop.Tick
		r.Tick(r.now)
		for _, probe := range r.Probes(r.now) {
			p := probe.Datagram()
			if r.Silent[p.Peer] {
				continue
			}
			p.Data = slices.Clone(p.Data)
			if got := liveness.AnswerProbe(p.Data, r.State.CellID, true, 1); got != drop.None {
				r.t.Fatal(got)
			}
			if r.Receive(r.now, &p) {
				r.t.Fatal("an answer went on")
			}
		}
	}
	r.balanced()
}

// Pass hands packets to the sender; it returns the last one as it left, and
// whether it did.
func (r *Rig) Pass(packets ...[]byte) (p wire.Packet, sent bool) {
	r.t.Helper()
	for _, b := range packets {
		p = wire.Packet{Packet: packet.Packet{Data: slices.Clone(b)}}
		sent = r.Send(r.now, &p)
	}
	r.balanced()
	return p, sent
}

// Dropped is how many packets were dropped for a reason.
func (r *Rig) Dropped(reason drop.Reason) uint64 {
	traffic := r.Account()
	return traffic.Dropped[reason]
}

// balanced checks the account (I8).
func (r *Rig) balanced() {
	r.t.Helper()
	traffic := r.Account()
	if n := traffic.Unaccounted(); n != 0 {
		r.t.Errorf("%d packets unaccounted for", n)
	}
}

// flows are the Tops that packets of 256 flows go to.
func (r *Rig) flows() (tops [256]packet.Addr4) {
	r.t.Helper()
	for i := range tops {
		p, sent := r.Pass(r.Flow(uint16(1000 + i)))
		if !sent {
			r.t.Fatalf("flow %d is not sent: dropped %v", i, r.Account().Dropped)
		}
		tops[i] = p.Peer
	}
	return tops
}
