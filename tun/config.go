package tun

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// Config says which device Open makes.
type Config struct {
	// Name of the device, at most 15 bytes. A "%d" in it is replaced by the
	// kernel with the first free number; empty means "tun%d".
	Name string
	// MTU in bytes, 576 to 65535.
	MTU int
	// Queues is the number of queues, each with its own Device; 0 means 1.
	Queues int
	// QueueLen is how many packets wait in each queue to be read; what comes then is
	// dropped by the kernel, which counts it as tx_dropped of the device. 0 means the
	// kernel's own length, 500.
	QueueLen int
	// NetNS is the network namespace the device is made in: a name in
	// /run/netns, or a path when it holds a slash. Empty: the caller's own.
	NetNS string
	// Addresses of the device, with the prefix length that makes the
	// connected route.
	Addresses []netip.Prefix
	// Routes through the device.
	Routes []Route
}

// Route sends a destination through the device.
type Route struct {
	Dst netip.Prefix
	// Via is the next hop, where there is one. It needs no route of its own:
	// it is taken to be on the link.
	Via netip.Addr
}

// check returns the configuration with its defaults filled in.
func (c Config) check() (Config, error) {
	if c.Name == "" {
		c.Name = "tun%d"
	}
	if c.Queues == 0 {
		c.Queues = 1
	}
	switch {
	case len(c.Name) >= unix.IFNAMSIZ || strings.ContainsAny(c.Name, "/ \t\n\x00") || c.Name == "." || c.Name == "..":
		return c, fmt.Errorf("tun: name %q: at most %d bytes, without slash or space", c.Name, unix.IFNAMSIZ-1)
	case c.MTU < mtuMin || c.MTU > mtuMax:
		return c, fmt.Errorf("tun: %s: MTU %d: must be %d to %d", c.Name, c.MTU, mtuMin, mtuMax)
	case c.Queues < 1 || c.Queues > queuesMax:
		return c, fmt.Errorf("tun: %s: %d queues: must be 1 to %d", c.Name, c.Queues, queuesMax)
	case c.QueueLen < 0 || c.QueueLen > queueLenMax:
		return c, fmt.Errorf("tun: %s: %d packets in a queue: must be 0 to %d", c.Name, c.QueueLen, queueLenMax)
	case len(c.Addresses) > addressesMax:
		return c, fmt.Errorf("tun: %s: %d addresses: at most %d", c.Name, len(c.Addresses), addressesMax)
	case len(c.Routes) > routesMax:
		return c, fmt.Errorf("tun: %s: %d routes: at most %d", c.Name, len(c.Routes), routesMax)
	}
	for _, a := range c.Addresses {
		if !a.IsValid() {
			return c, fmt.Errorf("tun: %s: address %v is not valid", c.Name, a)
		}
	}
	for _, r := range c.Routes {
		if !r.Dst.IsValid() {
			return c, fmt.Errorf("tun: %s: route to %v is not valid", c.Name, r.Dst)
		}
		if r.Via.IsValid() && r.Via.Is4() != r.Dst.Addr().Is4() {
			return c, fmt.Errorf("tun: %s: route to %v via %v mixes address families", c.Name, r.Dst, r.Via)
		}
	}
	return c, nil
}

// wantsIPv6 reports whether anything of the configuration is IPv6.
func (c Config) wantsIPv6() bool {
	for _, a := range c.Addresses {
		if a.Addr().Is6() {
			return true
		}
	}
	for _, r := range c.Routes {
		if r.Dst.Addr().Is6() {
			return true
		}
	}
	return false
}
