package packet

const (
	// IPv6MTUMin is the MTU that every IPv6 link has (RFC 8200, section 5), in bytes. "Packet too big" never says less
	// (RFC 7915, section 4.2), and an ICMPv6 error is never longer (RFC 4443, section 2.4 (c)): its quote is cut to fit.
	IPv6MTUMin = 1280

	// IPv4MTUMin is the MTU that every IPv4 link has (RFC 791, section 3.2), in bytes. "Fragmentation needed" never says
	// less.
	IPv4MTUMin = 68

	// TranslateRoom is the longest way, in bytes, that the begin of a packet moves forward as it becomes IPv6: 20 for its
	// header, and for an ICMP error 28 for the quoted header of a fragment and 4 for the padding before its extensions. A
	// caller with less free bytes before the packet may not translate it.
	TranslateRoom = 52

	// ipv6ExtensionsMax is the number of extension headers before the transport header. RFC 8200, section 4.1 has an
	// order for six; a packet with more than eight is dropped (drop.BadHeaderLength).
	ipv6ExtensionsMax = 8
)
