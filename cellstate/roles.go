package cellstate

import (
	"fmt"
	"slices"
	"strings"
)

// Roles says which of the cell's three roles a node runs. Edges and hosts have
// none of them.
type Roles uint8

const (
	RoleTop        Roles = 1 << iota // translates packets by the entries it was given
	RoleFlowMaster                   // holds flows, and copies of the flows of others
	RoleDecider                      // chooses public ports

	RolesAll = RoleTop | RoleFlowMaster | RoleDecider // of a node that names none
)

// roleNames are as the file spells them, in the order of the bits.
var roleNames = [...]string{"top", "flowmaster", "decider"}

// Has reports whether r includes all of those asked for.
func (r Roles) Has(asked Roles) bool { return r&asked == asked }

func (r Roles) String() string {
	var names nameList
	for i, name := range roleNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ParseRoles reads roles as the state file and commands spell them.
func ParseRoles(names []string) (r Roles, err error) {
	for _, name := range names {
		i := slices.Index(roleNames[:], name)
		if i < 0 {
			return 0, fmt.Errorf("there is no role %s; the roles are %s", quote(name), RolesAll)
		}
		r |= 1 << i
	}
	return r, nil
}
