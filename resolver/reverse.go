package resolver

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"hyperplane/packet"
)

const ip6Arpa = "ip6.arpa."

// inAddrArpa is the name under in-addr.arpa that a name under ip6.arpa stands for
// (RFC 6147, section 5.3.1): the address is read, and has to be under the prefix and
// one that synthesis makes. Names of anything but a whole address do not match.
func (d DNS64) inAddrArpa(name string) (to string, ok bool) {
	a, ok := ip6ArpaAddr(name)
	if !ok {
		return "", false
	}
	v4, ok := d.extract(a)
	if !ok {
		return "", false
	}
	return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa.", byte(v4), byte(v4>>8), byte(v4>>16), byte(v4>>24)), true
}

// ip6ArpaAddr reads 32 labels of one hexadecimal digit each, the last of the
// address first (RFC 3596, section 2.5).
func ip6ArpaAddr(name string) (a packet.Addr6, ok bool) {
	const labels = 2 * len(a)
	name = strings.ToLower(name)
	if len(name) != 2*labels+len(ip6Arpa) || name[2*labels:] != ip6Arpa {
		return a, false
	}
	for i := range labels {
		at := strings.IndexByte("0123456789abcdef", name[2*i])
		if at < 0 || name[2*i+1] != '.' {
			return a, false
		}
		a[len(a)-1-i/2] |= byte(at) << (4 * (i % 2))
	}
	return a, true
}

// alias puts a CNAME to the name under in-addr.arpa before what is there (RFC
// 6147, section 5.3.1, the second option). It lives no longer than that does.
func alias(from, to string, answer []dns.RR) []dns.RR {
	ttl := uint32(ttlMax)
	for _, r := range answer {
		ttl = min(ttl, r.Header().Ttl)
	}
	cname := &dns.CNAME{
		Hdr:    dns.RR_Header{Name: from, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl},
		Target: to,
	}
	return append([]dns.RR{cname}, answer...)
}

// holds reports whether an answer has a record of a type, whatever its name.
func holds(answer []dns.RR, t uint16) bool {
	for _, r := range answer {
		if r.Header().Rrtype == t {
			return true
		}
	}
	return false
}
