package resolver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"hyperplane/packet"
)

// Whatever a client and two answers of upstream say, nothing panics, an answer comes
// after at most two questions, it can be sent, and it has no excluded address and
// no synthetic one but of an A record of upstream that the prefix may represent.
func FuzzLookup(f *testing.F) {
	seed := func(query *dns.Msg, first, second said) {
		var raw [3][]byte
		for i, m := range []*dns.Msg{query, {MsgHdr: dns.MsgHdr{Rcode: first.rcode}, Answer: first.answer, Ns: first.ns}, {Answer: second.answer}} {
			var err error
			if raw[i], err = m.Pack(); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(raw[0], raw[1], raw[2], false)
		f.Add(raw[0], raw[1], raw[2], true)
	}
	seed(question("v4.example.", dns.TypeAAAA), said{ns: rr(soa)}, said{answer: rr("v4.example. 60 A 8.8.8.8", "v4.example. 60 A 10.0.0.1", rrsigA)})
	seed(question("v4.example.", dns.TypeAAAA), said{answer: rr("v4.example. 60 AAAA ::ffff:8.8.8.8")}, said{answer: rr("w.example. 60 CNAME v4.example.", "v4.example. 60 A 0.0.0.0")})
	seed(question("v6.example.", dns.TypeAAAA).SetEdns0(4096, true), said{answer: rr("v6.example. 60 AAAA 2001:db8::1", rrsigAAAA)}, said{})
	under, _ := dns.ReverseAddr("64:ff9b::808:808")
	seed(question(under, dns.TypePTR), said{answer: rr("8.8.8.8.in-addr.arpa. 60 PTR v4.example.")}, said{})
	seed(question(under, dns.TypePTR), said{rcode: dns.RcodeNameError}, said{})
	f.Fuzz(func(t *testing.T, rawQuery, rawFirst, rawSecond []byte, nonGlobal bool) {
		query, refusal := parse(rawQuery)
		if query == nil {
			if refusal != nil {
				packs(t, refusal, nil)
			}
			return
		}
		d := strict
		if nonGlobal {
			d = well
		}
		var ups []*dns.Msg
		for _, raw := range [][]byte{rawFirst, rawSecond} {
			m := new(dns.Msg)
			if m.Unpack(raw) != nil {
				m = nil
			}
			ups = append(ups, m)
		}
		l, answer := d.Begin(query)
		var heard []*dns.Msg
		for answer == nil {
			if len(heard) == len(ups) {
				t.Fatal("more than two questions")
			}
			if _, err := l.Ask().Pack(); err != nil && packable(query) {
				t.Fatalf("%v: %v", l.Ask(), err)
			}
			up := ups[len(heard)]
			heard = append(heard, up)
			before := ""
			if up != nil {
				before = up.String()
			}
			answer = l.Take(up)
			if up != nil && up.String() != before {
				t.Fatal("upstream's message was changed")
			}
		}
		if answer.Id != query.Id || !answer.Response || answer.Question[0] != query.Question[0] {
			t.Fatalf("%v\nanswers\n%v", answer, query)
		}
		check(t, d, query, answer, heard, l.Synthesised())
		packs(t, answer, append(heard, query))
	})
}

// check holds what an answer may contain.
func check(t *testing.T, d DNS64, query, answer *dns.Msg, heard []*dns.Msg, made int) {
	t.Helper()
	given, bases := map[string]bool{}, map[packet.Addr4]bool{}
	for _, up := range heard {
		if up == nil {
			continue
		}
		for _, r := range up.Answer {
			switch r := r.(type) {
			case *dns.AAAA:
				given[r.String()] = true
			case *dns.A:
				ip, _ := netip.AddrFromSlice(r.A)
				if v4, ok := packet.AddrFrom(ip); ok && r.Hdr.Class == dns.ClassINET {
					bases[v4] = true
				}
			}
		}
	}
	q := query.Question[0]
	decided := q.Qclass == dns.ClassINET && q.Qtype == dns.TypeAAAA && (query.IsEdns0() == nil || !query.IsEdns0().Do() || !query.CheckingDisabled)
	synthetic := 0
	for _, r := range answer.Answer {
		r, ok := r.(*dns.AAAA)
		if !ok || given[r.String()] {
			if ok && decided && d.excluded(r) {
				t.Fatalf("%v is excluded", r)
			}
			continue
		}
		synthetic++
		a := packet.Addr6(r.AAAA)
		ip, _ := netip.AddrFromSlice(a[12:])
		v4, _ := packet.AddrFrom(ip)
		only := v4 == ipv4OnlyFirst || v4 == ipv4OnlyLast
		if !d.Prefix.Contains(a) || !bases[v4] || !v4.Routable() || d.Prefix == strict.Prefix && !v4.Global() && !only {
			t.Fatalf("%v was synthesised", r)
		}
	}
	if synthetic > made || made > 0 && answer.AuthenticatedData {
		t.Fatalf("%d synthetic records, %d counted; AD is %v", synthetic, made, answer.AuthenticatedData)
	}
}

// packs holds that an answer can be sent if what it is made of can.
func packs(t *testing.T, answer *dns.Msg, of []*dns.Msg) {
	t.Helper()
	for _, m := range of {
		if !packable(m) {
			return
		}
	}
	if b := packed(answer, dns.MinMsgSize); len(b) < headerSize || len(b) > dns.MinMsgSize {
		t.Fatalf("%d bytes", len(b))
	}
}

func packable(m *dns.Msg) bool {
	if m == nil {
		return true
	}
	_, err := m.Pack()
	return err == nil
}
