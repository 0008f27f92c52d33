package membership

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Node is a node of the cell, as the state names it.
type Node struct {
	Addr  packet.Addr4
	ID    uint64 // see Member.ID
	Votes bool   // it is a flow master
	Drain bool   // it is to give its slots away
}

// Machine is one node's part in the agreement. It is not safe for concurrent use.
type Machine struct {
	self        packet.Addr4
	incarnation uint64
	started     time.Duration
	cell        uint32
	me          Node
	peers       []peer // the other nodes, in the order of their addresses
	voters      int    // flow masters in the state, this node included

	// What a hello says. Fresh: what was promised in an earlier life is forgotten.
	fresh, amnesiac, complete, lapsed, used bool
	promised, bound                         uint64 // bound: promised to others, or by a view of its own
	view                                    View   // the newest accepted
	active                                  bool   // a majority is known to have accepted it
	refused, missed                         View   // the newest heard of that it might not accept; Missed
	seats                                   uint16 // Claims.Seats

	proposal             proposal
	parted, partedBefore []parting     // flow masters that do not reach each other
	reached              time.Duration // when all who own slots were last up for this node
	voting               time.Duration // since when it is not fresh
	accepted             time.Duration // when the view was accepted
	crowd                time.Duration // while it is fresh: since when a majority is up
	ranAt                time.Duration // when it was last asked anything …
	awake                time.Duration // … and when it was so after having stood still
	contact              time.Duration // of a majority in the view; see touch
	helloAt              time.Duration // when the last hello was sent
	changed              bool          // say hello at once
	scratch              hello
	out                  [HelloMax]byte
}

// peer is another node and what its hellos said.
type peer struct {
	Node
	known       bool          // a hello has come
	echo        time.Duration // the newest time of our clock that it has heard
	theirNow    uint64
	incarnation uint64
	past        uint64        // the incarnation before
	changed     time.Duration // when the present one was first heard

	up        bool
	upSince   time.Duration
	overslept time.Duration // upSince before this node stood still, until the peer is heard again
	fellAt    time.Duration
	joinWait  time.Duration // how long it has to be up before a view takes it in

	heardAt time.Duration // when the last hello came
	gap     time.Duration // the mean time between two, of the last ones

	said hello
}

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// New returns the machine of the node at address self. Incarnation is different
// in every life of the process and never zero.
func New(now time.Duration, self packet.Addr4, incarnation uint64) *Machine {
	if incarnation == 0 {
		panic("membership: an incarnation is never zero")
	}
	return &Machine{self: self, incarnation: incarnation, started: now, fresh: true, crowd: never, contact: now, helloAt: now - helloPeriod}
}

// Apply takes the nodes that the state names. What is known of those that stay
// is kept.
func (m *Machine) Apply(now time.Duration, cell uint32, nodes []Node) {
	m.cell = cell
	old := m.peers
	m.peers, m.voters, m.me = nil, 0, Node{Addr: m.self}
	for _, n := range nodes {
		if n.Votes {
			m.voters++
		}
		if n.Addr == m.self {
			m.me = n
			continue
		}
		p := peer{joinWait: joinAfter}
		if i := slices.IndexFunc(old, func(o peer) bool { return o.Addr == n.Addr }); i >= 0 {
			p = old[i]
		}
		p.Node = n
		m.peers = append(m.peers, p)
	}
	if m.voters > MembersMax || len(m.peers) > PeersMax {
		panic(fmt.Sprintf("membership: %d flow masters and %d nodes; the state should have been refused", m.voters, len(m.peers)+1))
	}
	slices.SortFunc(m.peers, func(a, b peer) int { return cmp.Compare(a.Addr, b.Addr) })
	m.changed = true
	m.step(now)
}

// Use says that this node has entries for flows, or had some since it was started.
func (m *Machine) Use() { m.used = true }

// Claims is what a flow master says about what it holds: Complete if it has all
// records that it should under the present view, Lapsed if it may have missed some
// for good and should learn them anew. Seats has a bit for each seat on whose ports it
// has records.
type Claims struct {
	Complete, Lapsed bool
	Seats            uint16
}

