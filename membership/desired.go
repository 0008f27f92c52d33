package membership

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"hyperplane/packet"
)

// candidate is a flow master of the state, while a view is made.
type candidate struct {
	Node
	incarnation uint64
	alive       bool // up, and has not forgotten what it promised
	ready       bool // up for long enough to be taken in, here and at all members
	complete    bool // holds all it should under the present view
	lapsed      bool
	before      *Member // in the present view

	// The candidates, by their places, that this one says are up, and that have
	// been for long enough; then those with which it is so both ways.
	up, steady uint32
}

// desired writes the view that this node would propose now. N stays 0 where none
// can be made.
func (m *Machine) desired(now time.Duration, want *View) {
	var list [MembersMax]candidate
	c := list[:0]
	c = append(c, candidate{Node: m.me, incarnation: m.incarnation, alive: true, ready: true, complete: m.complete, lapsed: m.lapsed})
	heardAll := true
	for i := range m.peers {
		p := &m.peers[i]
		if !p.Votes {
			continue
		}
		inView := p.said.view.Ballot == m.view.Ballot
		alive := p.up && !p.said.fresh
		heardAll = heardAll && alive
		c = append(c, candidate{
			Node: p.Node, incarnation: p.incarnation, alive: alive,
			ready:    p.steady(now),
			complete: p.said.complete && inView, lapsed: p.said.lapsed && inView,
		})
	}
	slices.SortFunc(c, func(a, b candidate) int { return cmp.Compare(a.Addr, b.Addr) })
	for i := range c {
		c[i].before = m.view.Find(c[i].Addr)
	}
	m.connect(now, c)
	m.vouch(now, c)
	cut := m.separate(now, c)
	settleIn(c)
	if m.view.Ballot == 0 && now-m.started < freshMax && (cut || !heardAll) {
		*want = View{} // others are starting too: the first view waits for them
		return
	}

	*want = View{N: len(c), Uncertain: m.uncertain(heardAll)}
	for i := range c {
		x := &want.Members[i]
		x.Addr, x.ID, x.Status = c[i].Addr, c[i].ID, c[i].status()
		if x.Status != Absent {
			x.Incarnation = c[i].incarnation
		}
	}
	if want.present() < want.majority() {
		hurry(c, want)
	}
	if want.Count(Full)+want.Count(Leaving) == 0 {
		m.begin(c, want)
	} else if m.settled(c, want) {
		for i := range c {
			if x := &want.Members[i]; x.Status == Learner {
				x.Status = Full
			}
		}
		heirs := want.Count(Full) > 0 // the last one stays
		for i := range c {
			if x := &want.Members[i]; x.Status == Leaving && heirs {
				x.Status, x.Incarnation = Absent, 0
			}
		}
	}
	if want.present() < want.majority() {
		// Those who are to agree would leave themselves out. It is this node that does
		// not hear the others: they go on without it, or it waits for them.
		*want = View{}
		return
	}
	seat(c, want)
}

// hurry takes in whoever is there, however short a time, where without them there
// are too few.
func hurry(c []candidate, want *View) {
	for i := range c {
		if x := &want.Members[i]; x.Status == Absent && c[i].alive && !c[i].Drain {
			x.Status, x.Incarnation = Learner, c[i].incarnation
		}
	}
}

// status is what a candidate is in the next view, before promotions.
func (c *candidate) status() Status {
	b := c.before
	switch {
	case !c.alive:
		return Absent
	case c.joins():
		if c.ready && !c.Drain {
			return Learner
		}
		return Absent
	case c.lapsed:
		return Learner
	case c.Drain && b.Status == Learner:
		return Absent
	case c.Drain:
		return Leaving
	case b.Status == Leaving:
		return Full
	}
	return b.Status
}

// joins reports whether a candidate is not in the present view.
func (c *candidate) joins() bool {
	return c.before == nil || c.before.Status == Absent || c.before.Incarnation != c.incarnation
}

