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
	taken := map[netip.Addr]string{t.Router: "the router", t.Router6: "the router"}
	claim := func(n *yaml.Node, path, name string, addrs ...netip.Addr) {
		if other, dup := names[name]; dup {
			p.add(n, path, "the name %q is %s already", name, other)
		}
		names[name] = "that of " + path
		for _, addr := range addrs {
			if !addr.IsValid() {
				continue
			}
			if other, dup := taken[addr]; dup {
				p.add(n, path, "the address %s is %s's already", addr, other)
			}
			taken[addr] = name
		}
	}
	for i, h := range t.Hosts {
		path := fmt.Sprintf("internet.hosts[%d]", i)
		claim(at.hosts[i], path, h.Name, h.Address, h.Address6)
		if t.Underlay.Contains(h.Address) || t.Transit.Contains(h.Address) || within(t.Public, h.Address) {
			p.add(at.hosts[i], path+".address", "%s lies in the underlay's, the transit or a public network", h.Address)
		}
		if !h.Address6.IsValid() {
			continue
		}
		if !t.dualStack() {
			p.add(at.hosts[i], path+".ipv6_address", "there is no IPv6 on this internet: give it a next hop, internet.router6: 2001:db8:ffff::1, and internet.transit6")
		}
		if t.Transit6.Contains(h.Address6) || within(t.Public, h.Address6) {
			p.add(at.hosts[i], path+".ipv6_address", "%s lies in the transit or a public network", h.Address6)
		}
	}
	beside := func(list string, hosts []Host, at []*yaml.Node) {
		for i, h := range hosts {
			path := fmt.Sprintf("underlay.%s[%d]", list, i)
			claim(at[i], path, h.Name, h.Address)
			if !t.Underlay.Contains(h.Address) || h.Address == t.Underlay.Addr() {
				p.add(at[i], path+".address", "%s is not in underlay.network %s", h.Address, t.Underlay)
			}
		}
	}
	beside("spares", t.Spares, at.spares)
	beside("services", t.Services, at.services)
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
	for i, v := range t.State.VPCs {
		for j, c := range v.CIDRs6 {
			inside := func(p netip.Prefix) bool { return p.Bits() <= c.Bits() && p.Contains(c.Addr()) }
			if !slices.ContainsFunc(t.Public, inside) {
				p.add(stateNode(state, "vpcs", i, "ipv6_cidrs"), fmt.Sprintf("state.vpcs[%d].ipv6_cidrs[%d]", i, j),
					"%s is in none of internet.public: nothing would come back", c)
			}
		}
	}
	for i, a := range t.State.Resolvers {
		if !slices.ContainsFunc(t.Services, func(s Host) bool { return s.Address == a }) {
			p.add(child(child(child(state, "resolver"), "upstreams"), i), fmt.Sprintf("state.resolver.upstreams[%d]", i),
				"no machine on the underlay has %s: nobody would answer; add it, underlay.services: [{name: dns, address: %s}]", a, a)
		}
	}
	t.checkNetworks(p, at)
}

// checkNetworks demands that the networks are apart, and large enough.
func (t *Topology) checkNetworks(p *problems, at *lines) {
	switch {
	case t.Router6.IsValid() && !t.Transit6.IsValid():
		p.add(at.router6, "internet.router6", "wants internet.transit6: 2001:db8:fffe::/64, the addresses between the router and the edges")
		return
	case t.Transit6.IsValid() && !t.Router6.IsValid():
		p.add(at.transit6, "internet.transit6", "wants internet.router6: 2001:db8:ffff::1, the hosts' next hop")
		return
	}
	for _, n := range []struct {
		field   string
		at      *yaml.Node
		transit netip.Prefix
		router  netip.Addr
	}{
		{"internet.transit", at.transit, t.Transit, t.Router},
		{"internet.transit6", at.transit6, t.Transit6, t.Router6},
	} {
		if !n.transit.IsValid() {
			continue
		}
		if last := transitEdge(n.transit, len(t.State.Edges)); !n.transit.Contains(last) {
			p.add(n.at, n.field, "%s is too small for a router and %d edges", n.transit, len(t.State.Edges))
		}
		if t.Underlay.Overlaps(n.transit) {
			p.add(n.at, n.field, "%s overlaps underlay.network %s", n.transit, t.Underlay)
		}
		if n.transit.Contains(n.router) {
			p.add(n.at, n.field, "%s contains the router's address towards the hosts, %s", n.transit, n.router)
		}
	}
	for i, a := range t.Public {
		path := fmt.Sprintf("internet.public[%d]", i)
		if a.Addr().Is6() && !t.dualStack() {
			p.add(at.public, path, "%s is IPv6, which this internet does not have: give it internet.router6 and internet.transit6", a)
		}
		if slices.ContainsFunc([]netip.Prefix{t.Underlay, t.Transit, t.Transit6}, a.Overlaps) || a.Contains(t.Router) || a.Contains(t.Router6) {
			p.add(at.public, path, "%s overlaps the underlay, the transit network or the router", a)
		}
		if slices.ContainsFunc(t.Public[:i], a.Overlaps) {
			p.add(at.public, path, "%s overlaps another public network", a)
		}
	}
}
