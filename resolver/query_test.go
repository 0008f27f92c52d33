package resolver

import (
	"testing"

	"github.com/miekg/dns"
)

// What is no query is answered, or not, as doc.go says.
func TestParse(t *testing.T) {
	packed := func(change func(m *dns.Msg)) []byte {
		m := question("v4.example.", dns.TypeA)
		change(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain := packed(func(*dns.Msg) {})
	two := packed(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })
	for _, c := range []struct {
		name  string
		raw   []byte
		rcode int // -1: no answer
	}{
		{"a query", plain, dns.RcodeSuccess},
		{"nothing", nil, -1},
		{"11 bytes", plain[:11], -1},
		{"an answer", packed(func(m *dns.Msg) { m.Response = true }), -1},
		{"a header alone that promises a question", plain[:12], dns.RcodeFormatError},
		{"half a question", plain[:20], dns.RcodeFormatError},
		{"no question", packed(func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		{"two questions", two, dns.RcodeFormatError},
		{"NOTIFY", packed(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotImplemented},
		{"half an UPDATE", packed(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate })[:20], dns.RcodeNotImplemented},
		{"AXFR", packed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }), dns.RcodeNotImplemented},
		{"two OPT", packed(func(m *dns.Msg) { m.SetEdns0(512, false).SetEdns0(512, false) }), dns.RcodeFormatError},
		{"EDNS 1", packed(func(m *dns.Msg) { m.SetEdns0(512, false).IsEdns0().SetVersion(1) }), dns.RcodeBadVers},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, refusal := parse(c.raw)
			switch {
			case c.rcode == -1:
				if query != nil || refusal != nil {
					t.Errorf("answered: %v %v", query, refusal)
				}
			case c.rcode == dns.RcodeSuccess:
				if query == nil || refusal != nil {
					t.Errorf("refused: %v", refusal)
				}
			case query != nil || refusal == nil || refusal.Rcode != c.rcode || !refusal.Response || refusal.Id != uint16(c.raw[0])<<8|uint16(c.raw[1]):
				t.Errorf("want %s, refused: %v", dns.RcodeToString[c.rcode], refusal)
			default:
				if _, err := refusal.Pack(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// An answer is believed by its id, its opcode and its question.
func TestAnswers(t *testing.T) {
	asked := question("v4.example.", dns.TypeA)
	for _, c := range []struct {
		name   string
		change func(m *dns.Msg)
		want   bool
	}{
		{"it", func(*dns.Msg) {}, true},
		{"other case", func(m *dns.Msg) { m.Question[0].Name = "V4.example." }, true},
		{"another id", func(m *dns.Msg) { m.Id++ }, false},
		{"another name", func(m *dns.Msg) { m.Question[0].Name = "v5.example." }, false},
		{"another type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, false},
		{"another class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, false},
		{"no question", func(m *dns.Msg) { m.Question = nil }, false},
		{"a query", func(m *dns.Msg) { m.Response = false }, false},
		{"another opcode", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, false},
	} {
		m := new(dns.Msg).SetReply(asked)
		c.change(m)
		if answers(m, asked) != c.want {
			t.Errorf("%s: want %v", c.name, c.want)
		}
	}
}

// RFC 6891, section 6.2.3: less than 512 is 512; and no answer is fragmented.
func TestUDPSize(t *testing.T) {
	if n := udpSize(question("a.", dns.TypeA)); n != 512 {
		t.Errorf("without EDNS: %d", n)
	}
	for size, want := range map[uint16]int{0: 512, 511: 512, 600: 600, 1232: 1232, 4096: 1232} {
		if n := udpSize(question("a.", dns.TypeA).SetEdns0(size, false)); n != want {
			t.Errorf("size %d: %d, want %d", size, n, want)
		}
	}
}

// What is between two neighbours is not passed on: EDNS, and signatures of
// transactions.
func TestHopByHop(t *testing.T) {
	up := new(dns.Msg).SetReply(question("a.", dns.TypeA)).SetEdns0(4096, false).SetTsig("key.", dns.HmacSHA256, 300, 0)
	up.Extra = append(rr("ns.example. 60 A 9.9.9.9"), up.Extra...)
	section(t, "additional", reply(question("a.", dns.TypeA), up, nil).Extra, []string{"ns.example. 60 A 9.9.9.9"})
}

// An RCODE of more than four bits is only said to who speaks EDNS.
func TestExtendedRcode(t *testing.T) {
	up := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeBadCookie}}
	if m := reply(question("a.", dns.TypeA), up, nil); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("without EDNS: %v", m)
	}
	if m := reply(question("a.", dns.TypeA).SetEdns0(1232, false), up, nil); m.Rcode != dns.RcodeBadCookie {
		t.Errorf("with EDNS: %v", m)
	}
}
