package sim

import (
	"fmt"
	"math/bits"

	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/natgw"
	"hyperplane/packet"
	"hyperplane/shard"
)

// I5s is what only the explorer checks: it alone sees a message and its receiver.
const I5s Invariant = "I5: nobody obeys a message of another view"

// fact is what is known of one decision.
type fact struct {
	lease           uint64
	inside, outside packet.Tuple
	held            uint8 // the nodes that have ever held it
	ended           bool  // its owner has said so
	exposed         bool  // a Top has heard of it
	alone           bool  // a node without a majority may have answered for it
}

// fact finds or makes the one about a lease.
func (w *scope) fact(lease uint64, inside, outside packet.Tuple) *fact {
	for i := range w.facts {
		if w.facts[i].lease == lease {
			return &w.facts[i]
		}
	}
	w.facts = append(w.facts, fact{lease: lease, inside: inside, outside: outside})
	return &w.facts[len(w.facts)-1]
}

func (w *scope) fail(i Invariant, format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf("at %v: %s\n%s", w.now, i, fmt.Sprintf(format, args...))
	}
}

// decisions are what a node holds: leases, and which of them rest.
func (w *scope) decisions(n *natgw.Node) (list []uint64) {
	for f := range n.Records {
		x := f.Lease << 1
		if f.State == flowtrack.Resting {
			x |= 1
		}
		list = append(list, x)
	}
	return list
}

// stale reports whether a letter is of another view than its receiver's and should
// therefore do nothing there.
func (w *scope) stale(l *letter) bool {
	list := w.messages(&l.Packet)
	for _, m := range list {
		switch m.Kind {
		case chain.Copy, chain.Chosen, chain.Done, chain.Ack:
			if m.View == w.said[l.to].View {
				return false
			}
		default:
			return false
		}
	}
	if len(list) > 0 {
		w.reached["a message of another view"]++
	}
	return len(list) > 0
}

// observe looks at a node after its turn.
func (w *scope) observe(i int) {
	n, alone := w.nodes[i], w.said[i].Alone
	if alone {
		w.lost = true // it ends flows by itself; they may be decided anew
	}
	for r := range n.Records {
		f := w.fact(r.Lease, r.Inside, chain.Outside(r.Inside, r.Public, r.PublicPort))
		f.held |= 1 << i
		f.ended = f.ended || r.State == flowtrack.Resting
		f.alone = f.alone || alone
	}
	now := w.at(i)
	for e := range n.Entries {
		if now >= e.Until {
			continue
		}
		f := w.fact(e.Lease, e.Inside, e.Outside)
		if !f.exposed {
			f.exposed = true
			if bits.OnesCount8(f.held) < 2 && !f.alone && !w.lost {
				w.fail(I4, "the Top of node %d uses %v as %v, which only nodes %03b have held", i, e.Inside, e.Outside, f.held)
			}
		}
		for j, o := range w.nodes {
			if o == nil {
				continue
			}
			for other := range o.Entries {
				if w.at(j) < other.Until {
					w.compare(i, &e, j, &other)
				}
			}
		}
	}
	w.owners()
}

// compare holds that two entries that are in use do not contradict each other.
func (w *scope) compare(i int, a *natgw.EntryInfo, j int, b *natgw.EntryInfo) {
	if a.Lease == b.Lease {
		return
	}
	fa, fb := *w.fact(a.Lease, a.Inside, a.Outside), *w.fact(b.Lease, b.Inside, b.Outside)
	if fa.alone || fb.alone {
		return // stated, and counted
	}
	switch {
	case a.Inside == b.Inside && !w.lost && !fa.ended && !fb.ended:
		w.fail(I3, "nodes %d and %d use two decisions about %v: lease %x as %v until %v, lease %x as %v until %v",
			i, j, a.Inside, a.Lease, a.Outside, a.Until-w.at(i)+w.now, b.Lease, b.Outside, b.Until-w.at(j)+w.now)
	case a.Inside != b.Inside && a.Outside == b.Outside && !w.seatForgotten(a.Outside):
		w.fail(I1, "%v is used by node %d for %v until %v, and by node %d for %v until %v",
			a.Outside, i, a.Inside, a.Until-w.at(i)+w.now, j, b.Inside, b.Until-w.at(j)+w.now)
	}
}

// seatForgotten reports whether a port is one of a seat, whose node may have
// forgotten that it gave it: a stated limit.
func (w *scope) seatForgotten(outside packet.Tuple) bool {
	return chain.PortClass(outside.SrcPort) != 0 && w.lost
}

// owners holds that two owners in the highest view do not give one port to two.
func (w *scope) owners() {
	highest := uint64(0)
	for i := range w.nodes {
		if w.nodes[i] != nil && !w.said[i].Alone {
			highest = max(highest, w.said[i].View)
		}
	}
	var claims [scopeNodes * 4]struct{ inside, outside packet.Tuple }
	k := 0
	for i, n := range w.nodes {
		if n == nil || w.said[i].View != highest || w.said[i].Alone {
			continue
		}
		for r := range n.Records {
			if r.State == flowtrack.Resting || r.Memory || !n.Owns(shard.Slot(r.Service, r.Inside.Proto(), r.Inside.Dst, r.Inside.DstPort)) {
				continue
			}
			outside := chain.Outside(r.Inside, r.Public, r.PublicPort)
			for _, c := range claims[:k] {
				if c.outside == outside && c.inside != r.Inside {
					w.fail(I1, "node %d owns %v as %v, which has been given to %v", i, r.Inside, outside, c.inside)
				}
			}
			if k < len(claims) {
				claims[k].inside, claims[k].outside = r.Inside, outside
				k++
			}
		}
	}
}

// loses notes whether the crash of a node loses more than is promised for: another
// one is down, or does not know all that it should.
func (w *scope) loses(i int) bool {
	for j := range w.nodes {
		if s := &w.said[j]; j != i && (w.nodes[j] == nil || !s.Complete || !s.Member || s.Unheld > 0 || s.View != w.said[i].View || s.Full != scopeNodes) {
			return true
		}
	}
	return w.said[i].Unheld > 0
}

// note counts what a state is rare for; an explorer that never comes there shows little.
func (w *scope) note() {
	views := uint32(0)
	for i, n := range w.nodes {
		if n == nil {
			w.reached["a node down"]++
			continue
		}
		views = max(views, w.said[i].Counter)
		if w.said[i].Alone {
			w.reached["a node alone"]++
		}
		if !w.said[i].Complete && w.said[i].Member {
			w.reached["a member that learns"]++
		}
	}
	if views > 1 {
		w.reached["another view"]++
	}
	for i := range w.facts {
		for j := range i {
			a, b := &w.facts[i], &w.facts[j]
			if a.exposed && b.exposed && a.outside == b.outside && a.inside != b.inside {
				w.reached["a port used by both"]++
			}
		}
	}
}
