package packet

import "hyperplane/telemetry/drop"

// IPv4 is an IPv4 packet, header first (RFC 791, section 3.1):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+---------------+-------------------------------+
//	|Version|  IHL  |      TOS      |         Total length          |  0
//	+-------+-------+---------------+-----+-------------------------+
//	|        Identification         |0 D M|    Fragment offset      |  4
//	+---------------+---------------+-----+-------------------------+
//	|      TTL      |   Protocol    |        Header checksum        |  8
//	+---------------+---------------+-------------------------------+
//	|                        Source address                         | 12
//	+---------------------------------------------------------------+
//	|                      Destination address                      | 16
//	+---------------------------------------------------------------+
//	|                   Options, up to 40 bytes                     | 20
//	+---------------------------------------------------------------+
//
// The methods may be called only on what NewIPv4 accepted, or, for Encode and
// the setters after it, on at least IPv4HeaderLen bytes.
type IPv4 []byte

// Bits of the word at offset 6.
const (
	ipv4DontFragment  = 0x4000
	ipv4MoreFragments = 0x2000
	ipv4OffsetMask    = 0x1fff
)

// NewIPv4 checks version, IHL, total length and header checksum (RFC 1812,
// section 5.2.2) and returns b without what follows the total length, such as
// Ethernet's padding.
func NewIPv4(b []byte) (IPv4, drop.Reason) {
	if len(b) < IPv4HeaderLen {
		return nil, drop.TooShort
	}
	if b[0]>>4 != 4 {
		return nil, drop.BadVersion
	}
	hl := int(b[0]&0xf) * 4
	if hl < IPv4HeaderLen || hl > len(b) {
		return nil, drop.BadHeaderLength
	}
	total := int(be16(b[2:]))
	if total < hl || total > len(b) {
		return nil, drop.BadTotalLength
	}
	if Fold(Sum(b[:hl], 0)) != 0xffff {
		return nil, drop.BadHeaderChecksum
	}
	return IPv4(b[:total]), drop.None
}

// HeaderLen is the header's length in bytes, options included.
func (h IPv4) HeaderLen() int { return int(h[0]&0xf) * 4 }

// TOS is the type of service octet: DSCP and ECN.
func (h IPv4) TOS() uint8 { return h[1] }

// TotalLen is the packet's length in bytes as its header says.
func (h IPv4) TotalLen() int { return int(be16(h[2:])) }

// ID is the identification shared by the fragments of one packet.
func (h IPv4) ID() uint16 { return be16(h[4:]) }

// DontFragment is the DF bit.
func (h IPv4) DontFragment() bool { return be16(h[6:])&ipv4DontFragment != 0 }

// MoreFragments is the MF bit.
func (h IPv4) MoreFragments() bool { return be16(h[6:])&ipv4MoreFragments != 0 }

// FragmentOffset is where this fragment's data begins, in bytes.
func (h IPv4) FragmentOffset() int { return int(be16(h[6:])&ipv4OffsetMask) * 8 }

// IsFragment reports whether the packet is a fragment, the first included.
func (h IPv4) IsFragment() bool { return be16(h[6:])&(ipv4MoreFragments|ipv4OffsetMask) != 0 }

// TTL is the time to live.
func (h IPv4) TTL() uint8 { return h[8] }

// Protocol is the number of the payload's protocol.
func (h IPv4) Protocol() uint8 { return h[9] }

// Checksum is the header checksum. It is always complete, also where the
// transport checksum is partial.
func (h IPv4) Checksum() uint16 { return be16(h[10:]) }

// Src is the source address.
func (h IPv4) Src() Addr4 { return addrAt(h[12:]) }

// Dst is the destination address.
func (h IPv4) Dst() Addr4 { return addrAt(h[16:]) }

// Options is the part of the header beyond 20 bytes.
func (h IPv4) Options() []byte { return h[IPv4HeaderLen:h.HeaderLen()] }

// Payload is what follows the header, up to the total length.
func (h IPv4) Payload() []byte { return h[h.HeaderLen():h.TotalLen()] }