// connect finds which candidates are up for which.
func (m *Machine) connect(now time.Duration, c []candidate) {
	for i := range c {
		x := &c[i]
		if x.Addr == m.self {
			for j := range c {
				if p := m.peer(c[j].Addr); p != nil && p.up {
					x.up |= 1 << j
					if p.steady(now) {
						x.steady |= 1 << j
					}
				}
			}
			continue
		}
		p := m.peer(x.Addr)
		if !p.known {
			continue
		}
		j := 0
		for _, e := range p.said.peers[:p.said.n] { // both in the order of addresses
			for j < len(c) && c[j].Addr < e.addr {
				j++
			}
			if j < len(c) && c[j].Addr == e.addr && e.up {
				x.up |= 1 << j
				if e.steady {
					x.steady |= 1 << j
				}
			}
		}
	}
	for i := range c {
		for j := range i {
			for _, v := range [2][2]*uint32{{&c[i].up, &c[j].up}, {&c[i].steady, &c[j].steady}} {
				if *v[0]>>j&1 != *v[1]>>i&1 {
					*v[0] &^= 1 << j
					*v[1] &^= 1 << i
				}
			}
		}
	}
}

// vouch takes a member that this node does not hear for alive while another that
// owns slots hears it: then the fault may be this node's own, and that other one,
// which hears both, is the one to judge. If the member is dead, the other notices
// within a hello. A node that owns no slots itself believes any member, for a while:
// it proposes only where it sees no owner, and throws out the last one by mistake.
//
// It is also more patient while somebody is still being told what a member lost in
// the last view had: to lose a second one then is to lose what both held. Where
// processors are short, nodes that are late are more likely than two that die at once.
func (m *Machine) vouch(now time.Duration, c []candidate) {
	settling, outsider := m.settling(), !m.view.Find(m.self).owns()
	var owners, members uint32
	for i := range c {
		if c[i].alive && c[i].Addr != m.self && !c[i].joins() {
			members |= 1 << i
			if c[i].before.owns() {
				owners |= 1 << i
			}
		}
	}
	for i := range c {
		p := m.peer(c[i].Addr)
		if p == nil || p.up || !p.known || p.said.fresh || c[i].joins() {
			continue
		}
		switch {
		case owners&c[i].up != 0,
			settling && now-p.echo < patience,
			outsider && members&c[i].up != 0 && now-p.echo < vouchMax:
			c[i].alive = true
		}
	}
}

// settling reports whether a member of the view still lacks something that it should
// hold.
func (m *Machine) settling() bool {
	for _, x := range m.view.Members[:m.view.N] {
		if x.Status == Absent {
			continue
		}
		complete := m.complete
		if p := m.peer(x.Addr); p != nil {
			complete = p.said.complete && p.said.view.Ballot == m.view.Ballot
		}
		if !complete {
			return true
		}
	}
	return false
}

// settleIn lets nobody join before it has been up at all members for long
// enough: a link that flaps keeps it out as its own flapping would.
func settleIn(c []candidate) {
	var members uint32
	for i := range c {
		if c[i].alive && !c[i].joins() {
			members |= 1 << i
		}
	}
	for i := range c {
		c[i].ready = c[i].ready && members&^(1<<i)&^c[i].steady == 0
	}
}

// worse reports whether, of two flow masters that reach equally many others, a is the
// one to be left out: one that only wants to join; else the one that this node has
// lost sight of more often; else the one of which fewer hellos arrive. A link that
// loses a part of everything fails towards all, now and then, and not towards all at
// the same moment.
func (m *Machine) worse(now time.Duration, a, b *candidate) bool {
	if a.joins() != b.joins() {
		return a.joins()
	}
	p, q := m.peer(a.Addr), m.peer(b.Addr)
	if x, y := p.restless(now), q.restless(now); x != y {
		return x > y
	}
	return p.gap > q.gap
}

// parting is two flow masters that do not reach each other, and since when.
type parting struct {
	a, b  packet.Addr4
	since time.Duration
}

// part notes which candidates do not reach each other.
func (m *Machine) part(now time.Duration, c []candidate) {
	old := m.parted
	m.parted, m.partedBefore = m.partedBefore[:0], old
	for i := range c {
		for j := range i {
			if !c[i].alive || !c[j].alive || c[i].up>>j&1 != 0 {
				continue
			}
			p := parting{c[j].Addr, c[i].Addr, now}
			for _, o := range old {
				if o.a == p.a && o.b == p.b {
					p.since = o.since
				}
			}
			m.parted = append(m.parted, p)
		}
	}
}

