package packet

import "hyperplane/telemetry/drop"

// Translation between IPv6 and IPv4 (RFC 7915), the rewrite of a NAT64 flow. The
// payload stays where it is; the IP header in front of it is exchanged, and what
// the transport header says of addresses is amended by their difference:
//
//	IPv6 ▶ IPv4   [ IPv6 40 | extensions … | L4 | payload ]
//	                                  ╰─[ IPv4 20 | L4 | payload ]
//
//	IPv4 ▶ IPv6             [ IPv4 20 … 60 | L4 | payload ]
//	              [ IPv6 40 | fragment 0, 8 | L4 | payload ]       up to TranslateRoom before
//
// Addresses and ports are arguments, as in Rewrite: who asks has looked them up,
// by Prefix64 or in a table of flows. The hop limit is copied: who asks takes its
// hop before, by View6.DecrementHopLimit or View.DecrementTTL, since the packet
// that an answer would have to quote is gone afterwards. The MSS of a SYN is
// clamped on its IPv4 side (View.ClampMSS), before To6 or after To4.

// addrChange6 is what a pseudo-header sum changes by where the 32 bytes of IPv6
// addresses at b become src and dst. Length and protocol of TCP and UDP are the
// same in both pseudo headers (RFC 9293, section 3.1; RFC 8200, section 8.1).
func addrChange6(b []byte, src, dst Addr4) uint64 {
	return uint64(^Fold(Sum(b[:32], 0))) + uint64(src) + uint64(dst)
}

// addrChange4 is what a pseudo-header sum changes by where IPv4 addresses become
// src and dst.
func addrChange4(oldSrc, oldDst Addr4, src, dst *Addr6) uint64 {
	return uint64(^Fold(uint64(oldSrc)+uint64(oldDst))) + Sum(src[:], Sum(dst[:], 0))
}

// protocol4 and protocol6 are the protocol's number in the other IP version:
// "For ICMPv6 (58), it is changed to ICMPv4 (1)", and back; all others are copied
// (RFC 7915, sections 5.1 and 4.1).
func protocol4(proto uint8) uint8 {
	if proto == ProtoICMPv6 {
		return ProtoICMP
	}
	return proto
}

func protocol6(proto uint8) uint8 {
	if proto == ProtoICMP {
		return ProtoICMPv6
	}
	return proto
}

// checkFragmentL4 says whether the transport part of a fragment can be
// translated. "Fragmented ICMP/ICMPv6 packets will not be translated" (RFC 7915,
// section 1.2): one of the two checksums covers a length that no fragment tells.
// A first fragment must hold the transport header (RFC 7112), and no other a part
// of it (RFC 3128), so that the checksum is amended where it is; and UDP must have
// one (RFC 7915, section 4.5).
func checkFragmentL4(l4 []byte, proto uint8, offset int) drop.Reason {
	switch {
	case proto != ProtoTCP && proto != ProtoUDP:
		return drop.FragmentUnexpected
	case offset >= TCPHeaderLen || offset != 0 && proto == ProtoUDP:
		return drop.None
	case offset != 0 || proto == ProtoTCP && len(l4) < TCPHeaderLen || len(l4) < UDPHeaderLen:
		return drop.FragmentMalformed
	case proto == ProtoUDP && UDP(l4).Checksum() == 0:
		return drop.NoUDPChecksum
	}
	return drop.None
}

// amendFragmentL4 amends the checksum of a fragment that checkFragmentL4 has
// accepted. It is in the first and covers the whole packet, but the difference
// is that of the addresses.
func amendFragmentL4(l4 []byte, proto uint8, offset int, addrs uint64) {
	switch {
	case offset != 0:
	case proto == ProtoTCP:
		TCP(l4).SetChecksum(amend(TCP(l4).Checksum(), addrs))
	default:
		amendUDP(l4[udpChecksumOffset:udpChecksumOffset+2], addrs)
	}
}
