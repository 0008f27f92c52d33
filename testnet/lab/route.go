package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Anywhere and Anywhere6 are the destinations of the default routes.
var (
	Anywhere  = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	Anywhere6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

// lastResort is a metric behind that of any route to a link (of IPv6, 1024
// where none is given).
const lastResort = 1 << 20

// Hop is where a route leads: to Via over Link. Via need not be in a network
// of the link; if it is not valid, the destination is on the link itself.
type Hop struct {
	Link string
	Via  netip.Addr
}

// Route sends dst to a hop or, if there are several, spreads its flows over them.
func (n *Namespace) Route(dst netip.Prefix, hops ...Hop) error {
	r := &netlink.Route{Dst: ipNet(dst)}
	for _, h := range hops {
		l, err := n.find(h.Link)
		if err != nil {
			return err
		}
		hop := &netlink.NexthopInfo{LinkIndex: l.Attrs().Index}
		if h.Via.IsValid() {
			hop.Gw, hop.Flags = h.Via.AsSlice(), int(netlink.FLAG_ONLINK)
		}
		r.MultiPath = append(r.MultiPath, hop)
	}
	if len(hops) == 1 {
		hop := r.MultiPath[0]
		r.MultiPath, r.LinkIndex, r.Gw, r.Flags = nil, hop.LinkIndex, hop.Gw, hop.Flags
		if hop.Gw == nil {
			r.Scope = netlink.SCOPE_LINK
		}
	}
	if err := n.link.RouteAdd(r); err != nil {
		return fmt.Errorf("%s: route %s over %v: %w", n.Name, dst, hops, err)
	}
	return nil
}

// Blackhole drops what no other route takes.
func (n *Namespace) Blackhole(dst netip.Prefix) error {
	if err := n.link.RouteAdd(&netlink.Route{Dst: ipNet(dst), Type: unix.RTN_BLACKHOLE, Priority: lastResort}); err != nil {
		return fmt.Errorf("%s: blackhole %s: %w", n.Name, dst, err)
	}
	return nil
}

// Neighbour makes known for good who has an address: the first packet of a
// test must not wait for, or be counted with, address resolution.
func (n *Namespace) Neighbour(link string, a netip.Addr, mac net.HardwareAddr) error {
	l, err := n.find(link)
	if err != nil {
		return err
	}
	err = n.link.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: family(a), State: netlink.NUD_PERMANENT,
		IP: a.AsSlice(), HardwareAddr: mac,
	})
	if err != nil {
		return fmt.Errorf("%s: %s: neighbour %s: %w", n.Name, link, a, err)
	}
	return nil
}

// family is the kernel's number of an address' family.
func family(a netip.Addr) int {
	if a.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}