// apartFor reports whether two candidates have not reached each other for so long that
// one has to leave. When a node dies, those who notice first do not reach it while
// others think they do: so that is longer than it takes all to notice. And it is longer
// still while members are told what the last one to leave had: see vouch.
func (m *Machine) apartFor(now time.Duration, a, b packet.Addr4, settling bool) bool {
	need := apartAfter
	if settling {
		need = apartSettling
	}
	for _, p := range m.parted {
		if p.a == a && p.b == b {
			return m.view.Ballot == 0 || now-p.since >= need
		}
	}
	return false
}

// separate takes out of two flow masters that do not reach each other the one
// that reaches fewer, or has the worse link, so that all members of a view reach each
// other, and reports whether there was one.
func (m *Machine) separate(now time.Duration, c []candidate) (cut bool) {
	m.part(now, c)
	if len(m.parted) == 0 {
		return false
	}
	settling := m.settling()
	var apart [MembersMax]uint32
	for i := range c {
		for j := range i {
			// Its own links a node has judged already.
			if c[i].Addr != m.self && c[j].Addr != m.self && m.apartFor(now, c[j].Addr, c[i].Addr, settling) {
				apart[i] |= 1 << j
				apart[j] |= 1 << i
			}
		}
	}
	for {
		worst, most := -1, 0
		for i := range c {
			missing := bits.OnesCount32(apart[i])
			if missing > most || missing == most && missing > 0 && m.worse(now, &c[i], &c[worst]) {
				worst, most = i, missing
			}
		}
		if worst < 0 {
			return cut
		}
		c[worst].alive, cut = false, true
		apart[worst] = 0
		for i := range apart {
			apart[i] &^= 1 << worst
		}
	}
}

// uncertain reports whether those who make the view may have forgotten what others
// know. Hearing all others ends it, one view later: then owners learn anew what
// there is.
func (m *Machine) uncertain(heardAll bool) bool {
	if m.amnesiac {
		return true
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.Votes && p.up && p.said.amnesiac {
			return true
		}
	}
	return m.view.Uncertain && !heardAll
}

// begin makes a view in which nobody holds anything: the first one, or after all
// holders are lost. Those who are there own the slots, and learn what there is
// from the Tops.
func (m *Machine) begin(c []candidate, want *View) {
	for i := range c {
		if c[i].alive && !c[i].Drain {
			want.Members[i].Status, want.Members[i].Incarnation = Full, c[i].incarnation
		}
	}
	if want.Count(Full) == 0 {
		want.N = 0
	}
	want.Empty = m.view.Ballot == 0 && !m.used
	for i := range m.peers {
		p := &m.peers[i]
		want.Empty = want.Empty && p.up && p.said.empty
	}
}

// settled reports whether everybody in the present view holds all that they
// should, so that learners may own slots and those who leave may go. The view
// must be the same but for that.
func (m *Machine) settled(c []candidate, want *View) bool {
	if !m.active || want.N != m.view.N {
		return false
	}
	for i := range c {
		x := &want.Members[i]
		if before := c[i].before; before == nil || before.Status != x.Status || before.Incarnation != x.Incarnation {
			return false
		}
		if x.Status != Absent && !c[i].complete {
			return false
		}
	}
	return true
}

// seat gives every member its seat: the one it has, or the lowest that is free.
func seat(c []candidate, want *View) {
	var taken uint32
	for i := range c {
		if c[i].before != nil {
			taken |= 1 << c[i].before.Seat
		}
	}
	for i := range c {
		x := &want.Members[i]
		if c[i].before != nil {
			x.Seat = c[i].before.Seat
			continue
		}
		for x.Seat = 0; taken&(1<<x.Seat) != 0; x.Seat++ {
		}
		taken |= 1 << x.Seat
	}
}

// PeerUp calls yield with every other node and whether it is up, in the order of
// their addresses.
func (m *Machine) PeerUp(yield func(packet.Addr4, bool) bool) {
	for i := range m.peers {
		if !yield(m.peers[i].Addr, m.peers[i].up) {
			return
		}
	}
}
