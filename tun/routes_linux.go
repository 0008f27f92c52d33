package tun

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SetRoutes makes the routes through the named device of a namespace those
// wanted, of IPv4 and IPv6: missing ones are added, others of protocol static, which is
// what this package adds, are deleted. The connected routes that come with
// addresses stay, and so do those of other programs.
func SetRoutes(netNS, name string, wanted []Route) error {
	if len(wanted) > routesMax {
		return fmt.Errorf("tun: %s: %d routes: at most %d", name, len(wanted), routesMax)
	}
	return InNetNS(netNS, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("tun: netlink: %w", err)
		}
		defer h.Close()
		link, err := h.LinkByName(name)
		if err != nil {
			return fmt.Errorf("tun: find %s: %w", name, err)
		}
		if slices.ContainsFunc(wanted, func(r Route) bool { return r.Dst.Addr().Is6() }) {
			quietIPv6(h, link, name, true) // a device that had no use for IPv6 has it switched off
		}
		keep := make(map[string]bool, len(wanted))
		for _, r := range wanted {
			keep[r.Dst.Masked().String()] = true
			if err := h.RouteReplace(route(link, r)); err != nil {
				return fmt.Errorf("tun: route %v through %s: %w", r.Dst, name, err)
			}
		}
		there, err := h.RouteList(link, netlink.FAMILY_ALL)
		if err != nil {
			return fmt.Errorf("tun: list routes through %s: %w", name, err)
		}
		for _, r := range there {
			if r.Protocol != unix.RTPROT_STATIC || r.Dst == nil || keep[r.Dst.String()] {
				continue
			}
			if err := h.RouteDel(&r); err != nil {
				return fmt.Errorf("tun: delete route to %v through %s: %w", r.Dst, name, err)
			}
		}
		return nil
	})
}
