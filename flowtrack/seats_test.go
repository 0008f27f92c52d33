package flowtrack

import (
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// By what a node that is cut off answers a new flow of a slot: with a port of its seat
// as long as it knows who else may have one, else not at all.
func TestSeatIsUsedWhereItIsKnown(t *testing.T) {
	ask := func(p *pair, now time.Duration, i int) chain.Message {
		m := missOf(tuple(packet.ProtoUDP, i))
		m.Top, m.From = topAddr(1), topAddr(1)
		out := p.master.Step(now, m, nil)
		return out[len(out)-1]
	}
	const seat = 3
	alone := Standing{Alone: true, Seat: seat}
	serving := Standing{Serving: true, Seat: seat}
	clean := Standing{Serving: true, Seat: seat, SeatClean: true}
	cleanElsewhere := Standing{Serving: true, Seat: seat + 1, SeatClean: true}
	const start = time.Second
	for _, c := range []struct {
		name   string
		before *Standing     // at the start, if at all …
		cutOff time.Duration // … and without a right to act since this
		now    time.Duration
		want   drop.Reason
	}{
		{"started and alone", nil, 0, start, drop.Rebuilding},
		{"for as long as a port rests", &alone, 0, start + restGuard, drop.None},
		{"it knew a moment ago", &serving, 0, 4 * time.Second, drop.None},
		{"it knew long ago, and has been alone since now", &serving, time.Hour, time.Hour, drop.Rebuilding},
		{"and its seat was clean", &clean, time.Hour, time.Hour, drop.None},
		{"another seat by now", &cleanElsewhere, time.Hour, time.Hour, drop.Rebuilding},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, 16)
			if c.before != nil {
				p.master.Stand(*c.before)
				p.master.Tick(start, nil)
			}
			if c.cutOff != 0 {
				p.master.Stand(Standing{Seat: seat})
				p.master.Tick(c.cutOff, nil)
			}
			p.master.Stand(alone)
			got := ask(p, c.now, 1)
			if got.Reason != c.want || (got.Kind == chain.Choose) != (c.want == drop.None) || got.Kind == chain.Choose && got.Class != 1+seat {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
