package lab

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a link.
type End struct {
	NS      *Namespace
	Link    string
	Address netip.Prefix // not valid: none
}

// MAC is the link-layer address of the end that has the IPv4 address, whatever
// IPv6 addresses it has beside it.
func MAC(a netip.Addr) net.HardwareAddr { return macOf(0, a) }

// FarMAC is that of the other end of its link, if that has no address itself.
func FarMAC(a netip.Addr) net.HardwareAddr { return macOf(1, a) }

func macOf(side byte, a netip.Addr) net.HardwareAddr {
	ip := a.As4()
	return net.HardwareAddr{0x02, side, ip[0], ip[1], ip[2], ip[3]}
}

// mac is the end's link-layer address; one of the ends has an address.
func (e End) mac(other End) net.HardwareAddr {
	if e.Address.IsValid() {
		return MAC(e.Address.Addr())
	}
	return FarMAC(other.Address.Addr())
}

// Connect joins two namespaces by a veth pair with both ends in place,
// addressed and up. Two ends with addresses know each other from the start.
func Connect(a, b End, mtu int) error {
	err := a.NS.link.LinkAdd(&netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: a.Link, MTU: mtu, HardwareAddr: a.mac(b), TxQLen: -1},
		PeerName:         b.Link,
		PeerHardwareAddr: b.mac(a),
		PeerMTU:          uint32(mtu),
		PeerNamespace:    netlink.NsFd(int(b.NS.fd)),
	})
	if err = missing(err, "virtual Ethernet pairs", "CONFIG_VETH"); err != nil {
		return fmt.Errorf("veth %s in %s to %s in %s: %w", a.Link, a.NS.Name, b.Link, b.NS.Name, err)
	}
	for _, e := range []End{a, b} {
		if err := e.NS.up(e.Link); err != nil {
			return err
		}
		if !e.Address.IsValid() {
			continue
		}
		if err := e.NS.Address(e.Link, e.Address); err != nil {
			return err
		}
	}
	if !a.Address.IsValid() || !b.Address.IsValid() {
		return nil
	}
	if err := a.NS.Neighbour(a.Link, b.Address.Addr(), b.mac(a)); err != nil {
		return err
	}
	return b.NS.Neighbour(b.Link, a.Address.Addr(), a.mac(b))
}

// find looks a link of the namespace up.
func (n *Namespace) find(link string) (netlink.Link, error) {
	l, err := n.link.LinkByName(link)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", n.Name, link, err)
	}
	return l, nil
}

// up brings a link of the namespace up.
func (n *Namespace) up(link string) error {
	l, err := n.find(link)
	if err != nil {
		return err
	}
	if err := n.link.LinkSetUp(l); err != nil {
		return fmt.Errorf("%s: %s up: %w", n.Name, link, err)
	}
	return nil
}

// Address gives the link an address with the prefix' length. One of IPv6 needs
// a namespace made with the settings IPv6, and the link up.
func (n *Namespace) Address(link string, p netip.Prefix) error {
	l, err := n.find(link)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD // else it could not be used for a second
	}
	if err := n.link.AddrAdd(l, a); err != nil {
		return fmt.Errorf("%s: %s: address %s: %w", n.Name, link, p, err)
	}
	if p.Addr().Is6() {
		return n.awaitOwn(p.Addr())
	}
	return nil
}

// awaitOwn waits until what is for an IPv6 address is taken in: the kernel adds
// that route some time after the address, from its own queue of work.
func (n *Namespace) awaitOwn(a netip.Addr) error {
	for deadline := time.Now().Add(addressWaitMax); ; time.Sleep(PollEvery) {
		routes, err := n.link.RouteGet(a.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the address %s is not in use after %v (%v, %v)", n.Name, a, addressWaitMax, routes, err)
		}
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Single is the network of one address.
func Single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
