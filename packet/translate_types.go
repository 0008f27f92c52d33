package packet

// no is an entry of a table of ICMP codes or pointers that has no counterpart:
// the message is dropped.
const no = 0xff

// unreachable4 is the ICMP code of each ICMPv6 "destination unreachable" (RFC
// 7915, section 5.2).
var unreachable4 = [...]uint8{
	0: ICMPCodeHost,                // no route
	1: icmpCodeHostAdminProhibited, // administratively prohibited
	2: ICMPCodeHost,                // beyond scope of source address
	3: ICMPCodeHost,                // address unreachable
	4: ICMPCodePort,                // port unreachable
}

// unreachable6 is the ICMPv6 code of each ICMP "destination unreachable" (RFC
// 7915, section 4.2), but for codes 2 and 4, which become another type.
var unreachable6 = [...]uint8{
	0: icmpv6CodeNoRoute, 1: icmpv6CodeNoRoute, // net, host unreachable
	2: no,                                      // protocol unreachable
	3: icmpv6CodePort,                          // port unreachable
	4: no,                                      // fragmentation needed
	5: icmpv6CodeNoRoute,                       // source route failed
	6: icmpv6CodeNoRoute, 7: icmpv6CodeNoRoute, // net, host unknown
	8: icmpv6CodeNoRoute,                              // source host isolated
	9: icmpv6CodeProhibited, 10: icmpv6CodeProhibited, // net, host prohibited
	11: icmpv6CodeNoRoute, 12: icmpv6CodeNoRoute, // net, host unreachable for TOS
	13: icmpv6CodeProhibited, // communication prohibited
	14: no,                   // host precedence violation
	15: icmpv6CodeProhibited, // precedence cutoff
}

const (
	icmpCodeHostAdminProhibited = 10
	icmpCodePointer             = 0 // of a parameter problem: the pointer shows it
	icmpCodeBadLength           = 2 // of a parameter problem

	icmpv6CodeNoRoute     = 0
	icmpv6CodeProhibited  = 1
	icmpv6CodePort        = 4
	icmpv6CodeHeaderField = 0 // of a parameter problem: erroneous field
	icmpv6CodeNextHeader  = 1 // of a parameter problem: unrecognized next header
)

// pointer6 is where in the IPv6 header the field lies that an IPv4 pointer shows
// (RFC 7915, section 4.2, figure 3).
var pointer6 = [IPv4HeaderLen]uint8{
	0: 0,       // version, IHL: version, traffic class
	1: 1,       // TOS: traffic class, flow label
	2: 4, 3: 4, // total length: payload length
	4: no, 5: no, // identification
	6: no, 7: no, // flags, fragment offset
	8:  7,          // TTL: hop limit
	9:  6,          // protocol: next header
	10: no, 11: no, // header checksum
	12: 8, 13: 8, 14: 8, 15: 8, // source
	16: 24, 17: 24, 18: 24, 19: 24, // destination
}

// pointer4 is the field of the IPv4 header that an IPv6 pointer shows (RFC 7915,
// section 5.2, figure 6).
func pointer4(pointer uint32) uint8 {
	switch {
	case pointer == 0: // version, traffic class: version, IHL
		return 0
	case pointer == 1: // traffic class, flow label: TOS
		return 1
	case pointer == 4 || pointer == 5: // payload length: total length
		return 2
	case pointer == 6: // next header: protocol
		return 9
	case pointer == 7: // hop limit: TTL
		return 8
	case pointer >= 8 && pointer < 24: // source
		return 12
	case pointer >= 24 && pointer < IPv6HeaderLen: // destination
		return 16
	}
	return no // flow label, extensions
}

// errorTo4 is the ICMP error for an ICMPv6 error (RFC 7915, section 5.2); ok is
// false where there is none. fragment says whether the quoted packet has a
// fragment header.
func errorTo4(icmp ICMPv6, fragment bool, largest int) (f ICMPFields, ok bool) {
	switch icmp.Type() {
	case ICMPv6Unreachable:
		if code := int(icmp.Code()); code < len(unreachable4) {
			return ICMPFields{Type: ICMPUnreachable, Code: unreachable4[code]}, true
		}
	case ICMPv6PacketTooBig:
		mtu := mtu4(icmp.Info(), fragment, largest)
		return ICMPFields{Type: ICMPUnreachable, Code: ICMPCodeFragNeeded, Info: uint32(mtu)}, true
	case ICMPv6TimeExceeded:
		return ICMPFields{Type: ICMPTimeExceeded, Code: icmp.Code()}, true
	case ICMPv6ParameterProblem:
		switch icmp.Code() {
		case icmpv6CodeHeaderField:
			if p := pointer4(icmp.Info()); p != no {
				return ICMPFields{Type: ICMPParameterProblem, Code: icmpCodePointer, Info: uint32(p) << 24}, true
			}
		case icmpv6CodeNextHeader:
			return ICMPFields{Type: ICMPUnreachable, Code: ICMPCodeProtocol}, true
		}
	}
	return ICMPFields{}, false
}

// errorTo6 is the ICMPv6 error for an ICMP error about a packet of quoted bytes
// (RFC 7915, section 4.2); ok is false where there is none.
func errorTo6(icmp ICMP, quoted, largest int) (f ICMPFields, ok bool) {
	code := icmp.Code()
	switch icmp.Type() {
	case ICMPUnreachable:
		switch {
		case code == ICMPCodeProtocol: // "make the Pointer point to the IPv6 Next Header field"
			return ICMPFields{Type: ICMPv6ParameterProblem, Code: icmpv6CodeNextHeader, Info: 6}, true
		case code == ICMPCodeFragNeeded:
			mtu := mtu6(int(icmp.Info()&0xffff), quoted, largest)
			return ICMPFields{Type: ICMPv6PacketTooBig, Info: uint32(mtu)}, true
		case int(code) < len(unreachable6) && unreachable6[code] != no:
			return ICMPFields{Type: ICMPv6Unreachable, Code: unreachable6[code]}, true
		}
	case ICMPTimeExceeded:
		return ICMPFields{Type: ICMPv6TimeExceeded, Code: code}, true
	case ICMPParameterProblem:
		pointer := icmp[4]
		if (code == icmpCodePointer || code == icmpCodeBadLength) && int(pointer) < len(pointer6) && pointer6[pointer] != no {
			return ICMPFields{Type: ICMPv6ParameterProblem, Code: icmpv6CodeHeaderField, Info: uint32(pointer6[pointer])}, true
		}
	}
	return ICMPFields{}, false
}
