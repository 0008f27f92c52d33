package packet

import "hyperplane/telemetry/drop"

// arrival is a fragment as it came, in the terms that both IP versions have in common.
type arrival struct {
	key     datagramKey
	head    []byte // what stands before the payload; of IPv6 without the fragment header
	payload []byte
	from    int   // where the payload lies in that of the whole packet
	longest int   // what head and payload of the whole packet may have together
	more    bool  // not the last
	ecn     uint8 // two bits
	proto   uint8 // of IPv6: what the fragment header names
}

// decode reads a fragment into a, which is zero, or returns the packet if it is none. It sets field by field: a copy of
// the struct costs as much as all the rest.
func (a *arrival) decode(vni uint32, p *Packet) (whole []byte, reason drop.Reason) {
	if len(p.Data) > 0 && p.Data[0]>>4 == version6 {
		return a.decode6(vni, p)
	}
	ip, reason := NewIPv4(p.Data)
	if reason != drop.None {
		return nil, reason
	}
	if !ip.IsFragment() {
		return ip, drop.None
	}
	hl := ip.HeaderLen()
	a.key.source = source4(vni, ip.Src())
	a.key.dstLo = uint64(ip.Dst())
	a.key.id = uint64(ip.ID())<<8 | uint64(ip.Protocol())
	a.head, a.payload, a.longest = ip[:hl], ip[hl:], PacketMax
	a.from, a.more, a.ecn = ip.FragmentOffset(), ip.MoreFragments(), ip.TOS()&3
	return nil, drop.None
}

// decode6 reads a fragment of IPv6. An atomic fragment is whole: it "MUST" be processed "in isolation from any other
// packets" (RFC 6946, section 4), and keeps its fragment header, which View6 steps over.
func (a *arrival) decode6(vni uint32, p *Packet) (whole []byte, reason drop.Reason) {
	ip, reason := NewIPv6(p.Data)
	if reason != drop.None {
		return nil, reason
	}
	x, reason := walkExtensions(ip)
	if reason != drop.None {
		return nil, reason
	}
	if x.fragment == 0 {
		return ip, drop.None
	}
	from, more, id := fragmentHeader(ip[x.fragment:])
	if from == 0 && !more {
		return ip, drop.None
	}
	a.key.source = source6(vni, ip[8:24])
	a.key.dstHi, a.key.dstLo = be64(ip[24:]), be64(ip[32:])
	a.key.id = uint64(id)
	a.head, a.payload, a.longest = ip[:x.fragment], ip[x.end:], ipv6PacketMax
	a.from, a.more, a.ecn, a.proto = from, more, ip.TrafficClass()&3, x.proto
	return nil, drop.None
}

// check looks at a fragment by itself. The offset counts in units of 8 bytes, so only the last fragment may end within
// one (RFC 791, section 3.1; RFC 8200, section 4.5). What ends beyond the longest packet is an attack.
func (a *arrival) check() drop.Reason {
	if len(a.payload) == 0 || a.more && len(a.payload)%fragmentUnit != 0 ||
		len(a.head)+a.from+len(a.payload) > a.longest {
		return drop.FragmentMalformed
	}
	if a.from == 0 && a.key.source.isIPv6() {
		return a.checkFirst6()
	}
	return drop.None
}

// checkFirst6 looks at a first fragment of IPv6, which must hold all headers up to the transport's, that included (RFC
// 7112, section 5). Others carry no sign of what they belong to, so nothing could be refused by them later.
//
// Between fragment header and transport header only destination options have a place (RFC 8200, section 4.1): a source
// without a routing header puts them there.
func (a *arrival) checkFirst6() drop.Reason {
	if len(a.head) > reassemblyHeadMax {
		return drop.BadHeaderLength
	}
	proto, l4 := a.proto, a.payload
	for n := 0; proto == extDestination; n++ {
		if n == ipv6ExtensionsMax {
			return drop.BadHeaderLength
		}
		if len(l4) < 8 || len(l4) < 8+int(l4[1])*8 {
			return drop.FragmentMalformed
		}
		proto, l4 = l4[0], l4[8+int(l4[1])*8:]
	}
	switch proto {
	case ProtoTCP:
		if _, r := NewTCP(l4); r == drop.None {
			return drop.None
		}
	case ProtoUDP, ProtoICMPv6:
		if len(l4) >= UDPHeaderLen { // ICMPv6's is as long
			return drop.None
		}
	default:
		return drop.UnknownProtocol
	}
	return drop.FragmentMalformed
}

// makeWhole4 takes the traces of fragmentation from the header of a whole packet, and says what congestion there was.
func makeWhole4(whole []byte, headLen int, congestion bool) {
	if congestion {
		whole[1] |= 3
	}
	put16(whole[2:], uint16(len(whole)))
	put16(whole[6:], be16(whole[6:])&^(ipv4MoreFragments|ipv4OffsetMask))
	sealIPv4(whole[:headLen])
}

// makeWhole6 does it for IPv6: "the Fragment header is not present in the final, reassembled packet" (RFC 8200, section
// 4.5).
func makeWhole6(whole []byte, congestion bool) {
	if congestion {
		whole[1] |= 3 << 4
	}
	IPv6(whole).SetPayloadLen(len(whole) - IPv6HeaderLen)
}
