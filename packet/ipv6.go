package packet

import "hyperplane/telemetry/drop"

// IPv6 is an IPv6 packet, header first (RFC 8200, section 3):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+---------------+---------------------------------------+
//	|Version| Traffic class |              Flow label               |  0
//	+-------+---------------+-------+---------------+---------------+
//	|        Payload length         |  Next header  |   Hop limit   |  4
//	+-------------------------------+---------------+---------------+
//	|                   Source address, 16 bytes                    |  8
//	+---------------------------------------------------------------+
//	|                 Destination address, 16 bytes                 | 24
//	+---------------------------------------------------------------+
//
// Extension headers, if any, stand at the begin of the payload; see View6.
type IPv6 []byte

// IsIPv6 reports whether a packet says that it is one. Decode says whether it is right.
func IsIPv6(b []byte) bool { return len(b) > 0 && b[0]>>4 == 6 }

// NewIPv6 checks version and payload length and returns b without what follows
// the payload. Extension headers are not looked at.
func NewIPv6(b []byte) (IPv6, drop.Reason) {
	if len(b) < IPv6HeaderLen {
		return nil, drop.TooShort
	}
	if b[0]>>4 != 6 {
		return nil, drop.BadVersion
	}
	total := IPv6HeaderLen + int(be16(b[4:]))
	if total > len(b) {
		return nil, drop.BadTotalLength
	}
	return IPv6(b[:total]), drop.None
}

// TrafficClass is DSCP and ECN.
func (h IPv6) TrafficClass() uint8 { return uint8(be16(h) >> 4) }

// FlowLabel is the 20-bit flow label.
func (h IPv6) FlowLabel() uint32 { return be32(h) & 0xfffff }

// PayloadLen is the number of bytes after the fixed header.
func (h IPv6) PayloadLen() int { return int(be16(h[4:])) }

// NextHeader is the protocol of what follows the fixed header.
func (h IPv6) NextHeader() uint8 { return h[6] }

// HopLimit is IPv6's time to live.
func (h IPv6) HopLimit() uint8 { return h[7] }

// Src is the source address.
func (h IPv6) Src() Addr6 { return Addr6(h[8:24]) }

// Dst is the destination address.
func (h IPv6) Dst() Addr6 { return Addr6(h[24:40]) }

// Payload is what follows the fixed header.
func (h IPv6) Payload() []byte { return h[IPv6HeaderLen : IPv6HeaderLen+h.PayloadLen()] }

// SetPayloadLen sets the payload length. IPv6 has no header checksum.
func (h IPv6) SetPayloadLen(n int) { put16(h[4:], uint16(n)) }

// SetHopLimit sets the hop limit.
func (h IPv6) SetHopLimit(v uint8) { h[7] = v }

// SetSrc sets the source address; the transport checksum is the caller's matter.
func (h IPv6) SetSrc(a Addr6) { copy(h[8:24], a[:]) }

// SetDst sets the destination address; the transport checksum is the caller's matter.
func (h IPv6) SetDst(a Addr6) { copy(h[24:40], a[:]) }

// PseudoSum is the pseudo-header sum for a payload of proto and l4len bytes.
func (h IPv6) PseudoSum(proto uint8, l4len int) uint64 {
	return PseudoSum6(h[8:24], h[24:40], proto, l4len)
}

// IPv6Fields is what Encode writes.
type IPv6Fields struct {
	TrafficClass uint8
	FlowLabel    uint32 // 20 bits
	PayloadLen   int
	NextHeader   uint8
	HopLimit     uint8
	Src, Dst     Addr6
}

// Encode writes the fixed header.
func (h IPv6) Encode(f IPv6Fields) {
	_ = h[IPv6HeaderLen-1]
	put32(h, 6<<28|uint32(f.TrafficClass)<<20|f.FlowLabel&0xfffff)
	put16(h[4:], uint16(f.PayloadLen))
	h[6] = f.NextHeader
	h[7] = f.HopLimit
	h.SetSrc(f.Src)
	h.SetDst(f.Dst)
}
