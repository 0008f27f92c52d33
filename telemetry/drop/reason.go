package drop

// Reason says why a packet was dropped. The zero value, None, means it was not.
// Reasons are a closed set, so the hot path returns one byte and allocates nothing.
type Reason uint8

// The reasons, in the order in which a packet meets them.
const (
	None Reason = iota

	// What the bytes are (package packet).
	TooShort
	BadVersion
	BadHeaderLength
	BadTotalLength
	BadHeaderChecksum
	BadL4Length
	SourceRoute
	UnknownProtocol
	IPv6Unsupported
	BadOffload
	BadICMPQuote
	UnsupportedICMP

	// The tunnel (packages packet and wire).
	GeneveTooShort
	GeneveBadVersion
	GeneveBadOption
	GeneveUnknownCritical
	GeneveMissingOption
	GeneveControl
	GeneveBadProtocol
	UnknownPeer
	HopBudget

	// Between the tiers (packages chain, membership and liveness).
	ForeignCell
	BadMessage
	StaleEpoch

	// Where it may go (nitrosim, blackfoot, natgw).
	SpoofedSource
	BadAddress
	NoRoute
	Blackhole
	NoInstance
	NoNode
	NoEdge
	UnknownVNI
	UnknownService
	WrongTenant
	WrongNode
	UnknownPublicAddress
	TTLExpired
	TooBig

	// Fragments (package packet).
	FragmentUnexpected
	FragmentMalformed
	FragmentOverlap
	FragmentDuplicate
	FragmentTimeout
	FragmentMemory

	// Flows (natgw, flowtrack, decider).
	NoFlow
	Unsolicited
	FlowTableFull
	PortsExhausted
	StaleDecision
	NoOwner
	MissBudget
	Rebuilding
	AnswerBudget

	// The kernel (tun, wire).
	TUNWrite
	WireSend
	InstanceDown

	// Those that came later stand last, since nodes tell each other reasons by number
	// (chain.Version). In the table they are among their like.
	NoUDPChecksum
	InstanceLimit

	count
)

// N is the number of reasons, None included; Counts has that length.
const N = int(count)

// Counts counts packets by reason. One goroutine owns it: it has no lock.
type Counts [N]uint64

// Total is the sum over all reasons.
func (c *Counts) Total() (n uint64) {
	for _, v := range c[1:] {
		n += v
	}
	return n
}

// All returns every reason but None, in order.
func All() []Reason {
	all := make([]Reason, 0, N-1)
	for r := None + 1; r < count; r++ {
		all = append(all, r)
	}
	return all
}

// String returns the label under which the reason is counted, such as "ports_exhausted".
func (r Reason) String() string { return table[r%count].name }

// Meaning returns one sentence for the operator: what was seen and, where
// there is something to do, what to do.
func (r Reason) Meaning() string { return table[r%count].meaning }

