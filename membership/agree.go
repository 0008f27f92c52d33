package membership

import (
	"slices"
	"time"
)

// proposal is this node's attempt at a new view.
type proposal struct {
	ballot uint64 // its newest, zero for none; open while it is what it promised
	// wanted is since when this node has wanted another view than there is.
	wanted time.Duration
	wants  bool
	// promised is when it last promised anything to another proposer.
	promised time.Duration
}

// step takes every transition that what is known allows:
//
//  1. remember: a node that was started again becomes a voter
//  2. promise, 3. accept: what others propose
//  4. activate: a majority accepted
//  5. propose, if this node wants another view and it is its turn
//  6. touch: when a majority was last in this view
func (m *Machine) step(now time.Duration) {
	if m.fresh {
		m.remember(now)
	}
	for i := range m.peers {
		p := &m.peers[i]
		if !p.known || p.said.fresh {
			continue
		}
		if v := &p.said.view; v.Ballot > m.view.Ballot {
			if m.mayAccept(v) {
				m.accept(now, v)
			} else if v.Ballot > m.refused.Ballot {
				m.refused = *v
			}
		}
		if m.me.Votes && !m.fresh && p.said.promised > m.promised {
			m.promised, m.bound, m.proposal.promised, m.changed = p.said.promised, p.said.promised, now, true
		}
	}
	m.activate()
	if m.me.Votes && !m.fresh && !m.behind() && m.mayPropose() {
		m.propose(now)
		m.activate()
	} else {
		m.proposal.wants = false
	}
	m.touch(now)
}

// mayAccept keeps to what was promised to others, also while this node has no vote:
// it may have had one. A promise to itself binds it only once it has made a view
// under it: until then what others accepted is what that view has to be made from,
// and nobody but itself reads what it promised to itself.
func (m *Machine) mayAccept(v *View) bool {
	if m.me.Votes && m.fresh {
		return false
	}
	return v.Ballot >= m.bound
}

// accept makes v this node's view.
func (m *Machine) accept(now time.Duration, v *View) {
	m.accepted = now
	m.missed = View{}
	if v.Prev != 0 && v.Prev == m.refused.Ballot {
		m.missed = m.refused
	}
	m.refused = View{}
	m.view, m.active, m.complete, m.lapsed = *v, false, false, false
	m.promised, m.bound = max(m.promised, v.Ballot), max(m.bound, v.Ballot)
	m.amnesiac = m.amnesiac && !v.Uncertain // from here on the view says it
	m.proposal.wants = false
	m.changed = true
}

// remember ends freshness when nobody can hold this node to what it forgot.
//
// Whoever counts a promise or an acceptance of this node's earlier life counts it
// while that life answers, until suspectAfter after its end; what this node hears
// after listenFor was said later still. So of every majority that was counted with
// it, those who remember tell it what it was about.
func (m *Machine) remember(now time.Duration) {
	if len(m.peers) > 0 && now-m.started < listenFor {
		return
	}
	all, up, remember := true, 1, 0
	for i := range m.peers {
		p := &m.peers[i]
		if !p.Votes {
			continue
		}
		if !p.up {
			all = false
			continue
		}
		up++
		if !p.said.fresh && !p.said.amnesiac {
			remember++
		}
	}
	majority := m.voters/2 + 1
	if up < majority {
		m.crowd = never
	} else {
		m.crowd = min(m.crowd, now)
	}
	if late := now-m.crowd >= freshMax; !all && remember < majority && !late {
		return
	}
	m.fresh, m.voting, m.changed = false, now, true
	for i := range m.peers {
		// Candidates promise to themselves first, so the highest promise that this
		// node can have made is among these.
		if p := &m.peers[i]; p.known && !p.said.fresh {
			m.promised = max(m.promised, p.said.promised)
			if p.said.view.Ballot > m.view.Ballot {
				m.view, m.active = p.said.view, false
			}
		}
	}
	// Where all are there and know of no view, there was none.
	m.amnesiac = remember < majority && (!all || m.view.Ballot != 0)
	if m.amnesiac {
		// Nobody may be left who knows which ballots were used: jump above them, by
		// an amount that another life does not repeat.
		m.promised += (m.incarnation*spread>>(64-jumpBits) + 1) << 32
	}
	m.bound = m.promised
}

