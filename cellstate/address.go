package cellstate

import (
	"net/netip"
	"strings"

	"hyperplane/packet"
)

// unusable are the ranges from which nothing may have an address, by RFC 6890 and, of
// IPv6, by RFC 6052: there, what is left is global or unique local.
var unusable = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\""},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{packet.WellKnownPrefix64, "the well-known prefix of NAT64"},
	{netip.MustParsePrefix("::/8"), "reserved"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local, which RFC 3879 has withdrawn"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "where instances find services of their host, the resolver among them"},
}

// addr checks a required address that something is to hold.
func (c *compiler) addr(path string, a netip.Addr) (packet.Addr4, bool) {
	if !a.IsValid() {
		c.at(path, "is missing; write an IPv4 address like 10.0.1.10")
		return 0, false
	}
	if !a.Is4() {
		c.at(path, "%s is not an IPv4 address; write one like 10.0.1.10", a)
		return 0, false
	}
	for _, u := range unusable {
		if u.prefix.Contains(a) {
			c.at(path, "%s lies in %s, which is %s; use another address", a, u.prefix, u.what)
			return 0, false
		}
	}
	return packet.AddrFrom(a)
}

// prefix checks a required IPv4 prefix that has from least to most bits.
func (c *compiler) prefix(path string, p netip.Prefix, least, most int) bool {
	switch {
	case !p.IsValid():
		c.at(path, "is missing; write an IPv4 prefix like 10.0.0.0/16")
	case !p.Addr().Is4():
		c.at(path, "%s is not an IPv4 prefix; write one like 10.0.0.0/16", p)
	default:
		return c.bits(path, p, least, most)
	}
	return false
}

// prefix6 is prefix of an IPv6 prefix that is there.
func (c *compiler) prefix6(path string, p netip.Prefix, least, most int) bool {
	if !p.Addr().Is6() || p.Addr().Is4In6() {
		c.at(path, "%s is not an IPv6 prefix; write one like 2001:db8:1::/56", p)
		return false
	}
	return c.bits(path, p, least, most)
}

// bits checks a prefix's length, and that it has no bits set behind it.
func (c *compiler) bits(path string, p netip.Prefix, least, most int) bool {
	switch {
	case least == most && p.Bits() != most:
		c.at(path, "%s has a length of %d; it has to be a /%d", p, p.Bits(), most)
	case p.Bits() < least || p.Bits() > most:
		c.at(path, "%s has a length of %d; allowed are /%d to /%d", p, p.Bits(), least, most)
	case p != p.Masked():
		c.at(path, "%s has bits set behind its length; write %s", p, p.Masked())
	default:
		return true
	}
	return false
}

// usable reports a range of which a part may not be used.
func (c *compiler) usable(path string, p netip.Prefix) bool {
	for _, u := range unusable {
		if u.prefix.Overlaps(p) {
			c.at(path, "%s overlaps %s, which is %s; use another range", p, u.prefix, u.what)
			return false
		}
	}
	return true
}

// makeSpan is for a prefix that was checked.
func makeSpan(p netip.Prefix) span {
	base, _ := packet.AddrFrom(p.Addr())
	return span{base, ^packet.Addr4(0) << (32 - p.Bits())}
}

func prefixes(list []netip.Prefix) string {
	var all []string
	for _, p := range list {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
