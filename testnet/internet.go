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

// leaf is a namespace that has a link of its own to the router.
type leaf struct {
	name string // of the part, and of the link at the router's end
	link string // its name at the part's end
	ways []way  // the first is of IPv4
}

// way is a leaf's address of one family and the router's there.
type way struct{ far, via netip.Addr }

// internet connects the hosts and the edges to the router and spreads the
// public addresses over the edges.
func (n *network) internet(ctx context.Context) error {
	t := n.topology
	near := []netip.Addr{t.Router, transitRouter(t.Transit)}
	if t.dualStack() {
		near = append(near, t.Router6, transitRouter(t.Transit6))
	}
	for _, a := range near {
		if err := n.ns[routerName].Address("lo", lab.Single(a)); err != nil {
			return err
		}
	}
	if err := lab.Each(ctx, t.leaves(), n.connect); err != nil {
		return err
	}
	for i, e := range t.State.Edges {
		// A kernel that forwards takes the source of its ICMP errors from here
		// where the way back has no address, as a blackfoot's TUN has none: else
		// it would be the underlay's, which is nobody's business out there. (Of
		// IPv6 an edge has no other address.)
		if err := n.ns[e.Name].Address("lo", lab.Single(transitEdge(t.Transit, i))); err != nil {
			return err
		}
	}
	return n.public()
}

// leaves lists the internet's hosts and the edges.
func (t *Topology) leaves() (list []leaf) {
	for _, h := range t.Hosts {
		l := leaf{h.Name, hostLink, []way{{h.Address, t.Router}}}
		if h.Address6.IsValid() {
			l.ways = append(l.ways, way{h.Address6, t.Router6})
		}
		list = append(list, l)
	}
	for i, e := range t.State.Edges {
		l := leaf{name: e.Name, link: uplink}
		for _, transit := range t.transits() {
			l.ways = append(l.ways, way{transitEdge(transit, i), transitRouter(transit)})
		}
		list = append(list, l)
	}
	return list
}

// transits are the transit networks, that of IPv4 first.
func (t *Topology) transits() []netip.Prefix {
	if t.dualStack() {
		return []netip.Prefix{t.Transit, t.Transit6}
	}
	return []netip.Prefix{t.Transit}
}

// connect joins a leaf to the router, with default routes to it. The router's
// addresses are on its loopback, so each end is told about the other here.
func (n *network) connect(l leaf) error {
	ns, router := n.ns[l.name], n.ns[routerName]
	mac := l.ways[0].far
	near := lab.End{NS: ns, Link: l.link, Address: lab.Single(mac)}
	if err := lab.Connect(lab.End{NS: router, Link: l.name}, near, n.topology.State.InternetMTU); err != nil {
		return err
	}
	for _, w := range l.ways {
		anywhere := lab.Anywhere
		if w.far.Is6() {
			anywhere = lab.Anywhere6
			if err := ns.Address(l.link, lab.Single(w.far)); err != nil {
				return err
			}
		}
		if err := ns.Neighbour(l.link, w.via, lab.FarMAC(mac)); err != nil {
			return err
		}
		if err := ns.Route(anywhere, lab.Hop{Link: l.link, Via: w.via}); err != nil {
			return err
		}
		if err := router.Neighbour(l.name, w.far, lab.MAC(mac)); err != nil {
			return err
		}
		if err := router.Route(lab.Single(w.far), lab.Hop{Link: l.name}); err != nil {
			return err
		}
	}
	return nil
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
	for _, p := range t.Public {
		transit := t.Transit
		if p.Addr().Is6() {
			transit = t.Transit6
		}
		var hops []lab.Hop
		for i, e := range t.State.Edges {
			hops = append(hops, lab.Hop{Link: e.Name, Via: transitEdge(transit, i)})
			if err := n.ns[e.Name].Blackhole(p); err != nil {
				return err
			}
		}
		if err := n.ns[routerName].Route(p, hops...); err != nil {
			return err
		}
	}
	return nil
}