// activate counts who has accepted the view, each for itself.
func (m *Machine) activate() {
	if m.active || m.view.Ballot == 0 {
		return
	}
	n := 0
	for _, x := range m.view.Members[:m.view.N] {
		// Only the very members that are there: base counts on it.
		if x.Addr == m.self {
			if x.Incarnation == m.incarnation {
				n++
			}
		} else if p := m.peer(x.Addr); p != nil && p.up && p.incarnation == x.Incarnation && p.said.view.Ballot == m.view.Ballot {
			n++
		}
	}
	if n >= m.view.majority() {
		m.active = true
	}
}

// touch finds when a majority was last known to be in this view: the time of our
// own clock that the last of them has echoed.
func (m *Machine) touch(now time.Duration) {
	if m.view.Ballot == 0 {
		return
	}
	var times [MembersMax]time.Duration
	n := 0
	for _, x := range m.view.Members[:m.view.N] {
		if x.Addr == m.self {
			times[n] = now
			n++
		} else if p := m.peer(x.Addr); p != nil && p.known && !p.said.fresh && p.said.view.Ballot == m.view.Ballot {
			times[n] = p.echo
			n++
		}
	}
	if m.ownersUp() {
		m.reached = now
	}
	if n < m.view.majority() {
		return
	}
	slices.Sort(times[:n])
	m.contact = max(m.contact, times[n-m.view.majority()])
}

// ownersUp reports whether all others that own slots are up.
func (m *Machine) ownersUp() bool {
	for i := range m.peers {
		p := &m.peers[i]
		if !p.up && m.view.Find(p.Addr).owns() {
			return false
		}
	}
	return true
}

// propose begins a proposal or goes on with it.
func (m *Machine) propose(now time.Duration) {
	var want View
	m.desired(now, &want)
	same := want.sameMembers(&m.view)
	if want.N == 0 || same && !m.stuck() && !m.adrift() {
		m.proposal.wants = false
		return
	}
	if own := m.proposal.ballot; own != 0 && own == m.promised && own > m.view.Ballot {
		if m.promisedBy(own) { // else every hello asks for it again
			want.Ballot, want.Prev = own, m.base(own)
			m.accept(now, &want)
		}
		return
	}
	if !m.proposal.wants {
		m.proposal.wants, m.proposal.wanted = true, now
	}
	from := m.proposal.wanted
	if same {
		from += retryAfter
	}
	if m.keepsAll(&want) { // nobody has to be left out: let all of them hear of the last view first
		from = max(from, m.accepted+calmAfter)
	}
	if m.promised > m.view.Ballot { // another's proposal may be on its way
		from = max(from, m.proposal.promised+retryAfter)
	}
	if now < from+time.Duration(m.turn())*turnAfter || !m.majorityUp() {
		return
	}
	m.proposal.ballot = (m.promised>>32+1)<<32 | uint64(m.self)
	m.promised, m.changed = m.proposal.ballot, true
	if m.promisedBy(m.proposal.ballot) { // alone in the cell
		m.propose(now)
	}
}

// keepsAll reports whether everybody who is there in the view is in another, too. Such a
// view is not urgent; and nodes with different states may want different ones, until
// all have the newer state.
func (m *Machine) keepsAll(v *View) bool {
	for _, x := range m.view.Members[:m.view.N] {
		if y := v.Find(x.Addr); x.Status != Absent && (y == nil || y.Status == Absent) {
			return false
		}
	}
	return true
}

