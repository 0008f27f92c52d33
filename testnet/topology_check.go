package testnet

import (
	"fmt"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"

	"hyperplane/testnet/lab"
)

// check looks at what is wrong only in the whole: names and addresses that
// meet, and state that this network does not carry.
func (t *Topology) check(p *problems, at *lines, state *yaml.Node) {
	names := map[string]string{underlayName: "the underlay's own", routerName: "the router's own"}
	taken := map[netip.Addr]string{t.Router: "the router"}
	claim := func(n *yaml.Node, path, name string, addr netip.Addr) {
		if other, dup := names[name]; dup {
			p.add(n, path, "the name %q is %s already", name, other)
		}
		names[name] = "that of " + path
		if other, dup := taken[addr]; dup {
			p.add(n, path, "the address %s is %s's already", addr, other)
		}
		taken[addr] = name
	}
	for i, h := range t.Hosts {
		path := fmt.Sprintf("internet.hosts[%d]", i)
		claim(at.hosts[i], path, h.Name, h.Address)
		if t.Underlay.Contains(h.Address) || t.Transit.Contains(h.Address) || within(t.Public, h.Address) {
			p.add(at.hosts[i], path+".address", "%s lies in the underlay's, the transit or a public network", h.Address)
		}
	}
	for i, s := range t.Spares {
		path := fmt.Sprintf("underlay.spares[%d]", i)
		claim(at.spares[i], path, s.Name, s.Address)
		if !t.Underlay.Contains(s.Address) || s.Address == t.Underlay.Addr() {
			p.add(at.spares[i], path+".address", "%s is not in underlay.network %s", s.Address, t.Underlay)
		}
	}
	count := map[Role]int{}
	list := map[Role]string{RoleNode: "nodes", RoleEdge: "edges", RoleHost: "hosts"}
	for _, peer := range t.peers() {
		i := count[peer.Role]
		count[peer.Role]++
		n := stateNode(state, list[peer.Role], i, "name")
		path := fmt.Sprintf("state.%s[%d]", list[peer.Role], i)
		claim(n, path, peer.Name, peer.Address)
		if len(peer.Name) > lab.LinkNameMax {
			p.add(n, path+".name", "%q is longer than %d bytes: a link is named after it", peer.Name, lab.LinkNameMax)
		}
		if !t.Underlay.Contains(peer.Address) || peer.Address == t.Underlay.Addr() {
			p.add(stateNode(state, list[peer.Role], i, "address"), path+".address", "%s is not in underlay.network %s", peer.Address, t.Underlay)
		}
	}
	for i, inst := range t.State.Instances {
		path := fmt.Sprintf("state.instances[%d]", i)
		n := stateNode(state, "instances", i, "name")
		if other, dup := names[inst.Name]; dup {
			p.add(n, path+".name", "the name %q is %s already", inst.Name, other)
		}
		names[inst.Name] = "that of " + path
		if want := namespacePrefix + inst.Name; inst.NetNS != want {
			p.add(stateNode(state, "instances", i, "netns"), path+".netns", "is %q: a testnet's namespaces are named after their part: netns: %s", inst.NetNS, want)
		}
	}
	for i, g := range t.State.Gateways {
		for _, a := range g.Public {
			if !within(t.Public, a.Netip()) {
				p.add(stateNode(state, "nat_gateways", i, "public_addresses"), fmt.Sprintf("state.nat_gateways[%d].public_addresses", i),
					"%s is in none of internet.public: nothing would come back", a)
			}
		}
	}
	if last := t.transitEdge(len(t.State.Edges)); !t.Transit.Contains(last) {
		p.add(at.transit, "internet.transit", "%s is too small for a router and %d edges", t.Transit, len(t.State.Edges))
	}
	t.checkNetworks(p, at)
}

// checkNetworks demands that the networks are apart.
func (t *Topology) checkNetworks(p *problems, at *lines) {
	if t.Underlay.Overlaps(t.Transit) {
		p.add(at.transit, "internet.transit", "%s overlaps underlay.network %s", t.Transit, t.Underlay)
	}
	for i, a := range t.Public {
		path := fmt.Sprintf("internet.public[%d]", i)
		if a.Overlaps(t.Underlay) || a.Overlaps(t.Transit) || a.Contains(t.Router) {
			p.add(at.public, path, "%s overlaps the underlay, the transit network or the router", a)
		}
		if slices.ContainsFunc(t.Public[:i], a.Overlaps) {
			p.add(at.public, path, "%s overlaps another public network", a)
		}
	}
}
