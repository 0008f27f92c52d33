package tun_test

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// A namespace without a name holds devices and sockets, which work outside of it, and
// nobody else sees it; two have nothing in common.
func TestPrivateNetNS(t *testing.T) {
	tuntest.Namespace(t) // skips where there are no privileges
	var packets []net.PacketConn
	for range 2 {
		ns, err := tun.NewPrivateNetNS()
		if err != nil {
			t.Fatal(err)
		}
		devices, err := tun.Open(tun.Config{
			Name: "dns0", MTU: 1500, NetNS: ns.Name,
			Addresses: []netip.Prefix{netip.MustParsePrefix("169.254.169.253/32"), netip.MustParsePrefix("fd00:ec2::253/128")},
			Routes:    []tun.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0")}, {Dst: netip.MustParsePrefix("::/0")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer devices[0].Close()
		for _, a := range []string{"169.254.169.253:53", "[fd00:ec2::253]:53", "[::1]:53"} {
			if err := tun.InNetNS(ns.Name, func() error {
				c, err := net.ListenPacket("udp", a)
				packets = append(packets, c)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := ns.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range packets {
		if _, err := c.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv6loopback, Port: 9}); c.LocalAddr().(*net.UDPAddr).IP.Equal(net.IPv6loopback) && err != nil {
			t.Error("the loopback is down: ", err)
		}
		c.Close()
	}
	if _, err := netlink.LinkByName("dns0"); err == nil {
		t.Error("the device is in the namespace of the test")
	}
	if names, err := os.ReadDir("/run/netns"); err == nil {
		for _, n := range names {
			if n.Name() == "dns0" {
				t.Error("the namespace has a name")
			}
		}
	}
}
