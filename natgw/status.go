package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/flowtrack"
	"hyperplane/membership"
	"hyperplane/packet"
)

// Status is a node's place in its cell.
type Status struct {
	Roles     string `json:"roles"`
	View      uint64 `json:"view"`    // ballot
	Counter   uint32 `json:"counter"` // of views, for people
	Members   int    `json:"members"` // flow masters that are there
	Full      int    `json:"full"`    // those of them that own slots
	Member    bool   `json:"member"`  // this node is one of them
	Serving   bool   `json:"serving"` // a majority stood behind the view not long ago
	Alone     bool   `json:"alone"`
	Uncertain bool   `json:"uncertain"`
	Degraded  bool   `json:"degraded"` // the cell lacks what it needs to keep every promise
	Unheld    int    `json:"unheld"`   // flows of this node that no other may hold
	Complete  bool   `json:"complete"` // this node knows all flows that it should hold
	Up        int    `json:"up"`       // other nodes that answer
}

// Status returns the node's place in its cell.
func (n *Node) Status(now time.Duration) Status {
	v := n.member.View()
	s := Status{
		Roles: n.roles.String(), View: v.Ballot, Counter: v.Counter(), Full: v.Count(membership.Full),
		Serving: n.member.Serving(now), Alone: n.member.Alone(now), Uncertain: v.Uncertain, Unheld: n.master.Unheld(),
	}
	s.Members = v.N - v.Count(membership.Absent)
	if x := v.Find(n.self); x != nil && x.Incarnation == n.incarnation {
		s.Member = x.Status != membership.Absent
	}
	s.Complete, _ = n.master.Knows(now)
	for _, up := range n.member.PeerUp {
		if up {
			s.Up++
		}
	}
	want := min(n.state.Copies, len(n.state.FlowMasters))
	s.Degraded = s.Alone || s.Uncertain || !s.Serving || n.member.Present() < want
	return s
}

// EntryInfo is what a Top's entry says, for checkers.
type EntryInfo struct {
	Inside  packet.Tuple
	Outside packet.Tuple // as the internet sees it
	Lease   uint64
	Until   time.Duration // the Top uses it until then without asking
	Seen    time.Duration
}

// Entries calls yield with every entry of the Top's cache until it returns false.
func (n *Node) Entries(yield func(EntryInfo) bool) {
	for i := range uint32(n.cache.free.High()) {
		e := &n.cache.entries[i]
		if !n.cache.free.InUse(i) {
			continue
		}
		if !yield(EntryInfo{e.inside, e.outside().Reverse(), e.lease, e.until, e.seen}) {
			return
		}
	}
}

// Records calls yield with every record of the Flow Master until it returns false.
func (n *Node) Records(yield func(flowtrack.Flow) bool) { n.master.Each(yield) }

// Owns reports whether this node decides about a slot now.
func (n *Node) Owns(slot uint32) bool { return n.master.Owns(slot) }

// Serves reports whether the node has a role.
func (n *Node) Serves(r cellstate.Roles) bool { return n.roles.Has(r) }

// View describes the view of the flow masters that this node acts in.
func (n *Node) View() string { return n.member.View().String() }
