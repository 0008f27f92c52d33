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
