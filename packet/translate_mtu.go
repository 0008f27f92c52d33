package packet

// plateaus are likely MTUs (RFC 1191, section 7, table 7-1).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, IPv4MTUMin}

// mtu6 is the MTU that "packet too big" says where "fragmentation needed" said
// mtu about a packet of quoted bytes; largest bounds it, if not 0 (RFC 7915,
// section 4.2):
//
//	max(1280, min(mtu + 20, largest))
//
// A router that is older than RFC 1191 says 0: "the translator MUST use the
// plateau values", the greatest below the length of the packet.
func mtu6(mtu, quoted, largest int) int {
	if mtu == 0 {
		for _, p := range plateaus {
			if p < quoted {
				mtu = p
				break
			}
		}
	}
	mtu += headerGrowth
	if largest != 0 {
		mtu = min(mtu, largest)
	}
	return max(IPv6MTUMin, mtu)
}

// mtu4 is the MTU that "fragmentation needed" says where "packet too big" said
// mtu: less the difference of the headers, "taking into account whether or not
// the packet in error includes a Fragment Header" (RFC 7915, section 5.2);
// largest bounds it, if not 0.
func mtu4(mtu uint32, fragment bool, largest int) int {
	n := int(min(mtu, PacketMax)) - headerGrowth
	if fragment {
		n -= fragmentHeaderLen
	}
	if largest != 0 {
		n = min(n, largest)
	}
	return max(IPv4MTUMin, n)
}
