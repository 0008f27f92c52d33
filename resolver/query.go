package resolver

import (
	"strings"

	"github.com/miekg/dns"
)

// headerSize is the length of a message's header (RFC 1035, section 4.1.1).
const headerSize = 12

// parse reads a query. Where it returns a refusal, that is what to answer; where
// it returns neither, nothing is to be answered: what is shorter than a header has
// no id, and an answer to an answer could go round forever.
func parse(raw []byte) (query, refusal *dns.Msg) {
	if len(raw) < headerSize || raw[2]&0x80 != 0 {
		return nil, nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil {
		// The header was read. Of another opcode's message the rest may look otherwise.
		if m.Opcode == dns.OpcodeQuery {
			return nil, refuse(m, dns.RcodeFormatError)
		}
		return nil, refuse(m, dns.RcodeNotImplemented)
	}
	if rcode := fault(m); rcode != dns.RcodeSuccess {
		return nil, refuse(m, rcode)
	}
	return m, nil
}

// fault says why a message is no query that could be forwarded.
func fault(m *dns.Msg) (rcode int) {
	if m.Opcode != dns.OpcodeQuery {
		return dns.RcodeNotImplemented // RFC 1035, section 4.1.1: "does not support the requested kind of query"
	}
	if m.Response || len(m.Question) != 1 {
		// RFC 9619, section 4: more than one "MUST be treated as an incorrectly formatted
		// message". None asks for a cookie (RFC 7873, section 5.4); there are none here.
		return dns.RcodeFormatError
	}
	opts := 0
	for _, r := range m.Extra {
		if r.Header().Rrtype == dns.TypeOPT {
			opts++
		}
	}
	if opts > 1 {
		return dns.RcodeFormatError // RFC 6891, section 6.1.1
	}
	if opt := m.IsEdns0(); opt != nil && opt.Version() != 0 {
		return dns.RcodeBadVers // RFC 6891, section 6.1.3
	}
	switch m.Question[0].Qtype {
	case dns.TypeAXFR, dns.TypeIXFR:
		return dns.RcodeNotImplemented // answered in several messages
	}
	return dns.RcodeSuccess
}

// refuse is an answer without records.
func refuse(query *dns.Msg, rcode int) *dns.Msg {
	return reply(query, &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode, RecursionAvailable: true}}, nil)
}

// reply is the answer to a query that says what an answer of upstream does, with
// another answer section. The question and what belongs to it is the client's; the
// additional section is upstream's (RFC 6147, section 5.3.2), except for what is
// between two neighbours: EDNS (RFC 6891, section 6.1.1) and signatures of
// transactions.
func reply(query, upstream *dns.Msg, answer []dns.RR) *dns.Msg {
	m := &dns.Msg{
		MsgHdr: dns.MsgHdr{
			Id: query.Id, Response: true, Opcode: query.Opcode,
			RecursionDesired: query.RecursionDesired, CheckingDisabled: query.CheckingDisabled,
			Authoritative: upstream.Authoritative, RecursionAvailable: upstream.RecursionAvailable,
			AuthenticatedData: upstream.AuthenticatedData, Rcode: upstream.Rcode,
		},
		Compress: true,
		Question: query.Question,
		Answer:   answer,
		Ns:       upstream.Ns,
	}
	for _, r := range upstream.Extra {
		switch r.Header().Rrtype {
		case dns.TypeOPT, dns.TypeTSIG, dns.TypeSIG:
		default:
			m.Extra = append(m.Extra, r)
		}
	}
	if opt := query.IsEdns0(); opt != nil {
		m.SetEdns0(udpSizeMax, opt.Do())
	} else if m.Rcode > 0xf {
		m.Rcode = dns.RcodeServerFailure // its upper bits are in EDNS
	}
	return m
}

// udpSize is how long an answer by UDP may be.
func udpSize(query *dns.Msg) int {
	if opt := query.IsEdns0(); opt != nil {
		return min(max(int(opt.UDPSize()), dns.MinMsgSize), udpSizeMax)
	}
	return dns.MinMsgSize
}

// answers reports whether a message of upstream is one to what was asked, by its id
// and question (RFC 5452, section 9.1). Case is not compared, as not all servers
// keep it.
func answers(m, asked *dns.Msg) bool {
	if !m.Response || m.Id != asked.Id || m.Opcode != asked.Opcode || len(m.Question) != 1 {
		return false
	}
	q, a := m.Question[0], asked.Question[0]
	return q.Qtype == a.Qtype && q.Qclass == a.Qclass && strings.EqualFold(q.Name, a.Name)
}