// base is the newest view that may ever have been active, for the view that this
// node makes under a ballot of its own: the newest accepted, or the one from which
// that was made if it came to nothing. Two who propose at the same moment leave such
// a view; whoever it missed has missed nothing.
//
// Only members that are there make a view active. One of them that has promised the
// ballot, and had not accepted the view by then, never will.
func (m *Machine) base(ballot uint64) uint64 {
	if m.active || m.view.Prev == 0 {
		return m.view.Ballot
	}
	may := 0
	for _, x := range m.view.Members[:m.view.N] {
		p := m.peer(x.Addr)
		refuses := p != nil && p.incarnation == x.Incarnation && p.said.promised >= ballot && p.said.view.Ballot < m.view.Ballot
		if x.Status != Absent && !refuses {
			may++
		}
	}
	if may < m.view.majority() {
		return m.view.Prev
	}
	return m.view.Ballot
}

// adrift reports whether an owner of slots in the view may have missed what happened in it.
// Usually that makes it a learner in the next view; where it is so for all of them,
// the next view has the same members, and they learn from the Tops.
func (m *Machine) adrift() bool {
	if m.lapsed && m.view.Find(m.self).owns() {
		return true
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.up && p.said.lapsed && p.said.view.Ballot == m.view.Ballot && m.view.Find(p.Addr).owns() {
			return true
		}
	}
	return false
}

// stuck reports whether a node cannot accept the newest view, because it promised
// a ballot above it that came to nothing. Another view, of the same members, ends
// that.
func (m *Machine) stuck() bool {
	for i := range m.peers {
		p := &m.peers[i]
		if !p.up || p.said.fresh {
			continue
		}
		switch theirs := p.said.view.Ballot; {
		case theirs < m.view.Ballot && p.said.promised > m.view.Ballot,
			theirs > m.view.Ballot && m.promised > theirs:
			return true
		}
	}
	return false
}

// majorityUp reports whether a proposal can succeed: without, ballots would only
// be used up.
func (m *Machine) majorityUp() bool {
	n := 1
	for i := range m.peers {
		if p := &m.peers[i]; p.Votes && p.up && !p.said.fresh {
			n++
		}
	}
	return n >= m.voters/2+1
}

// behind reports whether a node has accepted a newer view, which this one may not
// accept for what it has promised. The next view has to be made from that one.
func (m *Machine) behind() bool {
	for i := range m.peers {
		if p := &m.peers[i]; p.up && !p.said.fresh && p.said.view.Ballot > m.view.Ballot {
			return true
		}
	}
	return false
}

// mayPropose leaves proposals to those who own slots and are not behind, as long as
// one of them is up: a node that is not in the view could otherwise throw out who
// cannot reach it.
func (m *Machine) mayPropose() bool {
	if m.view.Find(m.self).owns() {
		return true
	}
	for i := range m.peers {
		p := &m.peers[i]
		if x := m.view.Find(p.Addr); p.up && x.owns() && x.Incarnation == p.incarnation && p.said.view.Ballot >= m.view.Ballot {
			return false
		}
	}
	return true
}

// turn is how many flow masters that are up come before this one.
func (m *Machine) turn() (n int) {
	for i := range m.peers {
		if p := &m.peers[i]; p.Votes && p.up && !p.said.fresh && p.Addr < m.self {
			n++
		}
	}
	return n
}

// promisedBy reports whether a majority of the state's flow masters, and of those
// of them that the present view names, has promised a ballot.
func (m *Machine) promisedBy(ballot uint64) bool {
	n, named, old := 1, 0, 0
	if m.view.Find(m.self) != nil {
		named, old = 1, 1
	}
	for i := range m.peers {
		p := &m.peers[i]
		if !p.Votes {
			continue
		}
		promised := p.up && !p.said.fresh && p.said.promised == ballot
		inView := m.view.Find(p.Addr) != nil
		if inView {
			named++
		}
		if promised {
			n++
			if inView {
				old++
			}
		}
	}
	return n >= m.voters/2+1 && (named == 0 || old >= named/2+1)
}
