package resolver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// lookup plays a whole Lookup against a zone; it returns what was asked, too.
func lookup(t testing.TB, d DNS64, query *dns.Msg, z zone) (answer *dns.Msg, asked []string, made int) {
	t.Helper()
	l, answer := d.Begin(query)
	for answer == nil {
		if len(asked) == questionsMax {
			t.Fatalf("asked %v, and more", asked)
		}
		m := l.Ask()
		left := l.Left()
		asked = append(asked, m.Question[0].Name+" "+dns.TypeToString[m.Question[0].Qtype])
		answer = l.Take(z.reply(m))
		if l.Left() >= left {
			t.Fatalf("%d questions left after one of %d", l.Left(), left)
		}
	}
	return answer, asked, l.Synthesised()
}

func text(rrs []dns.RR) []string {
	lines := []string{}
	for _, r := range rrs {
		lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return lines
}

const (
	rrsigA     = "v4.example. 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 example. AAAA"
	rrsigAAAA  = "v6.example. 60 RRSIG AAAA 8 2 60 20300101000000 20200101000000 1 example. AAAA"
	rrsigCNAME = "w.example. 60 RRSIG CNAME 8 2 60 20300101000000 20200101000000 1 example. AAAA"
)

// Each rule of RFC 6147, section 5, by its section.
func TestRFC6147(t *testing.T) {
	none := said{ns: rr(soa)}
	a := said{answer: rr("v4.example. 60 A 8.8.8.8")}
	reverse := func(addr string) string {
		name, err := dns.ReverseAddr(addr)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	under := reverse("64:ff9b::808:808")
	for _, c := range []struct {
		name   string
		d      DNS64
		query  *dns.Msg
		zone   zone
		asked  []string // by type, if the name stays
		rcode  int
		answer []string
		ns     []string
		extra  []string
		ad     bool // upstream always sets it
		made   bool
	}{
		{
			name: "5.1 DNS64 is off", d: DNS64{}, query: question("v4.example.", dns.TypeAAAA),
			zone: zone{"v4.example. A": a}, asked: []string{"AAAA"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.1 class CHAOS", d: well, query: &dns.Msg{Question: []dns.Question{{Name: "v4.example.", Qtype: dns.TypeAAAA, Qclass: dns.ClassCHAOS}}},
			zone: zone{"v4.example. A": a}, asked: []string{"AAAA"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.1.1 AAAA as they are", d: well, query: question("v6.example.", dns.TypeAAAA),
			zone:  zone{"v6.example. AAAA": {answer: rr("v6.example. 60 AAAA 2001:db8::1", rrsigAAAA)}, "v6.example. A": a},
			asked: []string{"AAAA"}, answer: []string{"v6.example. 60 IN AAAA 2001:db8::1", rrsigAAAA}, ad: true,
		},
		{
			name: "5.1.2 NXDOMAIN is passed on", d: well, query: question("no.example.", dns.TypeAAAA),
			zone:  zone{"no.example. AAAA": {rcode: dns.RcodeNameError, ns: rr(soa)}, "no.example. A": a},
			asked: []string{"AAAA"}, rcode: dns.RcodeNameError, ns: []string{soa}, ad: true,
		},
		{
			name: "5.1.2 SERVFAIL is an empty answer", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {rcode: dns.RcodeServerFailure}, "v4.example. A": a},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.2 NOTIMP is an empty answer, and A is empty", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {rcode: dns.RcodeNotImplemented}, "v4.example. A": none},
			asked: []string{"AAAA", "A"}, ns: []string{soa},
		},
		{
			name: "5.1.3 silence is SERVFAIL", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {silent: true}, "v4.example. A": a},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.3 silence twice", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {silent: true}, "v4.example. A": {silent: true}},
			asked: []string{"AAAA", "A"}, rcode: dns.RcodeServerFailure,
		},
		{
			name: "5.1.4 all are excluded", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {answer: rr("v4.example. 60 AAAA ::ffff:1.2.3.4")}, "v4.example. A": a},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.4 some are excluded", d: well, query: question("v6.example.", dns.TypeAAAA),
			zone:  zone{"v6.example. AAAA": {answer: rr("v6.example. 60 AAAA ::ffff:1.2.3.4", "v6.example. 60 AAAA 2001:db8::1", rrsigAAAA)}},
			asked: []string{"AAAA"}, answer: []string{"v6.example. 60 IN AAAA 2001:db8::1"},
		},
		{
			name: "5.1.4 all are excluded, and there is no A", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {answer: rr("v4.example. 60 AAAA ::ffff:1.2.3.4")}},
			asked: []string{"AAAA", "A"},
		},
		{
			name: "5.1.4 a list of one's own", d: DNS64{Prefix: well.Prefix, Excluded: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}},
			query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {answer: rr("v4.example. 60 AAAA 2001:db8::1")}, "v4.example. A": a},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.4 excluded with NXDOMAIN", d: well, query: question("no.example.", dns.TypeAAAA),
			zone:  zone{"no.example. AAAA": {rcode: dns.RcodeNameError, answer: rr("no.example. 60 AAAA ::ffff:1.2.3.4")}},
			asked: []string{"AAAA"}, rcode: dns.RcodeNameError,
		},
		{
			name: "5.1.5 CNAME without AAAA", d: well, query: question("w.example.", dns.TypeAAAA),
			zone: zone{
				"w.example. AAAA": {answer: rr("w.example. 60 CNAME v4.example."), ns: rr(soa)},
				"w.example. A":    {answer: rr("w.example. 60 CNAME v4.example.", rrsigCNAME, "v4.example. 60 A 8.8.8.8", rrsigA)},
			},
			asked: []string{"AAAA", "A"}, made: true,
			answer: []string{"w.example. 60 IN CNAME v4.example.", rrsigCNAME, "v4.example. 60 IN AAAA 64:ff9b::808:808"},
		},
		{
			name: "5.1.5 CNAME to AAAA", d: well, query: question("w.example.", dns.TypeAAAA),
			zone:  zone{"w.example. AAAA": {answer: rr("w.example. 60 CNAME v6.example.", "v6.example. 60 AAAA 2001:db8::1")}},
			asked: []string{"AAAA"}, answer: []string{"w.example. 60 IN CNAME v6.example.", "v6.example. 60 IN AAAA 2001:db8::1"}, ad: true,
		},
		{
			name: "5.1.5 DNAME", d: well, query: question("x.w.example.", dns.TypeAAAA),
			zone: zone{"x.w.example. A": {answer: rr("w.example. 60 DNAME d.example.", "x.w.example. 60 CNAME x.d.example.",
				"x.d.example. 60 A 8.8.8.8", "x.d.example. 60 A 9.9.9.9")}},
			asked: []string{"AAAA", "A"}, made: true,
			answer: []string{"w.example. 60 IN DNAME d.example.", "x.w.example. 60 IN CNAME x.d.example.",
				"x.d.example. 60 IN AAAA 64:ff9b::808:808", "x.d.example. 60 IN AAAA 64:ff9b::909:909"},
		},
		{
			name: "5.1.6 A is an error", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. A": {rcode: dns.RcodeRefused}},
			asked: []string{"AAAA", "A"}, rcode: dns.RcodeRefused,
		},
		{
			name: "5.1.7 TTL of A", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": none, "v4.example. A": {answer: rr("v4.example. 7 A 8.8.8.8")}},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 7 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.7 TTL of the SOA's minimum", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": none, "v4.example. A": {answer: rr("v4.example. 3600 A 8.8.8.8")}},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 120 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.7 TTL of the SOA", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone: zone{
				"v4.example. AAAA": {ns: rr(strings.Replace(soa, "300", "9", 1))},
				"v4.example. A":    {answer: rr("v4.example. 3600 A 8.8.8.8")},
			},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 9 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.1.7 TTL without SOA", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone:  zone{"v4.example. AAAA": {}, "v4.example. A": {answer: rr("v4.example. 3600 A 8.8.8.8")}},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 600 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.2 private under the well-known prefix, as AWS", d: well, query: question("in.example.", dns.TypeAAAA),
			zone:  zone{"in.example. A": {answer: rr("in.example. 60 A 10.0.0.5")}},
			asked: []string{"AAAA", "A"}, answer: []string{"in.example. 60 IN AAAA 64:ff9b::a00:5"}, made: true,
		},
		{
			name: "5.2 private under the well-known prefix, as RFC 6052", d: strict, query: question("in.example.", dns.TypeAAAA),
			zone:  zone{"in.example. A": {answer: rr("in.example. 60 A 10.0.0.5")}},
			asked: []string{"AAAA", "A"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.2 one of two is private", d: strict, query: question("in.example.", dns.TypeAAAA),
			zone:  zone{"in.example. A": {answer: rr("in.example. 60 A 10.0.0.5", "in.example. 60 A 8.8.8.8")}},
			asked: []string{"AAAA", "A"}, answer: []string{"in.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.2 private, and AAAA was an error", d: strict, query: question("in.example.", dns.TypeAAAA),
			zone:  zone{"in.example. AAAA": {rcode: dns.RcodeRefused}, "in.example. A": {answer: rr("in.example. 60 A 10.0.0.5")}},
			asked: []string{"AAAA", "A"},
		},
		{
			name: "5.2 a blocked name", d: well, query: question("ads.example.", dns.TypeAAAA),
			zone:  zone{"ads.example. A": {answer: rr("ads.example. 60 A 0.0.0.0", "ads.example. 60 A 127.0.0.1")}},
			asked: []string{"AAAA", "A"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.2 a prefix of 64 bits", d: dns64("2001:db8:122:344::/64", false), query: question("in.example.", dns.TypeAAAA),
			zone:  zone{"in.example. A": {answer: rr("in.example. 60 A 192.0.2.33")}},
			asked: []string{"AAAA", "A"}, answer: []string{"in.example. 60 IN AAAA 2001:db8:122:344:c0:2:2100:0"}, made: true,
		},
		{
			name: "5.3.1 PTR under the prefix", d: well, query: question(under, dns.TypePTR),
			zone:   zone{"8.8.8.8.in-addr.arpa. PTR": {answer: rr("8.8.8.8.in-addr.arpa. 60 PTR v4.example.")}},
			asked:  []string{"8.8.8.8.in-addr.arpa. PTR"},
			answer: []string{under + " 60 IN CNAME 8.8.8.8.in-addr.arpa.", "8.8.8.8.in-addr.arpa. 60 IN PTR v4.example."}, made: true,
		},
		{
			name: "5.3.1 PTR by way of RFC 2317", d: well, query: question(under, dns.TypePTR),
			zone: zone{"8.8.8.8.in-addr.arpa. PTR": {answer: rr("8.8.8.8.in-addr.arpa. 60 CNAME 8.0/25.8.8.8.in-addr.arpa.",
				"8.0/25.8.8.8.in-addr.arpa. 6000 PTR v4.example.")}},
			asked: []string{"8.8.8.8.in-addr.arpa. PTR"}, made: true,
			answer: []string{under + " 60 IN CNAME 8.8.8.8.in-addr.arpa.", "8.8.8.8.in-addr.arpa. 60 IN CNAME 8.0/25.8.8.8.in-addr.arpa.",
				"8.0/25.8.8.8.in-addr.arpa. 6000 IN PTR v4.example."},
		},
		{
			name: "5.3.1 PTR where in-addr.arpa has none", d: well, query: question(under, dns.TypePTR),
			zone:  zone{"8.8.8.8.in-addr.arpa. PTR": {rcode: dns.RcodeNameError}, under + " PTR": {rcode: dns.RcodeNameError, ns: rr(soa)}},
			asked: []string{"8.8.8.8.in-addr.arpa. PTR", "PTR"}, rcode: dns.RcodeNameError, ns: []string{soa}, ad: true,
		},
		{
			name: "5.3.1 PTR where in-addr.arpa has other things", d: well, query: question(strings.ToUpper(under), dns.TypePTR),
			zone:  zone{"8.8.8.8.in-addr.arpa. PTR": {answer: rr("8.8.8.8.in-addr.arpa. 60 CNAME no.example.")}},
			asked: []string{"8.8.8.8.in-addr.arpa. PTR", "PTR"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.3.1 PTR where in-addr.arpa fails", d: well, query: question(under, dns.TypePTR),
			zone:  zone{"8.8.8.8.in-addr.arpa. PTR": {rcode: dns.RcodeRefused}},
			asked: []string{"8.8.8.8.in-addr.arpa. PTR"}, rcode: dns.RcodeRefused, ad: true,
		},
		{
			name: "5.3.1 PTR beside the prefix", d: well, query: question(reverse("2001:db8::1"), dns.TypePTR),
			zone: zone{}, asked: []string{"PTR"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.3.1 PTR of a private address, as RFC 6052", d: strict, query: question(reverse("64:ff9b::a00:5"), dns.TypePTR),
			zone: zone{}, asked: []string{"PTR"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.3.1 another type under the prefix", d: well, query: question(under, dns.TypeTXT),
			zone: zone{}, asked: []string{"TXT"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.3.2 the additional section", d: well, query: question("v4.example.", dns.TypeAAAA),
			zone: zone{
				"v4.example. AAAA": {ns: rr(soa), extra: rr("old.example. 60 A 8.8.8.8")},
				"v4.example. A":    {answer: a.answer, ns: rr("example. 60 NS ns.example."), extra: rr("ns.example. 60 A 9.9.9.9")},
			},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
			ns: []string{"example. 60 IN NS ns.example."}, extra: []string{"ns.example. 60 IN A 9.9.9.9"},
		},
		{
			name: "5.3.3 A", d: well, query: question("v4.example.", dns.TypeA),
			zone: zone{"v4.example. A": a}, asked: []string{"A"}, answer: []string{"v4.example. 60 IN A 8.8.8.8"}, ad: true,
		},
		{
			name: "5.3.3 ANY", d: well, query: question("v4.example.", dns.TypeANY),
			zone: zone{"v4.example. ANY": a}, asked: []string{"ANY"}, answer: []string{"v4.example. 60 IN A 8.8.8.8"}, ad: true,
		},
		{
			name: "5.5 DO alone", d: well, query: flags(question("v4.example.", dns.TypeAAAA), true, false),
			zone:  zone{"v4.example. A": {answer: rr("v4.example. 60 A 8.8.8.8", rrsigA)}},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.5 CD alone", d: well, query: flags(question("v4.example.", dns.TypeAAAA), false, true),
			zone:  zone{"v4.example. A": a},
			asked: []string{"AAAA", "A"}, answer: []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}, made: true,
		},
		{
			name: "5.5 DO and CD", d: well, query: flags(question("v4.example.", dns.TypeAAAA), true, true),
			zone: zone{"v4.example. A": a}, asked: []string{"AAAA"}, ns: []string{soa}, ad: true,
		},
		{
			name: "5.5 DO and CD, PTR", d: well, query: flags(question(under, dns.TypePTR), true, true),
			zone: zone{}, asked: []string{"PTR"}, ns: []string{soa}, ad: true,
		},
		{
			name: "RFC 7050 ipv4only.arpa", d: strict, query: question("ipv4only.arpa.", dns.TypeAAAA),
			zone:  zone{"ipv4only.arpa. A": {answer: rr("ipv4only.arpa. 60 A 192.0.0.170", "ipv4only.arpa. 60 A 192.0.0.171")}},
			asked: []string{"AAAA", "A"}, made: true,
			answer: []string{"ipv4only.arpa. 60 IN AAAA 64:ff9b::c000:aa", "ipv4only.arpa. 60 IN AAAA 64:ff9b::c000:ab"},
		},
		{
			name: "RFC 7050 back", d: strict, query: question(reverse("64:ff9b::c000:aa"), dns.TypePTR),
			zone:  zone{"170.0.0.192.in-addr.arpa. PTR": {answer: rr("170.0.0.192.in-addr.arpa. 60 PTR ipv4only.arpa.")}},
			asked: []string{"170.0.0.192.in-addr.arpa. PTR"}, made: true,
			answer: []string{reverse("64:ff9b::c000:aa") + " 60 IN CNAME 170.0.0.192.in-addr.arpa.", "170.0.0.192.in-addr.arpa. 60 IN PTR ipv4only.arpa."},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, q := range c.asked {
				if !strings.Contains(q, " ") {
					c.asked[i] = c.query.Question[0].Name + " " + q
				}
			}
			m, asked, made := lookup(t, c.d, c.query, c.zone)
			if !slices.Equal(asked, c.asked) {
				t.Errorf("asked %q, want %q", asked, c.asked)
			}
			if m.Rcode != c.rcode || m.Id != c.query.Id || !m.Response || !slices.Equal(m.Question, c.query.Question) {
				t.Errorf("answer is\n%v\nwant rcode %s", m, dns.RcodeToString[c.rcode])
			}
			section(t, "answer", m.Answer, c.answer)
			if c.ns != nil || c.rcode != 0 {
				section(t, "authority", m.Ns, c.ns)
			}
			opt := m.IsEdns0()
			if (opt != nil) != (c.query.IsEdns0() != nil) {
				t.Errorf("EDNS in the answer: %v", opt)
			}
			section(t, "additional", slices.DeleteFunc(m.Extra, func(r dns.RR) bool { return r == opt }), c.extra)
			if m.AuthenticatedData != c.ad {
				t.Errorf("AD is %v", m.AuthenticatedData)
			}
			if c.made != (made > 0) {
				t.Errorf("synthesised %d", made)
			}
		})
	}
}

func section(t *testing.T, name string, got []dns.RR, want []string) {
	t.Helper()
	if g, w := text(got), text(rr(want...)); !slices.Equal(g, w) {
		t.Errorf("%s is\n%s\nwant\n%s", name, strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
}

func flags(m *dns.Msg, do, cd bool) *dns.Msg {
	m.CheckingDisabled = cd
	return m.SetEdns0(4096, do)
}
