package packet

// An ICMP error may carry a structure of extensions behind the packet that it
// quotes (RFC 4884, section 5). Then a length attribute says where the quote
// ends, which is padded with zeros to a multiple of the attribute's unit, and to
// 128 bytes at least:
//
//	          attribute   unit   in the messages
//	ICMP      byte 5      4      unreachable, time exceeded, parameter problem
//	ICMPv6    byte 4      8      unreachable, time exceeded
//
//	[ type code csum | length … | quoted packet, padding | extensions ]
//	                            ╰── length × unit ───────╯
//
// Translation changes the quote's length and so the attribute, which "MUST be
// adjusted accordingly"; the extensions are "opaque bit strings" (RFC 7915,
// sections 4.2 and 5.2). "Packet too big" and ICMPv6's "parameter problem" have no
// attribute: there the extensions are left behind.
const (
	lengthUnit4      = 4
	lengthUnit6      = 8
	originalLenMin   = 128
	extensionVersion = 2
)

// originalLen is the length of the quote in an error: what follows the header,
// without extensions.
func (h ICMP) originalLen() int {
	return originalLen(h, int(h[5])*lengthUnit4)
}

func (h ICMPv6) originalLen() int {
	switch h.Type() {
	case ICMPv6Unreachable, ICMPv6TimeExceeded:
		return originalLen(h, int(h[4])*lengthUnit6)
	}
	return len(h) - ICMPHeaderLen
}

// originalLen is the length that the attribute gives to the quote, if extensions
// stand there; else all is quote. A header of extensions has 4 bytes and begins
// with its version (RFC 4884, section 7).
func originalLen(msg []byte, length int) int {
	quote := msg[ICMPHeaderLen:]
	if length < originalLenMin || length+4 > len(quote) || quote[length]>>4 != extensionVersion {
		return len(quote)
	}
	return length
}

// refit makes the end of an error fit behind a quoted IP header of another
// length. At buf[at:] stand body, what the quote holds behind its IP header, and
// then the extensions; header is the length that the IP header will have, and
// longest what quote and extensions may have together. It returns where body
// begins now, the end of all, and the length of the quote if extensions follow,
// else 0. At most as many bytes before at are used as padding takes.
//
// What does not fit is cut off the quote. Extensions that would leave it less
// than 128 bytes "SHOULD be simply truncated" (RFC 7915, section 4.2): they are
// left behind.
func refit(buf []byte, at, body, header, unit, longest int) (newAt, end, original int) {
	extensions := len(buf) - at - body
	if extensions > longest-originalLenMin {
		extensions = 0
	}
	if extensions == 0 {
		return at, at + min(body, longest-header), 0
	}
	original = (max(originalLenMin, header+body) + unit - 1) / unit * unit
	original = min(original, (longest-extensions)/unit*unit)
	if original-header <= body {
		end = at + original - header
		return at, end + copy(buf[end:], buf[at+body:]), original
	}
	padding := original - header - body
	copy(buf[at-padding:], buf[at:at+body])
	clear(buf[at+body-padding : at+body])
	return at - padding, len(buf), original
}
