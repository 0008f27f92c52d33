package resolver

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"hyperplane/packet"
)

// DNS64 is how answers are made for clients that have IPv6 alone (RFC 6147). The
// zero value makes none: all queries are forwarded as they are.
type DNS64 struct {
	// Prefix is the NAT64's. Addresses that it may not represent are not synthesised.
	Prefix packet.Prefix64
	// Excluded are the prefixes whose AAAA records no client can use (RFC 6147,
	// section 5.1.4): they are taken out of answers, and synthesis replaces them if
	// nothing is left. Nil stands for ::ffff:0:0/96, the section's default.
	Excluded []netip.Prefix
}

var excludedDefault = []netip.Prefix{netip.MustParsePrefix("::ffff:0:0/96")}

// ipv4only.arpa has these two addresses everywhere, and clients ask for its AAAA
// to find the NAT64's prefix (RFC 7050, section 3). They are not global, so the
// well-known prefix would not represent them; but nobody sends packets to them.
const (
	ipv4OnlyFirst = packet.Addr4(192<<24 | 170) // 192.0.0.170
	ipv4OnlyLast  = ipv4OnlyFirst + 1
)

// wellKnown is the well-known prefix with addresses that are not global.
var wellKnown, _ = packet.NewPrefix64(packet.WellKnownPrefix64, true)

// Enabled reports whether d synthesises.
func (d DNS64) Enabled() bool { return d.Prefix != packet.Prefix64{} }

// embed is the address that stands for a (RFC 6147, section 5.2). Those that no
// router forwards are left out under every prefix: the translator could but drop
// what is sent there, and lists of blocked names answer with them.
func (d DNS64) embed(a packet.Addr4) (addr packet.Addr6, ok bool) {
	if !d.Enabled() || !a.Routable() {
		return packet.Addr6{}, false
	}
	if addr, ok = d.Prefix.Embed(a); !ok && (a == ipv4OnlyFirst || a == ipv4OnlyLast) {
		return wellKnown.Embed(a) // no other prefix refuses an address
	}
	return addr, ok
}

// extract is what embed made a of.
func (d DNS64) extract(a packet.Addr6) (addr packet.Addr4, ok bool) {
	if !d.Enabled() || !d.Prefix.Contains(a) {
		return 0, false
	}
	if addr, ok = d.Prefix.Extract(a); !ok {
		addr, ok = wellKnown.Extract(a)
	}
	if back, embeds := d.embed(addr); !ok || !embeds || back != a {
		return 0, false
	}
	return addr, true
}

// excluded reports whether clients cannot use a record's address.
func (d DNS64) excluded(r *dns.AAAA) bool {
	a, ok := netip.AddrFromSlice(r.AAAA)
	if !ok || !a.Is6() {
		return true // no decoder makes this
	}
	list := d.Excluded
	if list == nil {
		list = excludedDefault
	}
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// usable takes the excluded records out of an answer to AAAA, and says how many
// are left (RFC 6147, section 5.1.4: they must not be returned). Signatures over a
// set that lost some go with them.
func (d DNS64) usable(answer []dns.RR) (rest []dns.RR, left int) {
	for _, r := range answer {
		aaaa, ok := r.(*dns.AAAA)
		if ok && d.excluded(aaaa) {
			continue
		}
		if ok && aaaa.Hdr.Class == dns.ClassINET {
			left++
		}
		rest = append(rest, r)
	}
	if len(rest) != len(answer) {
		rest = slices.DeleteFunc(rest, signs(dns.TypeAAAA))
	}
	return rest, left
}

// synthesise makes AAAA records of the A records of an answer (RFC 6147, section
// 5.1.7). Chains of CNAME and DNAME stay (section 5.1.5); A records and their
// signatures go (section 5.1.6), as does what was not asked for.
func (d DNS64) synthesise(answer []dns.RR, ttl uint32) (rest []dns.RR, made int) {
	for _, r := range answer {
		switch r := r.(type) {
		case *dns.A:
			if aaaa := d.record(r, ttl); aaaa != nil {
				rest = append(rest, aaaa)
				made++
			}
		case *dns.AAAA:
		default:
			rest = append(rest, r)
		}
	}
	return slices.DeleteFunc(rest, signs(dns.TypeA)), made
}

// record is the AAAA record that stands for a, or nil where there is none.
func (d DNS64) record(a *dns.A, ttl uint32) *dns.AAAA {
	ip, _ := netip.AddrFromSlice(a.A)
	v4, ok := packet.AddrFrom(ip)
	if !ok || a.Hdr.Class != dns.ClassINET {
		return nil
	}
	v6, ok := d.embed(v4)
	if !ok {
		return nil
	}
	return &dns.AAAA{
		Hdr:  dns.RR_Header{Name: a.Hdr.Name, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: min(a.Hdr.Ttl, ttl)},
		AAAA: v6[:],
	}
}

// negativeTTL is the longest TTL of what is synthesised after an empty answer to
// AAAA: "the minimum of the TTL of the original A RR and the SOA RR for the
// queried domain", or 600 s where that did not come with it (RFC 6147, section
// 5.1.7). Servers set the SOA's TTL to its minimum field (RFC 2308, section 3); not
// all do.
func negativeTTL(authority []dns.RR) uint32 {
	for _, r := range authority {
		if soa, ok := r.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return ttlMax
}

// signs tells the signatures over records of a type.
func signs(covered uint16) func(dns.RR) bool {
	return func(r dns.RR) bool {
		s, ok := r.(*dns.RRSIG)
		return ok && s.TypeCovered == covered
	}
}