// Claim tells the others.
func (m *Machine) Claim(now time.Duration, c Claims) {
	m.seats = c.Seats // the next hello is soon enough
	if m.complete != c.Complete || m.lapsed != c.Lapsed {
		m.complete, m.lapsed, m.changed = c.Complete, c.Lapsed, true
		m.step(now)
	}
}

// Hear takes a hello.
func (m *Machine) Hear(now time.Duration, from packet.Addr4, payload []byte) drop.Reason {
	p := m.peer(from)
	if p == nil {
		return drop.UnknownPeer
	}
	m.wake(now)
	if r := m.scratch.decode(payload, m.cell); r != drop.None {
		return r
	}
	h := &m.scratch
	if p.known && h.incarnation == p.incarnation && int64(h.now-p.theirNow) < 0 {
		return drop.None // overtaken by a later one, which said all of it
	}
	if h.incarnation == p.past && now-p.changed < listenFor {
		return drop.None // late, from a life that has ended
	}
	if h.incarnation != p.incarnation {
		m.fall(now, p) // it was started again
		p.past, p.incarnation, p.changed, p.echo = p.incarnation, h.incarnation, now, 0
	}
	if p.known {
		p.gap += (min(now-p.heardAt, suspectAfter) - p.gap) / gapShare
	}
	p.known, p.said, p.theirNow, p.heardAt = true, *h, h.now, now
	for _, e := range h.peers[:h.n] {
		if e.addr == m.self {
			if echo := time.Duration(e.echo - m.clock(0)); echo >= m.started && echo <= now {
				p.echo = max(p.echo, echo)
			}
		}
	}
	m.judge(now, p)
	m.step(now)
	return drop.None
}

// Tick lets time pass.
func (m *Machine) Tick(now time.Duration) {
	m.wake(now)
	for i := range m.peers {
		m.judge(now, &m.peers[i])
	}
	m.step(now)
}

// wake notes when this process stood still. It then hears nobody because it did not
// listen, which says nothing about the others.
func (m *Machine) wake(now time.Duration) {
	if now-m.ranAt > pauseMin {
		m.awake = now
	}
	m.ranAt = now
}

// Hello returns what is to be sent to every other node now, or nil. It is valid
// until the next call.
func (m *Machine) Hello(now time.Duration) []byte {
	if len(m.peers) == 0 || !m.changed && now < m.helloAt+helloPeriod {
		return nil
	}
	m.changed, m.helloAt = false, now
	h := &m.scratch
	*h = hello{
		fresh: m.fresh, complete: m.complete, lapsed: m.lapsed, amnesiac: m.amnesiac, empty: !m.used, seats: m.seats,
		cell: m.cell, incarnation: m.incarnation, now: m.clock(now), promised: m.promised, view: m.view, n: len(m.peers),
	}
	for i := range m.peers {
		p := &m.peers[i]
		h.peers[i] = heard{addr: p.Addr, up: p.up, steady: p.steady(now), echo: p.theirNow}
	}
	return m.out[:h.encode(m.out[:])]
}

// clock is now as others see it, and echo it: shifted by an amount of this life's
// own, so that what was echoed to an earlier life is no time of this one.
func (m *Machine) clock(now time.Duration) uint64 {
	return uint64(now) + m.incarnation*spread
}

// peer finds another node by its address.
func (m *Machine) peer(a packet.Addr4) *peer {
	for i := range m.peers {
		if m.peers[i].Addr == a {
			return &m.peers[i]
		}
	}
	return nil
}

// judge decides whether a peer is up.
func (m *Machine) judge(now time.Duration, p *peer) {
	up := p.known && p.echo > 0 && now-p.echo < suspectAfter
	switch {
	case up && !p.up:
		p.up, p.upSince = true, now
		if p.overslept > 0 && now-m.awake < 2*suspectAfter {
			p.upSince = p.overslept
		}
		p.overslept = 0
	case !up && p.up && now-m.awake < suspectAfter:
		p.up, p.overslept = false, p.upSince
	case !up && p.up:
		m.fall(now, p)
	}
}

// steady reports whether a peer has been up for long enough to be taken in.
func (p *peer) steady(now time.Duration) bool { return p.up && now-p.upSince >= p.joinWait }

