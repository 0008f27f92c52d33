package natgw

import (
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
)

// report tells the Flow Masters about the cached entries: a share of the cache
// every tick, all of it every chain.ReportPeriod, at the same pace whatever
// happens. Those that had packets are reported in every round; the others in
// every repairRounds-th, so that an owner that lost its memory learns of them too.
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
			n.sweeps++
		}
		e := &n.cache.entries[n.sweep]
		n.sweep++
		if e.lease != 0 && (e.traits&used != 0 || e.sentOut|e.sentIn != 0 || n.sweeps%repairRounds == 0) {
			n.reportEntry(now, e)
		}
	}
	n.settle(now)
}

func (n *Node) reportEntry(now time.Duration, e *entry) {
	m := chain.Message{
		Kind: chain.Seen, Service: e.service, Flow: e.inside, Independent: e.traits&independent != 0, State: e.state, Lease: e.lease, View: n.entered,
		Public: e.public, PublicPort: e.publicPort, Top: n.self, At: now, From: n.self,
		FlagsOut: e.flagsOut | e.sentOut, FlagsIn: e.flagsIn | e.sentIn, Age: uint32(min((now-e.seen)/time.Millisecond, 1<<32-1)),
	}
	e.traits &^= used
	e.sentOut, e.sentIn = m.FlagsOut, m.FlagsIn // the report may be lost
	e.flagsOut, e.flagsIn = 0, 0
	if m.Flow == (packet.Tuple{}) {
		return
	}
	if m.To = n.flowMasterOf(m.Slot()); m.To != 0 {
		n.queue = append(n.queue, m)
	}
}
