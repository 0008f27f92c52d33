package packet

// Lengths of headers in bytes, and the limits that keep every buffer and loop
// of this package bounded. Beyond a limit a constructor answers with a
// drop.Reason; nothing is truncated silently.
const (
	// IPv4HeaderLen is the length of an IPv4 header without options.
	IPv4HeaderLen = 20
	// IPv4HeaderMax is what the 4-bit IHL field can say (15 words); longer headers cannot exist.
	IPv4HeaderMax = 60
	// IPv6HeaderLen is the fixed IPv6 header, extension headers not counted.
	IPv6HeaderLen = 40
	// TCPHeaderLen is the length of a TCP header without options.
	TCPHeaderLen = 20
	// TCPHeaderMax is what the 4-bit data offset can say (15 words).
	TCPHeaderMax = 60
	// UDPHeaderLen is the length of a UDP header.
	UDPHeaderLen = 8
	// ICMPHeaderLen is the length of an ICMP header up to the data or the quoted packet.
	ICMPHeaderLen = 8
	// HeadMax is the longest IPv4 and transport header together: the space that a
	// copy of a packet's head needs. IPv6's extension headers can make a longer
	// one; a superpacket with it is not cut (drop.BadOffload).
	HeadMax = IPv4HeaderMax + TCPHeaderMax
	// PacketMax is the largest IPv4 packet, superpackets included: the total
	// length field has 16 bits. Longer input is refused with drop.BadTotalLength.
	// Merge makes none of IPv6 that is longer, so that it fits the same buffers.
	PacketMax = 65535

	// quoteL4Min is how much of the quoted packet's transport header an ICMP
	// error must carry (RFC 792: "64 bits of original data datagram"): enough
	// for ports or echo id. Shorter quotes are dropped (drop.BadICMPQuote).
	quoteL4Min = 8

	// VirtioLen is the length of struct virtio_net_hdr before each packet of a
	// TUN opened with IFF_VNET_HDR and no mergeable buffers.
	VirtioLen = 10

	// GeneveLen is the length of the tunnel header that Tunnel.Encode writes
	// without a chain option: 8 bytes base, 4 bytes option header, 12 bytes
	// option body.
	GeneveLen = 24
	// ChainLen is the length of the chain option's body: 8 bytes of version and
	// cell, 64 bytes of message. Another length is refused (drop.GeneveBadOption).
	ChainLen = 72
	// GeneveMax is the longest tunnel header that Tunnel.Encode writes: with a
	// chain option and its header of 4 bytes.
	GeneveMax = GeneveLen + geneveOptionLen + ChainLen
	// GenevePort is the UDP port assigned to GENEVE (RFC 8926, section 3.3).
	GenevePort = 6081
	// TunnelOverhead is by how many bytes encapsulation grows a packet: outer
	// IPv4, outer UDP, GENEVE. MTUs are compared with it in mind.
	TunnelOverhead = IPv4HeaderLen + UDPHeaderLen + GeneveLen

	// VNIMax is the largest virtual network identifier (24 bits).
	VNIMax = 1<<24 - 1
)

// IP protocol numbers that are carried (IANA "Protocol Numbers").
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)
