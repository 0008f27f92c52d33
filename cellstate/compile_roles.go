package cellstate

import (
	"slices"
	"strings"
)

// roles gives each node its roles and lists the nodes of each; then it holds
// that somebody can do what the cell's gateways need.
func (c *compiler) roles() {
	s := c.state
	for i := range s.Nodes {
		n, spec := &s.Nodes[i], &c.spec.Nodes[i]
		n.Roles, n.Drain = c.rolesOf(spec.Roles, elem("nodes", i)+".roles"), spec.Drain
		for bit, list := range [...]*[]*Peer{&s.Tops, &s.FlowMasters, &s.Deciders} {
			if n.Roles.Has(1 << bit) {
				*list = append(*list, n)
			}
		}
	}
	if n := len(s.FlowMasters); n > flowMastersMax {
		c.at("nodes", "has %d flow masters; at most %d are allowed; write roles: [top, decider] at the others", n, flowMastersMax)
	}
	if len(s.Nodes) > 0 && len(c.spec.NATGateways) > 0 && !c.bad["nodes"] {
		c.eachRole()
	}
}

// rolesOf reads the roles of one node. One whose roles have a problem counts as
// having all: that a role is then missing in the cell would be noise.
func (c *compiler) rolesOf(names []string, path string) Roles {
	if names == nil {
		return RolesAll
	}
	allowed, given, good := strings.Join(roleNames[:], ", "), Roles(0), len(names) > 0
	if !good {
		c.at(path, "is empty; write at least one of %s, or leave the line out for all", allowed)
	}
	for i, name := range within(c, path, names, len(roleNames)) {
		role := roleNamed(name)
		switch {
		case role == 0:
			c.at(elem(path, i), "there is no role called %s; allowed are %s", quote(name), allowed)
		case given.Has(role):
			c.at(elem(path, i), "%s is there twice; keep one", name)
		}
		good, given = good && role != 0, given|role
	}
	if !good {
		return RolesAll
	}
	return given
}

func roleNamed(name string) Roles {
	for i, n := range roleNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// eachRole holds that there is a node of each role, and a top and a flow master
// that can take the packets and the flows of those that drain.
func (c *compiler) eachRole() {
	s := c.state
	var missing, drained nameList
	last := -1 // the last node that drains though no other of its role stays
	for _, r := range []struct {
		role   Roles
		nodes  []*Peer
		drains bool
	}{{RoleTop, s.Tops, true}, {RoleFlowMaster, s.FlowMasters, true}, {RoleDecider, s.Deciders, false}} {
		switch stays := func(p *Peer) bool { return !p.Drain }; {
		case len(r.nodes) == 0:
			missing = append(missing, r.role.String())
		case r.drains && !slices.ContainsFunc(r.nodes, stays):
			drained = append(drained, r.role.String())
			for i := range s.Nodes {
				if &s.Nodes[i] == r.nodes[len(r.nodes)-1] {
					last = max(last, i)
				}
			}
		}
	}
	if missing != nil {
		c.at("nodes", "has none with the role %s; NAT gateways need every role, add what is missing to the roles of a node", strings.Join(missing, " or "))
	}
	if drained != nil {
		c.at(elem("nodes", last)+".drain", "leaves no %s that does not drain; let one stay to take over", strings.Join(drained, " and no "))
	}
}
