package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// UnderlayLink is the name of every member's link into the underlay.
const UnderlayLink = "eth0"

const bridgeName = "br0"

// Member is a namespace that is on an underlay.
type Member struct {
	Name    string // of its port in the bridge
	NS      *Namespace
	Address netip.Prefix
}

// Underlay makes a bridge in a namespace and connects the members to it.
// Nothing is learnt or asked for: forwarding entries and neighbours are set,
// since a stale one would swallow packets without a trace.
//
// With cut every port really cuts what it sends to the MTU and every member
// puts it together again (GRO), as real wires and NICs do; without, the kernel
// hands superpackets through whole.
func Underlay(ctx context.Context, bridge *Namespace, mtu int, cut bool, members []Member) error {
	quiet := false // with snooping on, the bridge speaks IGMP of its own accord
	err := bridge.link.LinkAdd(&netlink.Bridge{
		LinkAttrs:         netlink.LinkAttrs{Name: bridgeName, MTU: mtu, TxQLen: -1},
		MulticastSnooping: &quiet,
	})
	if err = missing(err, "bridges", "CONFIG_BRIDGE"); err != nil {
		return fmt.Errorf("%s: %s: %w", bridge.Name, bridgeName, err)
	}
	if err := bridge.up(bridgeName); err != nil {
		return err
	}
	return Each(ctx, members, func(m Member) error {
		if err := m.plug(bridge, mtu, cut); err != nil {
			return err
		}
		for _, other := range members {
			if other == m {
				continue
			}
			a := other.Address.Addr()
			if err := m.NS.Neighbour(UnderlayLink, a, MAC(a)); err != nil {
				return err
			}
		}
		return nil
	})
}

// plug connects one member to the bridge.
func (m Member) plug(bridge *Namespace, mtu int, cut bool) error {
	member := End{NS: m.NS, Link: UnderlayLink, Address: m.Address}
	if err := Connect(End{NS: bridge, Link: m.Name}, member, mtu); err != nil {
		return err
	}
	if err := bridge.enslave(m.Name, MAC(m.Address.Addr())); err != nil {
		return err
	}
	if !cut {
		return nil
	}
	if err := bridge.features(m.Name, cutFeatures, false); err != nil {
		return err
	}
	return m.NS.features(UnderlayLink, []string{"rx-gro"}, true)
}

// enslave makes a link a port of the bridge that learns nothing: behind it is
// the one given address.
func (n *Namespace) enslave(link string, behind net.HardwareAddr) error {
	bridge, err := n.find(bridgeName)
	if err != nil {
		return err
	}
	port, err := n.find(link)
	if err != nil {
		return err
	}
	if err := n.link.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("%s: %s into %s: %w", n.Name, link, bridgeName, err)
	}
	if err := n.link.LinkSetLearning(port, false); err != nil {
		return fmt.Errorf("%s: %s learning off: %w", n.Name, link, err)
	}
	err = n.link.NeighSet(&netlink.Neigh{
		LinkIndex: port.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_NOARP,
		Flags: netlink.NTF_MASTER, HardwareAddr: behind,
	})
	if err != nil {
		return fmt.Errorf("%s: %s forwarding entry: %w", n.Name, link, err)
	}
	return nil
}
