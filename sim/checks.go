package sim

import (
	"fmt"
	"time"

	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// The checks that look into the roles. Each is a function over the world.

// checkAccount: I8, of one role.
func (w *World) checkAccount(p *process) {
	if !p.up {
		return
	}
	t := p.account()
	if n := t.Unaccounted(); n != 0 {
		w.violate(I8, fmt.Sprintf("%s: %d packets: %+v", p.name, n, t))
	}
	w.sometimes[StaleRefused] = max(w.sometimes[StaleRefused], t.Dropped[drop.StaleEpoch])
}

// checkTuples: I1, over the entries of all Tops and over the records of the
// slots' owners in the highest view.
func (w *World) checkTuples() {
	clear(w.seen)
	highest := uint64(0)
	for _, p := range w.procs {
		if !p.up || p.node == nil {
			continue
		}
		now := p.clock.at(w.now)
		highest = max(highest, p.node.Status(now).View)
		p.node.Entries(func(e EntryInfo) bool {
			if now < e.Until {
				w.claim(p, "entry", e.Inside, e.Outside)
			}
			return w.failure == nil
		})
	}
	clear(w.seen)
	for _, p := range w.procs {
		if !p.up || p.node == nil {
			continue
		}
		// One that is no member of it owns slots only if it is alone: it heard of the view
		// that stands without it, from others who do not hear it. What it has is of before.
		if s := p.node.Status(p.clock.at(w.now)); s.View != highest || !s.Member {
			continue
		}
		p.node.Flows(func(f FlowInfo) bool {
			if f.Memory {
				return true
			}
			if p.node.Owns(f.Slot) {
				w.claim(p, "record", f.Inside, f.Outside)
			}
			return w.failure == nil
		})
	}
}

type claim struct {
	inside packet.Tuple
	by     int
}

func (w *World) claim(p *process, what string, inside, outside packet.Tuple) {
	old, taken := w.seen[outside]
	if taken && old.inside != inside {
		w.violate(I1, fmt.Sprintf("%v: an %s of %s for %v and one of %s for %v", outside, what, p.name, inside, w.procs[old.by].name, old.inside))
	}
	w.seen[outside] = claim{inside, p.index}
}

// afterTurn makes the checks that follow each turn: I10, and I1 when a node's
// entries or flows have changed.
func (w *World) afterTurn(p *process, ticks bool) {
	if p.port.sends > 0 {
		reads := 0
		for _, d := range p.devices {
			reads += int(d.stats.ReadPackets)
		}
		most := outputsPerInput*(p.port.inputs+reads-p.reads) + outputsPerTurn*len(w.net.addrs)
		p.reads = reads
		if ticks || p.applied {
			most += outputsPerTick * len(w.net.addrs)
		}
		p.applied = false
		if p.port.sends > most {
			w.violate(I10, fmt.Sprintf("%s sent %d datagrams in a turn that took %d", p.name, p.port.sends, p.port.inputs))
		}
	}
	if p.node != nil {
		if m := p.node.Misses(); m != p.misses || p.port.chains > 0 {
			p.misses = m
			w.checkTuples()
		}
	}
	if w.careful {
		w.checkAccount(p)
	}
	if w.tracing != nil && p.node != nil {
		s := p.node.Status(p.clock.at(w.now))
		if s.Single = 0; s != p.said {
			p.said = s
			w.note(fmt.Sprintf("%s is now %+v", p.name, s))
		}
	}
}

// watchSend: I5, when a node answers a Top, and I4, when the first packet of a
// connection leaves a node.
func (w *World) watchSend(p *port, pkt *wire.Packet) {
	if view := answeredIn(w.state.CellID, &pkt.Tunnel); view != 0 {
		if o := w.procs[p.place]; o.node != nil && o.node.Status(o.clock.at(w.now)).View != view {
			w.violate(I5, fmt.Sprintf("%s exposes a decision of view %x, and is not in it", o.name, view))
		}
	}
	if int(p.place) >= len(w.plan.nodes) || pkt.Tunnel.VNI != 0 || pkt.Tunnel.Stage != packet.StageData {
		return
	}
	var v packet.View
	q := pkt.Packet
	if v.Decode(&q); v.Kind == packet.KindNone || v.Kind == packet.KindICMPError {
		return
	}
	x := w.identify(&v, true)
	if x == nil || w.exposed[v.Tuple] == x.inside {
		return // an earlier decision, which losses may have left with one node
	}
	w.exposed[v.Tuple] = x.inside
	holders := 0
	for i, o := range w.procs {
		switch {
		case o.node != nil && o.up:
			if o.node.Status(o.clock.at(w.now)).Degraded {
				w.sometimes[DegradedSeen]++
				return
			}
			o.node.Flows(func(f FlowInfo) bool {
				if f.Inside == x.inside && f.Outside == v.Tuple {
					holders++
				}
				return true
			})
		case w.now-w.died[i] < diedLately:
			holders++ // perhaps it held one
		}
	}
	if holders < 2 {
		w.violateBy(x, I4, fmt.Sprintf("it left %s as %v while %d nodes hold it and none says that it is degraded", w.procs[p.place].name, v.Tuple, holders))
	}
}

// check makes the checks that look at everything, at a pace of their own.
func (w *World) check() {
	full := map[uint64]int{}
	for _, p := range w.procs {
		w.checkAccount(p)
		if !p.up || p.node == nil {
			continue
		}
		s := p.node.Status(p.clock.at(w.now))
		if n, ok := full[s.View]; ok && n != s.Full {
			w.violate(I15, fmt.Sprintf("view %x has %d full members and, at %s, %d", s.View, n, p.name, s.Full))
		}
		full[s.View] = s.Full
		if s.Degraded {
			w.sometimes[DegradedSeen]++
		}
		if s.Single == 0 {
			p.whole = w.now
		}
		w.sometimes[Views] = max(w.sometimes[Views], s.View>>32)
	}
	if n := w.net.unaccounted(); n != 0 {
		w.violate(I8, fmt.Sprintf("the network: %d datagrams", n))
	}
	w.checkTuples()
	w.checkStalls()
	if w.now%time.Second == 0 {
		w.checkPace()
		w.checkOwners()
	}
}

// checkPace: I10 of what carries no packet, which is said at a constant pace
// whatever happens.
func (w *World) checkPace() {
	most := controlsPerPair * len(w.net.addrs) * len(w.plan.nodes)
	if w.controls > most {
		w.violate(I10, fmt.Sprintf("%d control datagrams in a second, at most %d are bounded work", w.controls, most))
	}
	w.stats.controls = max(w.stats.controls, uint64(w.controls)*100/uint64(len(w.net.addrs)*len(w.plan.nodes)))
	w.controls = 0
}

// checkOwners: I15, no slot has two owners in one view, but for nodes that are alone.
func (w *World) checkOwners() {
	for slot := range uint32(shard.Slots) {
		owners := map[uint64]string{}
		for _, p := range w.procs {
			if !p.up || p.node == nil || !p.node.Owns(slot) {
				continue
			}
			s := p.node.Status(p.clock.at(w.now))
			if s.Degraded || s.View == 0 {
				continue // alone, and says so
			}
			if other, taken := owners[s.View]; taken {
				w.violate(I15, fmt.Sprintf("slot %d is owned by %s and %s in view %x", slot, other, p.name, s.View))
			}
			owners[s.View] = p.name
		}
	}
}

// checkStalls: no connection waits for longer than is promised.
func (w *World) checkStalls() {
	if w.excusable() || w.now < w.disturbed {
		return
	}
	for _, x := range w.live {
		if x.askedAt > 0 && w.now-x.askedAt > stallMax+x.badLuck() && !x.excused && x.state <= established {
			w.violateBy(x, Stall, fmt.Sprintf("it waits for an answer since %v", w.now-x.askedAt))
		}
	}
}

// repairedNow: I18, and from here on everything must move.
func (w *World) repairedNow() {
	w.checkOwners()
	var view uint64
	for _, p := range w.procs {
		if p.node == nil {
			continue
		}
		s := p.node.Status(p.clock.at(w.now))
		if !s.Keeps {
			continue
		}
		if view == 0 {
			view = s.View
		}
		if s.View != view || !s.Member || s.Full != len(w.state.FlowMasters) || !s.Complete || s.Degraded || w.now-p.whole > wholeMax {
			w.violate(I18, fmt.Sprintf("%v after the last fault, of %d flow masters, the first in view %x: %s is %+v, whole %v ago",
				healMax, len(w.state.FlowMasters), view, p.name, s, w.now-p.whole))
		}
	}
	for _, x := range append([]*conn(nil), w.live...) {
		if x.state == established && x.askedAt == 0 {
			x.client.token++ // instead of what it would do later
			w.use(x)
		}
		if x.state <= established {
			w.mustMove = append(w.mustMove, mustMove{x, x.asked, x.state})
		}
	}
}

// mustMove is a connection that lived when all was repaired.
type mustMove struct {
	x     *conn
	asked uint16
	state connState
}

// checkMoved: none of them has stalled.
func (w *World) checkMoved() {
	for _, m := range w.mustMove {
		x := m.x
		if x.state <= established && (m.state == opening && x.state == opening || x.answered < m.asked) {
			w.violateBy(x, Stall, "it does not move although all is repaired")
		}
	}
}

// diedLately is how long a node that died may have held what nobody shows.
const diedLately = 500 * time.Millisecond
