package natgw

import (
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
)

// report tells the Flow Master which entries had packets: a share of the cache
// every tick, all of it every chain.ReportPeriod, at the same pace whatever happens.
func (n *Node) report(now time.Duration) {
	elapsed := now - n.lastSweep
	n.lastSweep = now
	high := n.cache.free.High()
	if high == 0 {
		return
	}
	share := int(min(int64(high), int64(high)*int64(elapsed)/int64(chain.ReportPeriod)+1))
	for range share {
		if n.sweep >= high {
			n.sweep = 0
		}
		e := &n.cache.entries[n.sweep]
		n.sweep++
		if e.seen != e.reported {
			n.reportEntry(now, e)
		}
	}
}

func (n *Node) reportEntry(now time.Duration, e *entry) {
	m := chain.Message{
		Kind: chain.Seen, Service: e.service, Flow: e.inside,
		Public: e.public, PublicPort: e.publicPort,
		FlagsOut: e.flagsOut, FlagsIn: e.flagsIn, At: e.seen,
	}
	e.reported, e.flagsOut, e.flagsIn = e.seen, 0, 0
	if m.Flow != (packet.Tuple{}) {
		n.tell(now, m)
	}
}
