package tun_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// SetRoutes leaves exactly the routes wanted, and the connected one.
func TestSetRoutes(t *testing.T) {
	ns := tuntest.Namespace(t)
	devices, err := tun.Open(tun.Config{Name: "t0", MTU: 1500, NetNS: ns, Addresses: []netip.Prefix{netip.MustParsePrefix("10.9.0.2/24")}})
	if err != nil {
		t.Fatal(err)
	}
	defer devices[0].Close()
	for _, wanted := range [][]string{{"198.51.100.1/32", "198.51.100.2/32"}, {"198.51.100.2/32", "198.51.100.3/32"}, {"198.51.100.3/32", "2001:db8:1::/56"}, {"2001:db8:2::/56"}, {}} {
		var routes []tun.Route
		for _, w := range wanted {
			routes = append(routes, tun.Route{Dst: netip.MustParsePrefix(w)})
		}
		if err := tun.SetRoutes(ns, "t0", routes); err != nil {
			t.Fatal(err)
		}
		want := append([]string{"10.9.0.0/24"}, wanted...)
		if got := routesThrough(t, ns, "t0"); !slices.Equal(got, want) {
			t.Errorf("routes %v, want %v", got, want)
		}
	}
	if err := tun.SetRoutes(ns, "absent", nil); err == nil {
		t.Error("routes through a device that is not: no error")
	}
}

func routesThrough(t *testing.T, ns, device string) (dsts []string) {
	t.Helper()
	withLink(t, ns, device, func(link netlink.Link) error {
		routes, err := netlink.RouteList(link, netlink.FAMILY_ALL)
		for _, r := range routes {
			if r.Dst.IP.IsMulticast() {
				continue // the kernel's own
			}
			dsts = append(dsts, r.Dst.String())
		}
		return err
	})
	slices.Sort(dsts)
	return dsts
}
