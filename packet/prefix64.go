package packet

import "net/netip"

// Prefix64 is a prefix under which IPv4 addresses have IPv6 ones (RFC 6052,
// section 2.2). Bits 64 to 71 are the octet u, always zero:
//
//	bits 0       32      40      48      56    u 64      72      80      88      96     104      128
//	     +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+--------+
//	/32  | prefix| v4(32)                |   u   | suffix                                         |
//	/40  | prefix        | v4(24)        |   u   | (8)   | suffix                                 |
//	/48  | prefix                | v4(16)|   u   | (16)          | suffix                         |
//	/56  | prefix                    |(8)|   u   | v4(24)                | suffix                 |
//	/64  | prefix                        |   u   | v4(32)                        | suffix         |
//	/96  | prefix                                                                | v4(32)         |
//	     +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+--------+
//
// The zero value holds no address.
type Prefix64 struct {
	addr   Addr6
	len    uint8 // bytes of the prefix
	global bool  // only global IPv4 addresses
}

// WellKnownPrefix64 is the prefix that everyone knows (RFC 6052, section 2.1).
var WellKnownPrefix64 = netip.MustParsePrefix("64:ff9b::/96")

// octetU is the octet that must be zero in every address, and in a prefix of 96
// bits ("the administrators MUST ensure that the bits 64 to 71 are set to zero").
const octetU = 8

// NewPrefix64 checks a prefix: ok is false unless its length is one of 32, 40,
// 48, 56, 64 and 96 and its octet u is zero. Bits beyond the length are ignored.
//
// The well-known prefix "MUST NOT be used to represent non-global IPv4
// addresses" (RFC 6052, section 3.1). With nonGlobal it is all the same, as
// AWS's gateways do it for the private addresses of a VPC. Other prefixes have
// no such rule.
func NewPrefix64(p netip.Prefix, nonGlobal bool) (prefix Prefix64, ok bool) {
	p = p.Masked()
	switch p.Bits() {
	case 32, 40, 48, 56, 64, 96:
	default:
		return Prefix64{}, false
	}
	addr, ok := Addr6From(p.Addr())
	if !ok || addr[octetU] != 0 {
		return Prefix64{}, false
	}
	return Prefix64{addr: addr, len: uint8(p.Bits() / 8), global: p == WellKnownPrefix64 && !nonGlobal}, true
}

// Netip converts to the standard library's type.
func (p Prefix64) Netip() netip.Prefix { return netip.PrefixFrom(p.addr.Netip(), int(p.len)*8) }

// Contains reports whether an address lies under the prefix, whatever its other
// bits are.
func (p Prefix64) Contains(a Addr6) bool {
	return p.len != 0 && string(a[:p.len]) == string(p.addr[:p.len])
}

// Embed is the IPv6 address of a (RFC 6052, section 2.3); its suffix is zero. ok
// is false where the prefix may not represent it.
func (p Prefix64) Embed(a Addr4) (addr Addr6, ok bool) {
	if p.len == 0 || p.global && !a.Global() {
		return Addr6{}, false
	}
	addr = p.addr
	at := int(p.len)
	for shift := 24; shift >= 0; shift -= 8 {
		if at == octetU {
			at++
		}
		addr[at] = byte(a >> shift)
		at++
	}
	return addr, true
}

// Extract is the IPv4 address in a (RFC 6052, section 2.3). ok is false if it is
// not under the prefix, if it is one that the prefix may not represent ("address
// translators MUST drop these packets", section 3.1), or if it is not what Embed
// makes: an octet u or a suffix that is not zero is reserved, and the answer
// would come from another address than was asked.
func (p Prefix64) Extract(a Addr6) (addr Addr4, ok bool) {
	if !p.Contains(a) {
		return 0, false
	}
	at := int(p.len)
	for range 4 {
		if at == octetU {
			at++
		}
		addr = addr<<8 | Addr4(a[at])
		at++
	}
	canonical, ok := p.Embed(addr)
	if !ok || canonical != a {
		return 0, false
	}
	return addr, true
}

// Global reports whether a means the same everywhere: it is in none of the
// blocks of RFC 1918, of section 3 of RFC 5735 (6to4's relays apart, which are
// reached globally) and of RFC 6598.
func (a Addr4) Global() bool {
	if !a.Routable() {
		return false
	}
	for _, b := range nonGlobal {
		if a>>(32-b.bits) == b.addr>>(32-b.bits) {
			return false
		}
	}
	return true
}

// nonGlobal are the blocks of unicast addresses that routers forward, but not
// through the internet.
var nonGlobal = [...]struct {
	addr Addr4
	bits uint8
}{
	{10 << 24, 8},                   // 10.0.0.0/8, RFC 1918
	{100<<24 | 64<<16, 10},          // 100.64.0.0/10, RFC 6598
	{169<<24 | 254<<16, 16},         // 169.254.0.0/16, link local
	{172<<24 | 16<<16, 12},          // 172.16.0.0/12, RFC 1918
	{192 << 24, 24},                 // 192.0.0.0/24, IETF protocol assignments
	{192<<24 | 2<<8, 24},            // 192.0.2.0/24, TEST-NET-1
	{192<<24 | 168<<16, 16},         // 192.168.0.0/16, RFC 1918
	{198<<24 | 18<<16, 15},          // 198.18.0.0/15, benchmarks
	{198<<24 | 51<<16 | 100<<8, 24}, // 198.51.100.0/24, TEST-NET-2
	{203<<24 | 113<<8, 24},          // 203.0.113.0/24, TEST-NET-3
}
