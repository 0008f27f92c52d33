package resolver

import "time"

const (
	// queryTimeMax is how long a query may take, all that is asked upstream for it
	// included; then it is answered SERVFAIL. Stubs wait 5 s (resolv.conf(5)), so
	// the answer still finds them.
	queryTimeMax = 4 * time.Second

	// tryTimeMax is how long one upstream is waited for, over UDP and TCP each, or
	// less, so that all of them can be asked; then the next is asked.
	tryTimeMax = time.Second

	// upstreamsMax bounds the upstreams, as resolv.conf(5) does: that many can be
	// asked within queryTimeMax. New refuses more.
	upstreamsMax = 3

	// roundsMax is how many times the list of upstreams is gone through for one
	// question: twice, so that one lost datagram costs no answer where there is
	// only one. After them the question has no answer.
	roundsMax = 2

	// questionsMax is how many questions one query may put upstream: AAAA and then
	// A, or PTR under in-addr.arpa and then under ip6.arpa. Time that is left is
	// shared among those that may come, so that a silent answer to AAAA leaves time
	// for A.
	questionsMax = 2

	// ttlMax is the TTL, in seconds, of what is synthesised where no SOA came with
	// the empty answer (RFC 6147, section 5.1.7); a greater one is cut to it.
	ttlMax = 600

	// udpSizeMax is the longest message sent by UDP, in bytes: with its headers it
	// fits into IPv6's smallest MTU, so answers are never fragmented. What does not fit
	// is cut, with TC set, and the client comes by TCP. Upstream is told the same.
	udpSizeMax = 1232

	// querySizeMax is the longest query read, in bytes. One question has 271 at most,
	// and EDNS options have the rest. A longer one by UDP is cut, and FORMERR; by
	// TCP it ends the connection.
	querySizeMax = 4096

	// queriesMax bounds the queries of a Server that are being answered. Each has
	// one socket, and of upstream one message of at most 64 KB at a time. One more is
	// answered SERVFAIL at once.
	queriesMax = 512

	// connectionsMax and connectionsPerClientMax bound a Server's TCP connections.
	// One more is closed at once.
	connectionsMax          = 256
	connectionsPerClientMax = 16

	// idleTimeMax is how long a TCP connection may be without a whole new query
	// (RFC 7766, section 6.2.3); then it is closed. So is one that does not take an
	// answer for as long.
	idleTimeMax = 10 * time.Second

	// packetsPerSecondMax is what a client may send in a second, and at once after
	// one of silence; more is dropped, as AWS does ("1024 packets that it can send to the
	// Amazon-provided DNS server every second",
	// docs.aws.amazon.com/whitepapers/latest/hybrid-cloud-dns-options-for-vpc/constraints.html).
	// A query by TCP counts as one packet.
	packetsPerSecondMax = 1024

	// packetTime is what a packet takes of a client's second, and burst is that second.
	packetTime = time.Second / packetsPerSecondMax
	burst      = time.Second

	// clientsMax bounds the clients whose packets are counted, 64 bytes each. Those
	// that were silent for a second are forgotten. One more is treated as over its
	// limit.
	clientsMax = 4096

	// socketErrorsMax is how many errors in a row a socket may have, socketPause
	// apart, until Serve gives up and returns the last.
	socketErrorsMax = 100
	socketPause     = 10 * time.Millisecond
)