// set16 changes the word at off and the header checksum with it.
func (h IPv4) set16(off int, v uint16) {
	put16(h[10:], amend(be16(h[10:]), change16(be16(h[off:]), v)))
	put16(h[off:], v)
}

func (h IPv4) set32(off int, v uint32) {
	put16(h[10:], amend(be16(h[10:]), change32(be32(h[off:]), v)))
	put32(h[off:], v)
}

// The setters keep a valid header checksum valid (RFC 1624) and a wrong one
// wrong. None of them touches the transport checksum.

// SetTOS sets DSCP and ECN.
func (h IPv4) SetTOS(v uint8) { h.set16(0, uint16(h[0])<<8|uint16(v)) }

// SetTotalLen sets the total length.
func (h IPv4) SetTotalLen(n int) { h.set16(2, uint16(n)) }

// SetID sets the identification.
func (h IPv4) SetID(v uint16) { h.set16(4, v) }

// SetFragment sets DF, MF and the offset (in bytes, a multiple of 8). The
// reserved bit becomes zero.
func (h IPv4) SetFragment(dontFragment, moreFragments bool, offset int) {
	h.set16(6, fragmentWord(dontFragment, moreFragments, offset))
}

// SetTTL sets the time to live.
func (h IPv4) SetTTL(v uint8) { h.set16(8, uint16(v)<<8|uint16(h[9])) }

// SetSrc sets the source address.
func (h IPv4) SetSrc(a Addr4) { h.set32(12, uint32(a)) }

// SetDst sets the destination address.
func (h IPv4) SetDst(a Addr4) { h.set32(16, uint32(a)) }

// IPv4Fields is what Encode writes.
type IPv4Fields struct {
	TOS            uint8
	TotalLen       int // bytes, header included
	ID             uint16
	DontFragment   bool
	MoreFragments  bool
	FragmentOffset int // bytes, a multiple of 8
	TTL            uint8
	Protocol       uint8
	Src, Dst       Addr4
}

// Encode writes a header of 20 bytes, without options, with its checksum.
func (h IPv4) Encode(f IPv4Fields) {
	_ = h[IPv4HeaderLen-1]
	h[0] = 4<<4 | IPv4HeaderLen/4
	h[1] = f.TOS
	put16(h[2:], uint16(f.TotalLen))
	put16(h[4:], f.ID)
	put16(h[6:], fragmentWord(f.DontFragment, f.MoreFragments, f.FragmentOffset))
	h[8] = f.TTL
	h[9] = f.Protocol
	put16(h[10:], 0)
	putAddr(h[12:], f.Src)
	putAddr(h[16:], f.Dst)
	put16(h[10:], Checksum(h[:IPv4HeaderLen], 0))
}

// UpdateChecksum computes the header checksum anew, for headers that were
// written by hand (options).
func (h IPv4) UpdateChecksum() {
	put16(h[10:], 0)
	put16(h[10:], Checksum(h[:h.HeaderLen()], 0))
}

func fragmentWord(dontFragment, moreFragments bool, offset int) uint16 {
	w := uint16(offset/8) & ipv4OffsetMask
	if dontFragment {
		w |= ipv4DontFragment
	}
	if moreFragments {
		w |= ipv4MoreFragments
	}
	return w
}

// Option types that make routers follow a route chosen by the sender.
const (
	optEnd               = 0
	optNop               = 1
	optLooseSourceRoute  = 131
	optStrictSourceRoute = 137
)

// checkOptions refuses source routes (RFC 7126, sections 4.3 and 4.4: such
// packets should be dropped) and options that cannot be walked to their end.
// All other options pass untouched.
func (h IPv4) checkOptions() drop.Reason {
	for o := h.Options(); len(o) > 0; {
		switch o[0] {
		case optEnd:
			return drop.None
		case optNop:
			o = o[1:]
			continue
		case optLooseSourceRoute, optStrictSourceRoute:
			return drop.SourceRoute
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			return drop.BadHeaderLength
		}
		o = o[o[1]:]
	}
	return drop.None
}
