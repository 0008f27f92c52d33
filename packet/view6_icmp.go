package packet

import "hyperplane/telemetry/drop"

func (v *View6) decodeICMP(at int) drop.Reason {
	icmp, r := NewICMPv6(v.L4)
	if r != drop.None {
		return r
	}
	v.HeadLen = at + ICMPHeaderLen
	switch icmp.Type() {
	case ICMPv6EchoRequest:
		v.Kind, v.Tuple.SrcPort = KindEcho, icmp.ID()
	case ICMPv6EchoReply:
		v.Kind, v.Tuple.DstPort = KindEcho, icmp.ID()
	case ICMPv6Unreachable, ICMPv6PacketTooBig, ICMPv6TimeExceeded, ICMPv6ParameterProblem:
		// RFC 5508, REQ-3, as in View: an error whose own checksum is wrong is dropped.
		if Fold(Sum(icmp, v.IP.PseudoSum(ProtoICMPv6, len(icmp)))) != 0xffff {
			return drop.BadICMPQuote
		}
		_, quoted, ok := quotedTuple6(icmp.Payload())
		if !ok {
			return drop.BadICMPQuote
		}
		v.Kind, v.Tuple = KindICMPError, quoted.Reverse()
	default:
		// Neighbour discovery and multicast listeners end at the next hop, and what
		// is unknown has no counterpart: "Silently drop" (RFC 7915, section 5.2).
		return drop.UnsupportedICMP
	}
	return drop.None
}

// quotedTuple6 reads the packet that an ICMPv6 error quotes, which may be cut
// short. The first fragment of a packet says as much as a whole one. An error
// about an error is never sent (RFC 4443, section 2.4 (e.1)), and a translator
// MUST "drop the packet if it contains more embedded headers" (RFC 7915, section
// 5.3).
func quotedTuple6(b []byte) (x extensions, t Tuple6, ok bool) {
	if len(b) < IPv6HeaderLen || b[0]>>4 != 6 {
		return extensions{}, Tuple6{}, false
	}
	q := IPv6(b)
	x, r := walkExtensions(b)
	if r != drop.None || len(b) < x.end+quoteL4Min || IPv6HeaderLen+q.PayloadLen() < x.end+quoteL4Min {
		return extensions{}, Tuple6{}, false
	}
	if x.fragment != 0 {
		if offset, _, _ := fragmentHeader(b[x.fragment:]); offset != 0 {
			return extensions{}, Tuple6{}, false
		}
	}
	l4 := b[x.end:]
	t = Tuple6{Net: uint32(x.proto), Src: q.Src(), Dst: q.Dst()}
	switch x.proto {
	case ProtoTCP, ProtoUDP:
		t.SrcPort, t.DstPort = be16(l4), be16(l4[2:])
	case ProtoICMPv6:
		switch ICMPv6(l4).Type() {
		case ICMPv6EchoRequest:
			t.SrcPort = ICMPv6(l4).ID()
		case ICMPv6EchoReply:
			t.DstPort = ICMPv6(l4).ID()
		default:
			return extensions{}, Tuple6{}, false
		}
	default:
		return extensions{}, Tuple6{}, false
	}
	return x, t, true
}
