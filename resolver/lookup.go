package resolver

import "github.com/miekg/dns"

// step is what a Lookup has asked last.
type step uint8

const (
	forward  step = iota // the client's question, whose answer is passed on
	askAAAA              // the client's question, whose answer decides
	askA                 // the client's name for A
	askPTR               // the name under in-addr.arpa
	finished             // Take has given the answer
)

// Lookup is one query on its way to an answer (RFC 6147, section 5). It asks, and
// takes what upstream answered, until it has the answer. One goroutine uses it.
type Lookup struct {
	d     DNS64
	query *dns.Msg
	step  step
	ask   dns.Question
	empty *dns.Msg // the answer to AAAA, of which nothing could be used; nil if it was an error or none
	made  int
}

// Begin starts to answer a query. Where a refusal is returned instead, it is the
// answer. The query and upstream's answers are kept, and not changed.
func (d DNS64) Begin(query *dns.Msg) (l *Lookup, refusal *dns.Msg) {
	if rcode := fault(query); rcode != dns.RcodeSuccess {
		return nil, refuse(query, rcode)
	}
	l = &Lookup{d: d, query: query, ask: query.Question[0]}
	opt := query.IsEdns0()
	own := opt != nil && opt.Do() && query.CheckingDisabled
	switch {
	case !d.Enabled(), l.ask.Qclass != dns.ClassINET:
		// Section 5.1: for classes other than IN, "as though no DNS64 function is configured".
	case own:
		// Section 5.5: where CD and DO are set, it "MUST NOT perform synthesis"; the
		// client validates, and synthesises itself.
	case l.ask.Qtype == dns.TypeAAAA:
		l.step = askAAAA
	case l.ask.Qtype == dns.TypePTR:
		if to, ok := d.inAddrArpa(l.ask.Name); ok {
			l.step, l.ask.Name = askPTR, to
		}
	}
	// Section 5.3.3: "All other RRs MUST be returned unchanged."
	return l, nil
}

// Ask is what upstream is to be asked now, with no id yet.
func (l *Lookup) Ask() *dns.Msg {
	m := &dns.Msg{
		MsgHdr: dns.MsgHdr{
			RecursionDesired:  l.query.RecursionDesired,
			CheckingDisabled:  l.query.CheckingDisabled,
			AuthenticatedData: l.query.AuthenticatedData,
		},
		Question: []dns.Question{l.ask},
	}
	opt := l.query.IsEdns0()
	return m.SetEdns0(udpSizeMax, opt != nil && opt.Do())
}

// Left is how many questions may be to come, the one of Ask included.
func (l *Lookup) Left() int {
	switch l.step {
	case askAAAA, askPTR:
		return 2
	case finished:
		return 0
	}
	return 1
}

// Synthesised is how many records of the answer were made here.
func (l *Lookup) Synthesised() int { return l.made }

// Take is given upstream's answer to Ask, or nil if none came in time, which is
// treated as SERVFAIL (section 5.1.3). It returns the answer to the query, or nil
// if there is more to Ask.
func (l *Lookup) Take(upstream *dns.Msg) (answer *dns.Msg) {
	if upstream == nil {
		upstream = &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeServerFailure, RecursionAvailable: true}}
	}
	switch l.step {
	case askAAAA:
		return l.takeAAAA(upstream)
	case askA:
		return l.takeA(upstream)
	case askPTR:
		return l.takePTR(upstream)
	}
	return l.finish(reply(l.query, upstream, upstream.Answer))
}

func (l *Lookup) finish(m *dns.Msg) *dns.Msg {
	l.step = finished
	return m
}

// next asks the client's name for another type, or again.
func (l *Lookup) next(s step, qtype uint16) *dns.Msg {
	l.step, l.ask = s, l.query.Question[0]
	l.ask.Qtype = qtype
	return nil
}

func (l *Lookup) takeAAAA(upstream *dns.Msg) *dns.Msg {
	if upstream.Rcode != dns.RcodeSuccess && upstream.Rcode != dns.RcodeNameError {
		// Section 5.1.2: "Any other RCODE is treated as though the RCODE were 0 […] and
		// the answer section were empty."
		return l.next(askA, dns.TypeA)
	}
	answer, left := l.d.usable(upstream.Answer)
	m := reply(l.query, upstream, answer)
	if len(answer) != len(upstream.Answer) {
		m.AuthenticatedData = false // not what was signed
	}
	if left > 0 || upstream.Rcode == dns.RcodeNameError {
		// Section 5.1.1: they "MUST NOT synthesize AAAA RRs when real AAAA RRs exist".
		// Section 5.1.2: a name error "is handled according to normal DNS operation".
		return l.finish(m)
	}
	l.empty = m
	return l.next(askA, dns.TypeA) // its answer has the chain of CNAME again (section 5.1.5)
}

func (l *Lookup) takeA(upstream *dns.Msg) *dns.Msg {
	if upstream.Rcode != dns.RcodeSuccess {
		// Section 5.1.6: an "error is used as the basis for the answer".
		answer, _ := DNS64{}.synthesise(upstream.Answer, 0)
		m := reply(l.query, upstream, answer)
		m.AuthenticatedData = false
		return l.finish(m)
	}
	ttl := uint32(ttlMax)
	if l.empty != nil {
		ttl = negativeTTL(l.empty.Ns)
	}
	answer, made := l.d.synthesise(upstream.Answer, ttl)
	if made == 0 && l.empty != nil {
		// Section 5.4: where A is empty, too, the answer to AAAA is the client's.
		return l.finish(l.empty)
	}
	// Section 5.4: "The authority and additional sections are copied from the
	// response to the final query". It is no longer what was signed (section 5.5),
	// and nobody's authority.
	m := reply(l.query, upstream, answer)
	m.AuthenticatedData, m.Authoritative = false, false
	l.made = made
	return l.finish(m)
}

func (l *Lookup) takePTR(upstream *dns.Msg) *dns.Msg {
	switch {
	case upstream.Rcode == dns.RcodeSuccess && holds(upstream.Answer, dns.TypePTR):
		m := reply(l.query, upstream, alias(l.query.Question[0].Name, l.ask.Name, upstream.Answer))
		m.AuthenticatedData, m.Authoritative = false, false
		l.made = 1
		return l.finish(m)
	case upstream.Rcode == dns.RcodeSuccess, upstream.Rcode == dns.RcodeNameError:
		// Section 5.3.1: no CNAME should be made that leads to nothing. There is
		// nothing, so ip6.arpa says so.
		return l.next(forward, dns.TypePTR)
	}
	return l.finish(reply(l.query, upstream, nil))
}
