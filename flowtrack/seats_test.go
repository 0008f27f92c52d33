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
	for _, c := range []struct {
		name   string
		before func(p *pair) (now time.Duration)
		want   drop.Reason
	}{
		{"started and alone", func(p *pair) time.Duration { return time.Second }, drop.Rebuilding},
		{"for as long as a port rests", func(p *pair) time.Duration {
			p.master.Stand(alone)
			p.master.Tick(time.Second, nil)
			return time.Second + restGuard
		}, drop.None},
		{"it knew a moment ago", func(p *pair) time.Duration {
			p.master.Stand(serving)
			p.master.Tick(time.Second, nil)
			return 4 * time.Second
		}, drop.None},
		{"it knew long ago, and has been alone since now", func(p *pair) time.Duration {
			p.master.Stand(serving)
			p.master.Tick(time.Second, nil)
			p.master.Stand(Standing{Seat: seat})
			p.master.Tick(time.Hour, nil)
			return time.Hour
		}, drop.Rebuilding},
		{"and its seat was clean", func(p *pair) time.Duration {
			clean := serving
			clean.SeatClean = true
			p.master.Stand(clean)
			p.master.Tick(time.Second, nil)
			p.master.Stand(Standing{Seat: seat})
			p.master.Tick(time.Hour, nil)
			return time.Hour
		}, drop.None},
		{"another seat by now", func(p *pair) time.Duration {
			clean := serving
			clean.SeatClean = true
			clean.Seat = seat + 1
			p.master.Stand(clean)
			p.master.Tick(time.Second, nil)
			p.master.Stand(Standing{Seat: seat})
			p.master.Tick(time.Hour, nil)
			return time.Hour
		}, drop.Rebuilding},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, 16)
			now := c.before(p)
			p.master.Stand(alone)
			got := ask(p, now, 1)
			if got.Reason != c.want || (got.Kind == chain.Choose) != (c.want == drop.None) || got.Kind == chain.Choose && got.Class != 1+seat {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
