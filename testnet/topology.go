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
	Router   netip.Addr       // the internet hosts' next hop
	Transit  netip.Prefix     // between the router (its first address) and the edges
	Public   []netip.Prefix   // what the router sends to the edges
	Hosts    []Host           // on the internet
	State    *cellstate.State // what the roles read

	Text      []byte // the topology file
	StateText []byte // the state file: the text under state:, with its comments
}

// Host is a machine that the state knows nothing of: a server on the internet,
// or a spare.
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
		{Name: routerName, Role: RoleRouter, Address: t.Router},
	}
	for _, h := range t.Hosts {
		parts = append(parts, Part{h.Name, RoleInternetHost, h.Address})
	}
	for _, p := range t.State.Nodes {
		parts = append(parts, Part{p.Name, RoleNode, p.Addr.Netip()})
	}
	for _, s := range t.Spares {
		parts = append(parts, Part{s.Name, RoleSpare, s.Address})
	}
	for _, p := range t.State.Edges {
		parts = append(parts, Part{p.Name, RoleEdge, p.Addr.Netip()})
	}
	for _, p := range t.State.Hosts {
		parts = append(parts, Part{p.Name, RoleHost, p.Addr.Netip()})
	}
	for _, i := range t.State.Instances {
		parts = append(parts, Part{i.Name, RoleInstance, i.Addr.Netip()})
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

// spares lists the parts that are on the underlay beside them.
func (t *Topology) spares() []Part {
	return slices.DeleteFunc(t.Parts(), func(p Part) bool { return p.Role != RoleSpare })
}

// transitRouter is the router's address towards the edges.
func (t *Topology) transitRouter() netip.Addr { return t.Transit.Masked().Addr().Next() }

// transitEdge is the i-th edge's address towards the router.
func (t *Topology) transitEdge(i int) netip.Addr {
	a := t.transitRouter()
	for range i + 1 {
		a = a.Next()
	}
	return a
}
