package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// vxlanPort is the port of RFC 7348; Linux' own default differs from it.
const vxlanPort = 4789

// Tunnel is a point-to-point VXLAN between two members of an underlay.
type Tunnel struct {
	VNI  int
	Link string // its name at both ends
	MTU  int
	A, B TunnelEnd
}

// TunnelEnd is one end: where it is in the underlay and its inner address.
type TunnelEnd struct {
	NS    *Namespace
	Outer netip.Addr
	Inner netip.Prefix
}

// ConnectTunnel makes both ends; each knows the other's addresses from the start.
func ConnectTunnel(t Tunnel) error {
	if err := tunnelEnd(t, t.A, t.B); err != nil {
		return err
	}
	return tunnelEnd(t, t.B, t.A)
}

func tunnelEnd(t Tunnel, here, there TunnelEnd) error {
	under, err := here.NS.find(UnderlayLink)
	if err != nil {
		return err
	}
	err = here.NS.link.LinkAdd(&netlink.Vxlan{
		LinkAttrs:    netlink.LinkAttrs{Name: t.Link, MTU: t.MTU, HardwareAddr: MAC(here.Inner.Addr()), TxQLen: -1},
		VxlanId:      t.VNI,
		VtepDevIndex: under.Attrs().Index,
		SrcAddr:      here.Outer.AsSlice(),
		Group:        there.Outer.AsSlice(), // a unicast address: everything goes there
		Port:         vxlanPort,
	})
	if err = missing(err, "VXLAN", "CONFIG_VXLAN"); err != nil {
		return fmt.Errorf("%s: VXLAN %d: %w", here.NS.Name, t.VNI, err)
	}
	if err := here.NS.Address(t.Link, here.Inner); err != nil {
		return err
	}
	if err := here.NS.up(t.Link); err != nil {
		return err
	}
	return here.NS.Neighbour(t.Link, there.Inner.Addr(), MAC(there.Inner.Addr()))
}
