package tun

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// configure gives the device its MTU, addresses and routes and brings it up,
// in the thread's namespace.
//
// gso_max_size is left alone: at its default of 64 KB a superpacket fits
// ReadLen, and a smaller one, chosen so that the encapsulated superpacket fits
// one datagram, was measured to bring nothing.
func configure(name string, cfg Config) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("tun: netlink: %w", err)
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("tun: find %s: %w", name, err)
	}
	if err := h.LinkSetMTU(link, cfg.MTU); err != nil {
		return fmt.Errorf("tun: set MTU %d of %s: %w", cfg.MTU, name, err)
	}
	if cfg.QueueLen > 0 {
		if err := h.LinkSetTxQLen(link, cfg.QueueLen); err != nil {
			return fmt.Errorf("tun: set queue length %d of %s: %w", cfg.QueueLen, name, err)
		}
	}
	quietIPv6(h, link, name, cfg.wantsIPv6())
	for _, a := range cfg.Addresses {
		addr := &netlink.Addr{IPNet: ipNet(a)}
		if a.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD // nobody else is on a TUN to ask
		}
		if err := h.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("tun: add address %v to %s: %w", a, name, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("tun: bring up %s: %w", name, err)
	}
	for _, r := range cfg.Routes {
		if err := h.RouteAdd(route(link, r)); err != nil {
			return fmt.Errorf("tun: add route to %v through %s: %w", r.Dst, name, err)
		}
	}
	return nil
}

func route(link netlink.Link, r Route) *netlink.Route {
	out := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Dst:       ipNet(r.Dst.Masked()),
		Protocol:  unix.RTPROT_STATIC, // an administrator's, in the eyes of routing daemons
	}
	if r.Via.IsValid() {
		out.Gw = r.Via.AsSlice()
		out.Flags = int(netlink.FLAG_ONLINK)
	} else {
		out.Scope = netlink.SCOPE_LINK
	}
	return out
}

// quietIPv6 keeps the kernel from sending packets of its own accord: router
// solicitations, multicast reports, a link-local address. Nothing here can
// fail in a way that matters: what is missing costs a few packets that are
// dropped and counted, so errors are passed over.
func quietIPv6(h *netlink.Handle, link netlink.Link, name string, wanted bool) {
	_ = h.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE)
	settings := []struct{ key, value string }{
		{"accept_ra", "0"}, {"autoconf", "0"}, {"router_solicitations", "0"},
	}
	disabled := "1"
	if wanted {
		disabled = "0"
	}
	settings = append(settings, struct{ key, value string }{"disable_ipv6", disabled})
	for _, s := range settings {
		// /proc/sys/net shows the namespace of the thread that opens it.
		file := filepath.Join("/proc/sys/net/ipv6/conf", name, s.key)
		_ = os.WriteFile(file, []byte(s.value), 0)
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	a := p.Addr()
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(p.Bits(), a.BitLen())}
}
