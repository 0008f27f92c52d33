package hold

import (
	"math/rand/v2"
	"time"
)

// pace says when which connection is to be used next.
//
//	busy              0 … 9         all of them every 20 ms
//	the others        10 … 10499    one after the other, in an order of chance:
//	┌─▶ 7024 ─▶ 311 ─▶ 9120 ─▶ … ─┐ TCP and UDP and all namespaces mixed
//	└─────────────────────────────┘
type pace struct {
	busy     int           // connections 0 to busy-1 are busy
	rate     float64       // exchanges of the others per second
	others   []int         // in their order
	next     int           // place in it of the one whose turn it is
	since    time.Duration // when due was last brought up to date
	due      float64       // exchanges that should have begun by now and have not
	busyAt   time.Duration // when the busy ones are due
	resendAt time.Duration // when datagrams and
	expireAt time.Duration // waiting connections are looked at
}

func newPace(conns []conn, now time.Duration) pace {
	p := pace{since: now, busyAt: now}
	for p.busy < len(conns) && conns[p.busy].busy {
		p.busy++
	}
	for _, i := range rand.Perm(len(conns) - p.busy) {
		p.others = append(p.others, p.busy+i)
	}
	most := rateMax - float64(p.busy)/busyEvery.Seconds()
	p.rate = min(most, float64(len(p.others))/roundMin.Seconds())
	return p
}

// count is how many of the others are to be used now.
func (p *pace) count(now time.Duration) int {
	p.due = min(burstMax, p.due+p.rate*(now-p.since).Seconds())
	p.since = now
	n := int(p.due)
	p.due -= float64(n)
	return n
}

// take is the one whose turn it is. There are others if count said so.
func (p *pace) take() int {
	i := p.others[p.next]
	p.next = (p.next + 1) % len(p.others)
	return i
}