// restless is how long a peer has to wait to be taken in for having fallen lately.
func (p *peer) restless(now time.Duration) time.Duration {
	if p.fellAt == 0 || now-p.fellAt >= joinForgive {
		return 0
	}
	return p.joinWait
}

// fall notes that a peer went down or was started again.
func (m *Machine) fall(now time.Duration, p *peer) {
	if !p.up {
		return
	}
	if p.fellAt > 0 && now-p.fellAt < joinForgive {
		p.joinWait = min(2*p.joinWait, joinMax)
	} else {
		p.joinWait = joinAfter
	}
	p.up, p.fellAt = false, now
}

// Up reports whether the node at an address answers in time.
func (m *Machine) Up(a packet.Addr4) bool {
	if a == m.self {
		return true
	}
	p := m.peer(a)
	return p != nil && p.up
}

// View is the newest view that this node has accepted: messages of older ones
// are refused. The pointer is valid until the next call of a method.
func (m *Machine) View() *View { return &m.view }

// Missed is the view that the present one was made from, if this node was bound by a
// promise not to accept that one and heard of it; else the zero view.
func (m *Machine) Missed() *View { return &m.missed }

// Active reports whether a majority is known to have accepted the view.
func (m *Machine) Active() bool { return m.active }

// Serving reports whether a member may act on its view: it is active, and a
// majority was in it ReadLease ago or later.
func (m *Machine) Serving(now time.Duration) bool {
	return m.active && now-m.contact < ReadLease
}

// Present is how many members of the view are there as this node sees it: up, and
// the very processes that the view means.
func (m *Machine) Present() (n int) {
	for _, x := range m.view.Members[:m.view.N] {
		if x.Addr == m.self && x.Incarnation == m.incarnation {
			n++
		} else if p := m.peer(x.Addr); p != nil && p.up && x.Status != Absent && x.Incarnation == p.incarnation {
			n++
		}
	}
	return n
}

// InTouch reports whether a majority is in the view right now, as far as can be
// known, and all who own slots can be reached from here: one that cannot be reached
// for longer than it takes to leave it out is cut off from this node alone.
func (m *Machine) InTouch(now time.Duration) bool {
	return m.active && now-m.contact < touchMax && now-m.reached < reachMax
}

// Alone reports whether this node, a flow master, sees no majority for so long
// that it goes on by itself.
func (m *Machine) Alone(now time.Duration) bool {
	if !m.me.Votes {
		return false
	}
	if m.fresh {
		return now-m.started >= freshMax+aloneAfter
	}
	return now-max(m.contact, m.voting, m.awake) >= aloneAfter
}

// Rebuilding appends to list the others that own slots and say that they do not know all
// that they should.
func (m *Machine) Rebuilding(list []packet.Addr4) []packet.Addr4 {
	for i := range m.peers {
		p := &m.peers[i]
		if p.up && !p.said.complete && p.said.view.Ballot == m.view.Ballot && m.view.Find(p.Addr).owns() {
			list = append(list, p.Addr)
		}
	}
	return list
}

// SeatClean reports whether no flow is left that has a port of this node's seat from
// an earlier life of it: every member knows all flows of its slots, none has a record
// on such a port, and what a Top may still have had alone has run out.
func (m *Machine) SeatClean(now time.Duration) bool {
	self := m.view.Find(m.self)
	if self == nil || self.Incarnation != m.incarnation || !m.active || m.view.Uncertain || now-m.started < cleanAfter {
		return false
	}
	for _, x := range m.view.Members[:m.view.N] {
		complete, seats := m.complete, m.seats
		if x.Addr != m.self {
			p := m.peer(x.Addr)
			if x.Status == Absent {
				continue
			}
			if p == nil || !p.up || p.incarnation != x.Incarnation || p.said.view.Ballot != m.view.Ballot {
				return false
			}
			complete, seats = p.said.complete, p.said.seats
		}
		if !complete || seats>>self.Seat&1 != 0 {
			return false
		}
	}
	return true
}

// Seat is this node's own, or the one that a first view would give it.
func (m *Machine) Seat() uint8 {
	if x := m.view.Find(m.self); x != nil {
		return x.Seat
	}
	seat := uint8(0)
	for i := range m.peers {
		if m.peers[i].Votes && m.peers[i].Addr < m.self {
			seat++
		}
	}
	return seat
}