var table = [N]struct{ name, meaning string }{
	None: {"none", "The packet was not dropped."},

	TooShort:          {"too_short", "Shorter than an IP header."},
	BadVersion:        {"bad_version", "Neither IP version 4 nor 6."},
	BadHeaderLength:   {"bad_header_length", "The IPv4 header length field is below 20 bytes or beyond the packet; or IPv6 extension headers run past the packet, or are too many."},
	BadTotalLength:    {"bad_total_length", "The IP length field is beyond what arrived, or below the header."},
	BadHeaderChecksum: {"bad_header_checksum", "The IPv4 header checksum is wrong (RFC 1812, section 5.2.2)."},
	BadL4Length:       {"bad_l4_length", "The TCP, UDP or ICMP header is truncated or contradicts the IP length."},
	NoUDPChecksum:     {"no_udp_checksum", "UDP without a checksum where IPv6 needs one (RFC 8200, section 8.1), and none can be computed: it came so over IPv6, or as a fragment."},
	SourceRoute:       {"source_route", "The packet carries an IPv4 source-route option (RFC 7126, sections 4.3 and 4.4), or an IPv6 routing header with segments left (RFC 7915, section 5.1)."},
	UnknownProtocol:   {"unknown_protocol", "Not TCP, UDP or ICMP; a NAT gateway carries only these."},
	IPv6Unsupported:   {"ipv6_unsupported", "IPv6 is recognised but not carried yet."},
	BadOffload:        {"bad_offload", "The segmentation or checksum metadata contradicts the packet."},
	BadICMPQuote:      {"bad_icmp_quote", "An ICMP error whose quoted packet is truncated or malformed (RFC 5508, section 4.2)."},
	UnsupportedICMP:   {"unsupported_icmp", "An ICMP message that is neither echo nor an error about a flow, or that has no counterpart in the other IP version."},

	GeneveTooShort:        {"geneve_too_short", "A datagram shorter than its GENEVE header says."},
	GeneveBadVersion:      {"geneve_bad_version", "GENEVE version other than 0 (RFC 8926, section 3.4)."},
	GeneveBadOption:       {"geneve_bad_option", "A GENEVE option that runs past the options, or whose length, number or stage is wrong for its type."},
	GeneveUnknownCritical: {"geneve_unknown_critical", "An unknown GENEVE option with the critical bit set (RFC 8926, section 3.5)."},
	GeneveMissingOption:   {"geneve_missing_option", "GENEVE without Hyperplane's option; the sender is not one of ours."},
	GeneveControl:         {"geneve_control", "GENEVE whose O bit and stage contradict each other: the bit belongs to what carries no packet, and only to that."},
	GeneveBadProtocol:     {"geneve_bad_protocol", "The GENEVE payload is neither IPv4 (protocol type 0x0800), nor IPv6 (0x86DD), nor, with the O bit set, one of ours (0x88B5); or it is a packet of another version than its type says."},
	UnknownPeer:           {"unknown_peer", "The outer source address is no host, node or edge of the state."},
	HopBudget:             {"hop_budget", "The hop budget in the tunnel header reached zero; packets are looping."},

	ForeignCell: {"foreign_cell", "A message that names another cell; give every cell underlay addresses of its own, and every process the state of its cell."},
	BadMessage:  {"bad_message", "A message between nodes that is truncated, has trailing bytes, is of no known kind or of a newer version; during an upgrade, bring all nodes to the same version."},
	StaleEpoch:  {"stale_epoch", "The sender acted under another view of the cell than this node; it passes once the nodes agree again."},

	SpoofedSource:        {"spoofed_source", "The sender may not use this source address."},
	BadAddress:           {"bad_address", "A source or destination that must not be routed: loopback, multicast, broadcast, unspecified."},
	NoRoute:              {"no_route", "No route of the subnet's route table matches the destination."},
	Blackhole:            {"blackhole", "The route to the destination is declared a blackhole."},
	NoInstance:           {"no_instance", "The VPC has no instance with this address."},
	NoNode:               {"no_node", "No node serves this gateway."},
	NoEdge:               {"no_edge", "The cell has no edge to send the packet to."},
	UnknownVNI:           {"unknown_vni", "No VPC has this VNI."},
	UnknownService:       {"unknown_service", "No gateway has this service id."},
	WrongTenant:          {"wrong_tenant", "The packet's VPC or sender is not one that the service belongs to."},
	WrongNode:            {"wrong_node", "The gateway is served by another node; the sender's state is older or newer than this node's."},
	UnknownPublicAddress: {"unknown_public_address", "No gateway holds this public address."},
	TTLExpired:           {"ttl_expired", "The time to live ran out here; answered with ICMP time exceeded."},
	TooBig:               {"too_big", "Larger than the next MTU and not to be cut; where its sender can be told, answered with ICMP fragmentation needed."},

	FragmentUnexpected: {"fragment_unexpected", "A fragment where only whole packets may arrive."},
	FragmentMalformed:  {"fragment_malformed", "A fragment with an impossible offset or length, or a first one of IPv6 without the whole transport header (RFC 7112)."},
	FragmentOverlap:    {"fragment_overlap", "A fragment that overlaps another of its packet; the whole packet is dropped (RFC 5722, applied to IPv4 too)."},
	FragmentDuplicate:  {"fragment_duplicate", "A fragment that is already held, byte for byte; the network copied it."},
	FragmentTimeout:    {"fragment_timeout", "The rest of the packet did not arrive in time."},
	FragmentMemory:     {"fragment_memory", "Reassembly memory was full; the oldest unfinished packet made room."},

	NoFlow:         {"no_flow", "A packet from inside that belongs to no flow and cannot open one; TCP is answered with RST."},
	Unsolicited:    {"unsolicited", "A packet from the internet that belongs to no flow."},
	FlowTableFull:  {"flow_table_full", "The node's flow table is full; raise --max-flows."},
	PortsExhausted: {"ports_exhausted", "Every port towards this destination is taken; add a public address. Answered with ICMP code 13."},
	InstanceLimit:  {"instance_limit", "The instance has as many flows as its gateway allows one (flows_per_instance). Answered with ICMP code 13."},
	StaleDecision:  {"stale_decision", "The decision about a new flow came too late, or under a state that is gone; the sender's next try opens it."},
	NoOwner:        {"no_owner", "No reachable node owns the flow's slot at the moment; the sender's next try finds one."},
	MissBudget:     {"miss_budget", "More packets without an entry than the service or the source may cause in a second."},
	Rebuilding:     {"rebuilding", "Belongs to no flow that this node knows, but it does not know all flows of the slot yet; the sender's next try finds it complete."},
	AnswerBudget:   {"answer_budget", "An echo request to the subnet's router beyond the rate at which it answers."},

	TUNWrite:     {"tun_write", "The kernel refused a packet written to a TUN."},
	WireSend:     {"wire_send", "The kernel refused a datagram sent to a peer."},
	InstanceDown: {"instance_down", "The instance's interface is not attached on this host."},
}
