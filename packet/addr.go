package packet

import "net/netip"

// Addr4 is an IPv4 address in host order: 203.0.113.10 is 0xCB00710A. It is a
// number, and not netip.Addr, so that keys made of it are pointer-free and
// half the size.
type Addr4 uint32

// AddrFrom converts an IPv4 or IPv4-mapped address; ok is false for any other.
func AddrFrom(a netip.Addr) (addr Addr4, ok bool) {
	a = a.Unmap()
	if !a.Is4() {
		return 0, false
	}
	b := a.As4()
	return Addr4(be32(b[:])), true
}

// Netip converts to the standard library's type.
func (a Addr4) Netip() netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// String prints dotted decimal. It allocates: for logs and tests only.
func (a Addr4) String() string { return a.Netip().String() }

// IsMulticast reports whether a is in 224.0.0.0/4.
func (a Addr4) IsMulticast() bool { return a>>28 == 0xe }

// single reports whether a is that of one host: Routable, or of class E, from which hosts
// that speak IPv6 have their NAT64 side.
func (a Addr4) single() bool { return a.Routable() || a>>28 == 0xf && a>>24 != 0xff }

// Routable reports whether a router may forward packets from or to a: not
// 0.0.0.0/8, loopback, multicast, class E or limited broadcast (RFC 1812,
// sections 5.3.7 and 4.2.2.11).
func (a Addr4) Routable() bool {
	first := a >> 24
	return first != 0 && first != 127 && first < 224
}
