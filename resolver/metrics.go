package resolver

import (
	"sync/atomic"

	"hyperplane/telemetry"
)

// Stats are a Server's counters. Each query ends in exactly one of Answered,
// Failed, Overloaded, Strangers, Limited, Malformed, Unsupported and Discarded.
type Stats struct {
	UDP, TCP    uint64 // queries: messages that came
	Answered    uint64 // with what upstream said, or what was made of it
	Failed      uint64 // SERVFAIL: no upstream answered in time
	Overloaded  uint64 // SERVFAIL: queriesMax
	Strangers   uint64 // REFUSED: not served, or an upstream itself
	Limited     uint64 // dropped: packetsPerSecondMax or clientsMax
	Malformed   uint64 // FORMERR
	Unsupported uint64 // NOTIMP or BADVERS
	Discarded   uint64 // dropped: shorter than a header, or an answer

	Synthesised uint64 // records made: AAAA, and CNAME in ip6.arpa
	Truncated   uint64 // answers that did not fit into a datagram
	Unsent      uint64 // answers that the kernel or the client did not take

	AskedUDP     uint64 // questions sent to an upstream
	AskedTCP     uint64 // those sent again by TCP
	Unanswered   uint64 // of both, those without an answer: silence, or an error
	Mismatched   uint64 // messages of upstreams that answered nothing that was asked
	Connections  uint64 // TCP connections taken
	Turned       uint64 // TCP connections closed at once: connectionsMax, connectionsPerClientMax or not served
	SocketErrors uint64 // errors of the sockets that queries come by
}

// counters are Stats while they are counted.
type counters struct {
	udp, tcp, answered, failed, overloaded, strangers, limited, malformed, unsupported, discarded,
	synthesised, truncated, unsent,
	askedUDP, askedTCP, unanswered, mismatched, connections, turned, socketErrors atomic.Uint64
}

// Stats returns the counters, each read for itself.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{
		UDP: c.udp.Load(), TCP: c.tcp.Load(), Answered: c.answered.Load(), Failed: c.failed.Load(),
		Overloaded: c.overloaded.Load(), Strangers: c.strangers.Load(), Limited: c.limited.Load(),
		Malformed: c.malformed.Load(), Unsupported: c.unsupported.Load(), Discarded: c.discarded.Load(),
		Synthesised: c.synthesised.Load(), Truncated: c.truncated.Load(), Unsent: c.unsent.Load(),
		AskedUDP: c.askedUDP.Load(), AskedTCP: c.askedTCP.Load(), Unanswered: c.unanswered.Load(), Mismatched: c.mismatched.Load(),
		Connections: c.connections.Load(), Turned: c.turned.Load(), SocketErrors: c.socketErrors.Load(),
	}
}

// Metrics lists the counters for an operator.
func Metrics(s *Stats) []telemetry.Metric {
	var ms []telemetry.Metric
	counter := func(name, help string, v uint64, labels ...string) {
		ms = append(ms, telemetry.Metric{Name: name, Help: help, Counter: true, Value: float64(v), Labels: labels})
	}
	counter("resolver_queries_total", "DNS messages that instances sent to their resolver.", s.UDP, "transport", "udp")
	counter("resolver_queries_total", "DNS messages that instances sent to their resolver.", s.TCP, "transport", "tcp")
	for _, end := range []struct {
		result string
		n      uint64
	}{
		{"answered", s.Answered}, {"failed", s.Failed}, {"overloaded", s.Overloaded}, {"refused", s.Strangers},
		{"limited", s.Limited}, {"malformed", s.Malformed}, {"unsupported", s.Unsupported}, {"discarded", s.Discarded},
	} {
		counter("resolver_results_total", "How queries ended.", end.n, "result", end.result)
	}
	counter("resolver_synthesised_records_total", "Records made for clients that have IPv6 alone: AAAA, and CNAME in ip6.arpa.", s.Synthesised)
	counter("resolver_truncated_total", "Answers that did not fit into a datagram.", s.Truncated)
	counter("resolver_unsent_total", "Answers that the kernel or the client did not take.", s.Unsent)
	counter("resolver_upstream_queries_total", "Questions sent to upstream servers.", s.AskedUDP, "transport", "udp")
	counter("resolver_upstream_queries_total", "Questions sent to upstream servers.", s.AskedTCP, "transport", "tcp")
	counter("resolver_upstream_unanswered_total", "Questions that an upstream server did not answer in time, or refused the connection of.", s.Unanswered)
	counter("resolver_upstream_mismatched_total", "Messages from upstream servers' addresses that answered nothing that was asked.", s.Mismatched)
	counter("resolver_connections_total", "TCP connections of instances to their resolver.", s.Connections)
	counter("resolver_connections_refused_total", "TCP connections closed at once, since there were too many or the client is not served.", s.Turned)
	counter("resolver_socket_errors_total", "Errors of the sockets by which queries come.", s.SocketErrors)
	return ms
}
