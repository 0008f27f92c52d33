package membership

import (
	"fmt"
	"strings"

	"hyperplane/packet"
)

// Status is what a member of a view is to the flows.
type Status uint8

// The statuses; the package documentation draws the transitions.
const (
	// Absent: not there. It keeps its seat.
	Absent Status = iota
	// Learner: is given copies, and nothing is asked of it yet.
	Learner
	// Full: owns slots.
	Full
	// Leaving: owns slots until those who take over hold all copies.
	Leaving
)

var statusNames = [...]string{"absent", "learner", "full", "leaving"}

// String returns the status in lower case.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Member is a flow master in a view.
type Member struct {
	Addr packet.Addr4
	// ID is what places it among the owners of slots. It is part of the agreement,
	// so that nodes with different states place everybody alike (I15).
	ID uint64
	// Incarnation is that of the process which is meant; another one at the same
	// address has forgotten what this one knew. Zero when absent.
	Incarnation uint64
	// Seat is below MembersMax and this member's alone, from the first view it is
	// named in until the state no longer names it.
	Seat   uint8
	Status Status
}

// owns reports whether a member owns slots. It may be nil: then it does not.
func (x *Member) owns() bool { return x != nil && (x.Status == Full || x.Status == Leaving) }

// View is one agreement. The zero value is none.
type View struct {
	// Ballot is counter<<32 | address of the proposer; Prev that of the view it was
	// made from.
	Ballot, Prev uint64
	// Uncertain: those who agreed may have forgotten what others know. Empty: when
	// they agreed, there was not one flow in the cell.
	Uncertain, Empty bool
	N                int
	Members          [MembersMax]Member // the first N, in the order of their addresses
}

// Counter is the part of the ballot that people count views by.
func (v *View) Counter() uint32 { return uint32(v.Ballot >> 32) }

// Find returns the member at an address, or nil.
func (v *View) Find(a packet.Addr4) *Member {
	for i := range v.Members[:v.N] {
		if v.Members[i].Addr == a {
			return &v.Members[i]
		}
	}
	return nil
}

// Count returns how many members have a status.
func (v *View) Count(s Status) (n int) {
	for i := range v.Members[:v.N] {
		if v.Members[i].Status == s {
			n++
		}
	}
	return n
}

// present is how many members are there.
func (v *View) present() int { return v.N - v.Count(Absent) }

// majority is how many of the members, absent ones included, are one.
func (v *View) majority() int { return v.N/2 + 1 }

// sameMembers reports whether two views differ in nothing but their ballots.
func (v *View) sameMembers(o *View) bool {
	return v.N == o.N && v.Uncertain == o.Uncertain && v.Members == o.Members
}

// String is "view 7: 172.31.0.11 full, 172.31.0.12 absent".
func (v *View) String() string {
	if v.Ballot == 0 {
		return "no view"
	}
	var parts []string
	for _, m := range v.Members[:v.N] {
		parts = append(parts, fmt.Sprintf("%v %v", m.Addr, m.Status))
	}
	s := fmt.Sprintf("view %d: %s", v.Counter(), strings.Join(parts, ", "))
	if v.Uncertain {
		s += " (uncertain)"
	}
	return s
}
