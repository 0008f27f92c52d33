package packet

import "hyperplane/telemetry/drop"

// Extension headers that a translator steps over (RFC 7915, section 5.1), and
// the one that it translates (5.1.1). All others end the walk as a protocol that
// is not carried: IPsec's among them, whose headers have no counterpart once
// addresses change, and "no next header".
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extDestination = 60
)

// fragmentHeaderLen is the length of IPv6's fragment header (RFC 8200, section 4.5):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+-------------------------+---+-+
//	|  Next header  |   Reserved    |     Fragment offset     |Res|M|  0
//	+---------------+---------------+-------------------------+---+-+
//	|                        Identification                         |  4
//	+---------------------------------------------------------------+
const fragmentHeaderLen = 8

const (
	fragment6More       = 1
	fragment6OffsetMask = 0xfff8
)

// extensions is what lies between an IPv6 header and the transport header.
type extensions struct {
	proto    uint8 // the transport's
	end      int   // where the transport header begins
	fragment int   // where the fragment header lies; 0: nowhere
}

// walkExtensions follows the chain of headers of a packet, or of one that is
// quoted and cut short, of at least IPv6HeaderLen bytes.
//
// "If any of an IPv6 Hop-by-Hop Options header, Destination Options header, or
// Routing header with the Segments Left field equal to zero are present, those
// IPv6 extension headers MUST be ignored by the translator and the packet
// translated normally" (RFC 7915, section 5.1). What stands behind a fragment
// header is not looked into: an extension header there "SHOULD be dropped and
// logged" (5.1.1), and is so as an unknown protocol, as are hop-by-hop options
// that do not come first (RFC 8200, section 4.1).
func walkExtensions(b []byte) (x extensions, r drop.Reason) {
	x = extensions{proto: b[6], end: IPv6HeaderLen}
	for n := 0; ; n++ {
		switch x.proto {
		case extHopByHop:
			if n > 0 {
				return x, drop.None
			}
		case extRouting, extDestination, extFragment:
		default:
			return x, drop.None
		}
		if n == ipv6ExtensionsMax || len(b) < x.end+8 {
			return x, drop.BadHeaderLength
		}
		h := b[x.end:]
		if x.proto == extFragment {
			return extensions{proto: h[0], end: x.end + fragmentHeaderLen, fragment: x.end}, drop.None
		}
		size := 8 + int(h[1])*8
		if len(h) < size {
			return x, drop.BadHeaderLength
		}
		// "If a Routing header with a non-zero Segments Left field is present, then
		// the packet MUST NOT be translated."
		if x.proto == extRouting && h[3] != 0 {
			return x, drop.SourceRoute
		}
		x.proto, x.end = h[0], x.end+size
	}
}

// fragmentHeader reads a fragment header.
func fragmentHeader(b []byte) (offset int, more bool, id uint32) {
	w := be16(b[2:])
	return int(w & fragment6OffsetMask), w&fragment6More != 0, be32(b[4:])
}

// putFragmentHeader writes a fragment header; offset is in bytes, a multiple of 8.
func putFragmentHeader(b []byte, proto uint8, offset int, more bool, id uint32) {
	_ = b[fragmentHeaderLen-1]
	w := uint16(offset)
	if more {
		w |= fragment6More
	}
	b[0], b[1] = proto, 0
	put16(b[2:], w)
	put32(b[4:], id)
}

// lastNextHeader is where the byte lies that says what follows head, an IPv6 header and extension headers, none of
// them a fragment header, that walkExtensions has accepted.
func lastNextHeader(head []byte) int {
	at, next := 6, IPv6HeaderLen
	for next < len(head) {
		at, next = next, next+8+int(head[next+1])*8
	}
	return at
}

// perFragmentLen is the length of the headers that every fragment of a packet has (RFC 8200, section 4.5). headers are
// the packet's up to the transport header, none of them a fragment header, that walkExtensions has accepted.
func perFragmentLen(headers []byte) int {
	n, proto := IPv6HeaderLen, headers[6]
	for at := IPv6HeaderLen; at < len(headers); {
		next := at + 8 + int(headers[at+1])*8
		if proto == extHopByHop || proto == extRouting {
			n = next
		}
		proto, at = headers[at], next
	}
	return n
}
