// Package resolver answers the DNS queries of a VPC's instances, as AWS's
// resolver does at the address that is the VPC's plus two, at 169.254.169.253 and at
// fd00:ec2::253. It forwards them, and for instances that have IPv6 alone it makes
// AAAA records of A records under the NAT64's prefix (DNS64, RFC 6147), so that they
// reach through the NAT gateway what has only IPv4.
//
// What to ask and what to answer is decided by Lookup, without socket, clock or
// randomness: the client's query goes in, then upstream's answers, and out come
// questions and at last the answer. So each rule of RFC 6147 is a line in a table
// of tests. Server is the shell around it: sockets, upstreams, limits, counters. Messages
// are read and written by github.com/miekg/dns. There is no cache: what is asked here
// was asked of a resolver that has one.
//
//	 AAAA, DNS64 enabled                                    other types, DO and CD: forward
//	       │
//	       ▼       usable AAAA; NXDOMAIN                    pass on (5.1.1, 5.1.2)
//	┌──────────┐ ───────────────────────────────────────────────────────▶ ┌────────┐
//	│ ask AAAA │                                                          │ answer │
//	└────┬─────┘                    ┌───────┐ A: synthesise (5.1.7) ─────▶│        │
//	     │ empty, excluded, error,  │ ask A │ empty: the answer to AAAA ─▶│        │
//	     └─ silence (5.1.2 to 4) ──▶└───────┘ error: pass on (5.1.6) ────▶│        │
//	                                                                      │        │
//	┌──────────┐ there: CNAME to in-addr.arpa, and what is there ────────▶│        │
//	│ ask PTR  │                           ┌─────────────────────┐        │        │
//	└──────────┘ nothing there (5.3.1) ───▶│ ask what was asked  │ ──────▶└────────┘
//	  of a name in ip6.arpa under the      └─────────────────────┘
//	  prefix, in in-addr.arpa
//
//	instance ──UDP, TCP──▶ admit ──▶ resolve ──UDP, then TCP──▶ upstream
//	                         │          │                     1, 2, 3; 1, 2, 3
//	      dropped, REFUSED,  ▼          ▼
//	      FORMERR, NOTIMP, SERVFAIL   answer, cut to what the client takes by UDP
//
// Invariants:
//
//   - One query asks at most questionsMax questions, and none is asked for a client
//     that has an upstream's address: so nothing goes round. A longer circle, by
//     a server that is itself served, ends at queriesMax or queryTimeMax.
//   - I13: queries, connections, clients and times have limits; each query is
//     counted under what became of it.
//   - A synthetic record stands for an A record of the same answer, under the prefix,
//     and for an address that the prefix may represent: under the well-known one
//     only global ones, unless [packet.NewPrefix64] was told otherwise, and those of
//     ipv4only.arpa (RFC 7050). No answer that DNS64 decides about has an AAAA record
//     that is excluded.
//   - An answer that was changed here never has AD set.
//   - What upstream sends is believed only if it comes from where was asked, to the
//     port that asked, with the id and the question (RFC 5452, section 9).
//   - After Close no goroutine is left. A lock is held for no call that waits;
//     limiter's and the Server's are never held together.
//
// Not answered at all are messages shorter than a header, which have no id, answers, which
// might go round, and what exceeds a client's rate, as with AWS. FORMERR: what cannot
// be read, not exactly one question, more than one OPT. NOTIMP: another opcode than QUERY, AXFR and
// IXFR. BADVERS: another EDNS version than 0. REFUSED: clients that are not served.
//
// Limits: limits.go has those with a value. There is no cache and no memory of which
// upstream is dead: while the first is silent each query waits tryTimeMax for it.
// Nothing is validated (section 5.5 has no rule for this but to ask upstream to), so a
// forged error in answer to AAAA leads to synthesis where A exists; clients that
// validate set CD. A CNAME in ip6.arpa leads to in-addr.arpa also where that has a
// CNAME itself, as delegations of less than a /24 have (RFC 2317); the RFC would
// rather have no answer. A and AAAA are not asked at the same time (section 5.1.8). EDNS
// options are neither forwarded nor answered, cookies and client subnets among them.
// Queries of one TCP connection are answered one after the other. An interface with
// several addresses has the rate of each; and queriesMax is shared by all clients of
// a Server.
package resolver
