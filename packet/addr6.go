package packet

import "net/netip"

// Addr6 is an IPv6 address in network order. It is an array, and not
// netip.Addr, so that keys made of it are pointer-free and a third smaller.
type Addr6 [16]byte

// Addr6From converts an IPv6 address; ok is false for an IPv4 or IPv4-mapped
// one, which no packet may carry. A zone is left out.
func Addr6From(a netip.Addr) (addr Addr6, ok bool) {
	if !a.Is6() || a.Is4In6() {
		return Addr6{}, false
	}
	return Addr6(a.As16()), true
}

// Netip converts to the standard library's type.
func (a Addr6) Netip() netip.Addr { return netip.AddrFrom16(a) }

// String prints the address as RFC 5952 asks. It allocates: for logs and tests only.
func (a Addr6) String() string { return a.Netip().String() }

// IsMulticast reports whether a is in ff00::/8 (RFC 4291, section 2.7).
func (a Addr6) IsMulticast() bool { return a[0] == 0xff }

// IsLinkLocal reports whether a is in fe80::/10 (RFC 4291, section 2.5.6).
func (a Addr6) IsLinkLocal() bool { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// Routable reports whether a router may forward packets from or to a: not
// unspecified or loopback, which "must never be forwarded" (RFC 4291, sections
// 2.5.2 and 2.5.3), multicast (2.7) or link-local (2.5.6), and not IPv4-mapped,
// which no packet carries (RFC 6890, section 2.2.3).
func (a Addr6) Routable() bool { return a.isHost() && !a.IsLinkLocal() }

// isHost reports whether a is the address of one host on a link, be it only that
// link's: not unspecified, loopback, IPv4-mapped or multicast.
func (a Addr6) isHost() bool {
	hi, lo := be64(a[:]), be64(a[8:])
	return !a.IsMulticast() && (hi != 0 || lo > 1 && lo>>32 != 0xffff)
}
