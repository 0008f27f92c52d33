package testnet

import (
	"context"
	"net/netip"

	"hyperplane/testnet/lab"
)

const (
	// hostLink is the link of an internet host.
	hostLink = "eth0"
	// uplink is an edge's link to the internet's router.
	uplink = "uplink"
)

// internet connects the hosts and the edges to the router and spreads the
// public addresses over the edges.
func (n *network) internet(ctx context.Context) error {
	t, router := n.topology, n.ns[routerName]
	for _, a := range []netip.Addr{t.Router, t.transitRouter()} {
		if err := router.Address("lo", lab.Single(a)); err != nil {
			return err
		}
	}
	far := map[string]netip.Addr{} // who is at the other end of which of the router's links
	via := map[string]netip.Addr{} // and the router's address there
	link := map[string]string{}    // and its link to the router
	var leaves []Part
	for _, h := range t.Hosts {
		far[h.Name], via[h.Name], link[h.Name] = h.Address, t.Router, hostLink
		leaves = append(leaves, Part{Name: h.Name})
	}
	for i, e := range t.State.Edges {
		far[e.Name], via[e.Name], link[e.Name] = t.transitEdge(i), t.transitRouter(), uplink
		leaves = append(leaves, Part{Name: e.Name})
	}
	err := lab.Each(ctx, leaves, func(p Part) error {
		return n.leaf(n.ns[p.Name], link[p.Name], p.Name, far[p.Name], via[p.Name])
	})
	if err != nil {
		return err
	}
	for i, e := range t.State.Edges {
		// A kernel that forwards takes the source of its ICMP errors from here
		// where the way back has no address, as a blackfoot's TUN has none: else
		// it would be the underlay's, which is nobody's business out there.
		if err := n.ns[e.Name].Address("lo", lab.Single(t.transitEdge(i))); err != nil {
			return err
		}
	}
	return n.public()
}

// leaf connects a namespace to the router over a link of its own, with a
// default route to it. name is the link's at the router's end.
func (n *network) leaf(ns *lab.Namespace, link, name string, a, via netip.Addr) error {
	router := n.ns[routerName]
	near := lab.End{NS: ns, Link: link, Address: lab.Single(a)}
	if err := lab.Connect(lab.End{NS: router, Link: name}, near, n.topology.State.InternetMTU); err != nil {
		return err
	}
	// The router's addresses are on its loopback, so each end is told about
	// the other here.
	if err := ns.Neighbour(link, via, lab.FarMAC(a)); err != nil {
		return err
	}
	if err := ns.Route(lab.Anywhere, lab.Hop{Link: link, Via: via}); err != nil {
		return err
	}
	if err := router.Neighbour(name, a, lab.MAC(a)); err != nil {
		return err
	}
	return router.Route(lab.Single(a), lab.Hop{Link: name})
}

// public routes the public networks to the edges, and in the edges drops what
// no TUN takes. (A blackfoot adds routes to its TUN for the addresses in use;
// an address without one would travel between router and edge until its TTL
// ends.)
func (n *network) public() error {
	t := n.topology
	if len(t.State.Edges) == 0 {
		return nil
	}
	var hops []lab.Hop
	for i, e := range t.State.Edges {
		hops = append(hops, lab.Hop{Link: e.Name, Via: t.transitEdge(i)})
	}
	for _, p := range t.Public {
		if err := n.ns[routerName].Route(p, hops...); err != nil {
			return err
		}
		for _, e := range t.State.Edges {
			if err := n.ns[e.Name].Blackhole(p); err != nil {
				return err
			}
		}
	}
	return nil
}
