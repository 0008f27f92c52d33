package conformance

// document is one that asks something of a NAT.
type document struct {
	name, title  string
	requirements []requirement
}

// requirement is one line of a document. The wording is ours, and short; the
// document's own is what counts.
type requirement struct{ id, text string }

// documents are those that scripts may name, in the order in which they are listed.
// What no script names is listed too, as having no test.
var documents = []document{
	{"RFC 4787", "NAT behaviour for unicast UDP", []requirement{
		{"REQ-1", "endpoint-independent mapping (MUST)"},
		{"REQ-2", "paired address pooling (RECOMMENDED)"},
		{"REQ-3", "no port overloading (MUST NOT)"},
		{"REQ-3a", "a port below 1024 is mapped to one below 1024, others to others (RECOMMENDED)"},
		{"REQ-3b", "a port is preserved only as long as nobody else has it"},
		{"REQ-4", "port parity is preserved (RECOMMENDED)"},
		{"REQ-5", "a mapping lives for two minutes at least without packets (MUST), settable; five are recommended"},
		{"REQ-6", "packets from inside refresh a mapping (MUST); those from outside may"},
		{"REQ-7", "addresses that are used inside and outside at once are coped with"},
		{"REQ-8", "filtering: endpoint-independent, or address-dependent where filtering matters more"},
		{"REQ-9", "hairpinning (MUST), with the external source address and port"},
		{"REQ-10", "application-level gateways are off"},
		{"REQ-11", "behaviour is deterministic: load and collisions do not change its kind (MUST)"},
		{"REQ-12", "no ICMP message ends a mapping (MUST)"},
		{"REQ-12a", "ICMP messages are not filtered by their source address"},
		{"REQ-12b", "destination unreachable is supported (RECOMMENDED)"},
		{"REQ-13", "too large with DF: answered with fragmentation needed (MUST)"},
		{"REQ-13a", "too large without DF: fragmented (MUST), in order"},
		{"REQ-14", "fragments are received in order and out of order (MUST)"},
		{"REQ-14a", "floods of fragments do not harm other traffic (MUST)"},
	}},
	{"RFC 5382", "NAT behaviour for TCP", []requirement{
		{"REQ-1", "endpoint-independent mapping (MUST)"},
		{"REQ-2", "all valid sequences of TCP packets (MUST)"},
		{"REQ-2a", "three-way handshake and simultaneous open (MUST)"},
		{"REQ-3", "filtering: endpoint-independent, or address-dependent where filtering matters more"},
		{"REQ-4", "an unsolicited SYN from outside is not answered for 6 s (MUST NOT)"},
		{"REQ-5", "idle time: established 2 h 4 min, opening and closing 4 min, not less (MUST NOT)"},
		{"REQ-6", "application-level gateways are off, but for FTP's"},
		{"REQ-7", "no port overloading (MUST NOT)"},
		{"REQ-8", "hairpinning (MUST)"},
		{"REQ-9", "destination unreachable is translated"},
		{"REQ-10", "no ICMP message ends a mapping or connection (MUST NOT)"},
	}},
	{"RFC 5508", "NAT behaviour for ICMP", []requirement{
		{"REQ-1", "queries from inside and their answers are permitted (MUST)"},
		{"REQ-1a", "a query's identifier is mapped alike for all remote hosts"},
		{"REQ-2", "a query's mapping lives for 60 s at least (MUST), settable"},
		{"REQ-3", "an error with a wrong checksum of its own is dropped silently"},
		{"REQ-3a", "an error whose quoted IP header has a wrong checksum is dropped silently"},
		{"REQ-3b", "IP options of the quoted packet are stepped over (MUST)"},
		{"REQ-3c", "the quoted transport checksum is not checked"},
		{"REQ-4", "an error from outside about no mapping is dropped; of another, the quote is translated back, type and code kept (MUST)"},
		{"REQ-5", "an error from inside: the same, and the source is the NAT's (MUST)"},
		{"REQ-6", "an error about a query neither refreshes nor deletes its mapping (MUST NOT)"},
		{"REQ-7", "errors that come back to the NAT by hairpinning are translated (MUST)"},
		{"REQ-8", "a flow that cannot be opened is answered with type 3, code 13"},
		{"REQ-9", "policy may keep the NAT from making ICMP messages towards an interface"},
		{"REQ-10", "the NAT itself supports the ICMP messages of a router: unreachable, time exceeded, echo"},
		{"REQ-11", "other ICMP messages may be dropped"},
	}},
	{"RFC 6888", "carrier-grade NAT", []requirement{
		{"REQ-1", "the requirements of each protocol's document hold (MUST)"},
		{"REQ-2", "paired address pooling is the default (MUST)"},
		{"REQ-3", "a pool of addresses may have any shape"},
		{"REQ-4", "a limit of ports per subscriber can be set (MUST)"},
		{"REQ-5", "a limit of memory for a subscriber's state can be set"},
		{"REQ-6", "translation can be left out for destinations that are in the operator's network"},
		{"REQ-7", "endpoint-independent filtering (RECOMMENDED)"},
		{"REQ-8", "a freed port is not given to others for 120 s"},
		{"REQ-9", "the Port Control Protocol"},
		{"REQ-10", "the CGN is manageable"},
		{"REQ-11", "without room: the packet is dropped, code 13 sent, counted, and no live mapping deleted (MUST NOT)"},
		{"REQ-12", "destinations are not logged"},
		{"REQ-13", "as many ports as possible are used"},
		{"REQ-14", "little is logged"},
		{"REQ-15", "ports are hard to guess (RFC 6056)"},
	}},
	{"RFC 7857", "updates of the three", []requirement{
		{"2", "the TCP state machine is that of RFC 6146"},
		{"2.1", "transitory idle times: partially open, closing; each settable"},
		{"2.2", "an RST is translated; the mapping stays for 4 min if silence follows"},
		{"3", "port overlapping: one port for several remote ends, if each is another"},
		{"4", "paired pooling is per protocol or for all, as chosen"},
		{"5", "mappings of TCP and UDP do not depend on each other"},
		{"6", "filters of TCP and UDP do not depend on each other"},
		{"7", "whether packets from outside refresh is settable"},
		{"7.1", "errors and RST from inside do not refresh"},
		{"8", "port parity may be off"},
		{"9", "ports are random (RFC 6056)"},
		{"10", "IP identifications do not tell one inside host from another, and stay unique"},
		{"11", "an ICMP query's mapping may end with its last session"},
		{"12", "hairpinning of ICMP"},
	}},
	{"RFC 6146", "stateful NAT64", []requirement{
		{"3.4", "IPv6 packets are received, reassembled and checked"},
		{"3.5.1", "UDP: binding and session tables"},
		{"3.5.2", "TCP: state machine"},
		{"3.5.3", "ICMP queries"},
		{"3.6", "tuples are computed by the IPv4-embedded address"},
		{"3.7", "translation of headers (RFC 7915)"},
		{"3.8", "hairpinning"},
		{"4", "idle times: UDP 5 min, TCP 2 h 4 min and 4 min, ICMP 60 s, incoming SYN 6 s"},
	}},
	{"RFC 768", "UDP", []requirement{
		{"checksum", "zero says that there is none; a sum of zero is sent as ffff"},
	}},
	{"RFC 1812", "routers", []requirement{
		{"4.3.2.7", "no ICMP error about an ICMP error (MUST NOT)"},
	}},
	{"RFC 3022", "traditional NAT", []requirement{
		{"4.2", "checksums are adjusted; UDP's zero stays"},
		{"4.6", "IP options: addresses of hops in between need not be translated"},
	}},
	{"RFC 8926", "GENEVE", []requirement{
		{"3.5", "an option of wrong length is refused; unknown ones are skipped, unless critical (MUST drop)"},
	}},
	{"Hyperplane", "our own invariants (SPECIFICATION.md)", []requirement{
		{"I1", "one live flow for each public and remote end"},
		{"I7", "no packet crosses VPCs; equal addresses of two never meet"},
		{"I10", "no loop, no amplification"},
	}},
	{"AWS", "the NAT gateway as documented", []requirement{
		{"protocols", "TCP, UDP and ICMP only"},
		{"55000", "55,000 connections to one destination, by address and protocol; more with more addresses"},
		{"addresses", "up to 8 addresses"},
		{"ports", "public ports 1024 to 65535"},
		{"idle", "350 s without a packet: the connection is forgotten; who goes on gets an RST, never a FIN"},
		{"fragments", "UDP fragments are forwarded; those of TCP and ICMP dropped"},
		{"nat64", "64:ff9b::/96 is translated"},
		{"forwarding", "no port forwarding: nothing from outside begins a connection"},
		{"mtu", "8500 inside, 1500 outside; MSS is clamped"},
		{"private", "a private gateway: no public address, other VPCs behind it"},
		{"regional", "one gateway for all zones of a VPC"},
	}},
}
