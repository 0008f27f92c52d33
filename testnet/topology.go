package testnet

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"hyperplane/cellstate"
)

//go:embed topologies/*.yaml
var builtin embed.FS

// DefaultTopology is the name of the topology that Up lays out when none is named.
const DefaultTopology = "default"

// Topology is what a testnet consists of, checked as a whole.
type Topology struct {
	Underlay netip.Prefix     // of nodes, edges and hosts
	Spares   []Host           // on the underlay, for nodes that the state names later
	Services []Host           // on the underlay, servers for the hosts: DNS for their resolvers
	Router   netip.Addr       // the internet hosts' next hop
	Router6  netip.Addr       // and for IPv6; not valid: this internet has none
	Transit  netip.Prefix     // between the router (its first address) and the edges
	Transit6 netip.Prefix     // valid if and only if Router6 is
	Public   []netip.Prefix   // what the router sends to the edges, of both families
	Hosts    []Host           // on the internet
	State    *cellstate.State // what the roles read

	Text      []byte // the topology file
	StateText []byte // the state file: the text under state:, with its comments
}

// Host is a machine that the state knows nothing of: a server on the internet,
// a spare or a service.
type Host struct {
	Name     string
	Address  netip.Addr
	Address6 netip.Addr // not valid: none
}

// Builtin lists the names of the embedded topologies.
func Builtin() []string {
	entries, _ := builtin.ReadDir("topologies") // embedded: cannot fail
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// LoadTopology reads an embedded topology by its name, or else a file.
func LoadTopology(nameOrPath string) (*Topology, error) {
	if data, err := builtin.ReadFile("topologies/" + nameOrPath + ".yaml"); err == nil {
		return ParseTopology(nameOrPath+".yaml", data)
	}
	f, err := os.Open(nameOrPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("topology %q: no such file, and the embedded ones are %s", nameOrPath, strings.Join(Builtin(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	return ParseTopology(nameOrPath, data)
}

// Parts lists every namespace of the topology, the networks first.
func (t *Topology) Parts() []Part {
	parts := []Part{
		{Name: underlayName, Role: RoleUnderlay},
		{Name: routerName, Role: RoleRouter, Address: t.Router, Address6: t.Router6},
	}
	hosts := func(role Role, list []Host) {
		for _, h := range list {
			parts = append(parts, Part{h.Name, role, h.Address, h.Address6})
		}
	}
	hosts(RoleInternetHost, t.Hosts)
	hosts(RoleService, t.Services)
	for _, p := range t.State.Nodes {
		parts = append(parts, Part{Name: p.Name, Role: RoleNode, Address: p.Addr.Netip()})
	}
	hosts(RoleSpare, t.Spares)
	for _, p := range t.State.Edges {
		parts = append(parts, Part{Name: p.Name, Role: RoleEdge, Address: p.Addr.Netip()})
	}
	for _, p := range t.State.Hosts {
		parts = append(parts, Part{Name: p.Name, Role: RoleHost, Address: p.Addr.Netip()})
	}
	for _, i := range t.State.Instances {
		p := Part{Name: i.Name, Role: RoleInstance}
		if i.Addr != 0 {
			p.Address = i.Addr.Netip()
		}
		if i.Has6() {
			p.Address6 = i.Addr6.Netip()
		}
		parts = append(parts, p)
	}
	return parts
}

// find finds a part by name among those that will do; what they are is for the
// error.
func (t *Topology) find(name, what string, willDo func(Part) bool) (Part, error) {
	var have []string
	for _, p := range t.Parts() {
		if !willDo(p) {
			continue
		}
		if p.Name == name {
			return p, nil
		}
		have = append(have, p.Name)
	}
	return Part{}, &UnknownNameError{name, what, have}
}

// peers lists the parts that the state has on the underlay.
func (t *Topology) peers() []Part {
	return slices.DeleteFunc(t.Parts(), func(p Part) bool {
		return p.Role != RoleNode && p.Role != RoleEdge && p.Role != RoleHost
	})
}

// underlay lists the parts that are on the underlay: the state's, and those
// beside them.
func (t *Topology) underlay() []Part {
	return slices.DeleteFunc(t.Parts(), func(p Part) bool { return !p.Role.onUnderlay() })
}

// dualStack reports whether the internet has IPv6.
func (t *Topology) dualStack() bool { return t.Router6.IsValid() }

// transitRouter is the router's address towards the edges, in the transit
// network of either family.
func transitRouter(transit netip.Prefix) netip.Addr { return transit.Masked().Addr().Next() }

// transitEdge is the i-th edge's address towards the router.
func transitEdge(transit netip.Prefix, i int) netip.Addr {
	a := transitRouter(transit)
	for range i + 1 {
		a = a.Next()
	}
	return a
}
