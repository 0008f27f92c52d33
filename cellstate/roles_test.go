package cellstate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkRoles holds what is true of the roles in every State.
func checkRoles(t testing.TB, s *State) {
	t.Helper()
	for role, list := range map[Roles][]*Peer{RoleTop: s.Tops, RoleFlowMaster: s.FlowMasters, RoleDecider: s.Deciders} {
		var want []*Peer
		for i := range s.Nodes {
			if s.Nodes[i].Roles.Has(role) {
				want = append(want, &s.Nodes[i])
			}
		}
		if !slices.Equal(list, want) {
			t.Fatalf("role %v: listed are %v, want %v", role, list, want)
		}
		stays := func(p *Peer) bool { return role == RoleDecider || !p.Drain }
		if len(s.Gateways) > 0 && !slices.ContainsFunc(list, stays) {
			t.Fatalf("there are gateways, but no %v that stays", role)
		}
	}
	for _, p := range s.Nodes {
		if p.Roles == 0 || p.Roles&^RolesAll != 0 {
			t.Fatalf("node %s has the roles %b", p.Name, p.Roles)
		}
	}
	for _, list := range [][]Peer{s.Edges, s.Hosts} {
		for _, p := range list {
			if p.Roles != 0 || p.Drain {
				t.Fatalf("%v %s has roles or drains", p.Kind, p.Name)
			}
		}
	}
	if len(s.FlowMasters) > flowMastersMax || s.Copies < copiesMin || s.Copies > copiesMax {
		t.Fatalf("%d flow masters, %d copies", len(s.FlowMasters), s.Copies)
	}
}

func TestRolesAndDrain(t *testing.T) {
	spec := exampleSpec(t)
	spec.Copies = new(1)
	spec.Nodes[0].Roles, spec.Nodes[0].Drain = []string{"decider", "top"}, true
	spec.Nodes[1].Roles = []string{"flowmaster"}
	s := compileOK(t, spec)
	checkState(t, s)
	if s.Copies != 1 {
		t.Errorf("%d copies, want 1", s.Copies)
	}
	got := map[string][]string{}
	for what, list := range map[string][]*Peer{"tops": s.Tops, "flow masters": s.FlowMasters, "deciders": s.Deciders} {
		for _, p := range list {
			got[what] = append(got[what], p.Name)
		}
	}
	want := map[string][]string{"tops": {"node-1", "node-3"}, "flow masters": {"node-2", "node-3"}, "deciders": {"node-1", "node-3"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := s.Nodes; !n[0].Drain || n[1].Drain || n[2].Drain || n[2].Roles != RolesAll {
		t.Errorf("nodes %+v", n)
	}
}

// TestRolesAreSoundOrRefused: whatever roles nodes are given, either the state
// has somebody for everything or the file is refused, and without gateways only
// the number of flow masters counts.
func TestRolesAreSoundOrRefused(t *testing.T) {
	some := []([]string){nil, nil, {"top"}, {"flowmaster"}, {"decider"}, {"top", "flowmaster"}, {"decider", "flowmaster"}}
	full := exampleSpec(t)
	bare := exampleSpec(t)
	bare.NATGateways, bare.Instances, bare.VPCs = nil, nil, nil
	rapid.Check(t, func(rt *rapid.T) {
		var roles Roles // of those that stay, and all deciders
		for i := range full.Nodes {
			n := &full.Nodes[i]
			n.Roles, n.Drain = rapid.SampledFrom(some).Draw(rt, "roles"), rapid.Bool().Draw(rt, "drain")
			bare.Nodes[i] = *n
			for _, name := range append(slices.Clone(n.Roles), map[bool][]string{true: roleNames[:]}[n.Roles == nil]...) {
				if r := roleNamed(name); r == RoleDecider || !n.Drain {
					roles |= r
				}
			}
		}
		s, err := Compile("memory", full)
		if good := roles == RolesAll; good != (err == nil) {
			rt.Fatalf("nodes %+v: %v", full.Nodes, err)
		}
		if err == nil {
			checkState(t, s)
		}
		checkState(t, compileOK(t, bare))
	})
}

func TestRolesText(t *testing.T) {
	for r, want := range map[Roles]string{0: "none", RoleFlowMaster: "flowmaster", RoleTop | RoleDecider: "top, decider", RolesAll: "top, flowmaster, decider"} {
		if got := r.String(); got != want {
			t.Errorf("%b: %q, want %q", r, got, want)
		}
	}
	if !RolesAll.Has(RoleTop|RoleDecider) || RoleTop.Has(RoleTop|RoleDecider) {
		t.Error("Has is true of all that are asked for, not of one")
	}
}
