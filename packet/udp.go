package packet

import "hyperplane/telemetry/drop"

// UDP is a UDP datagram, header first (RFC 768):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+-------------------------------+
//	|          Source port          |       Destination port        |  0
//	+-------------------------------+-------------------------------+
//	|            Length             |           Checksum            |  4
//	+-------------------------------+-------------------------------+
//
// The setters do not touch the checksum; see TCP.
type UDP []byte

// udpChecksumOffset is where the checksum field lies in the header.
const udpChecksumOffset = 6

// NewUDP checks that the header is there and that its length field is the
// length of b. A datagram that claims less than the IP packet holds is refused,
// because the rest would travel unseen.
func NewUDP(b []byte) (UDP, drop.Reason) {
	if len(b) < UDPHeaderLen || int(be16(b[4:])) != len(b) {
		return nil, drop.BadL4Length
	}
	return UDP(b), drop.None
}

// SrcPort is the source port.
func (h UDP) SrcPort() uint16 { return be16(h) }

// DstPort is the destination port.
func (h UDP) DstPort() uint16 { return be16(h[2:]) }

// Length is the length field: header and data in bytes.
func (h UDP) Length() int { return int(be16(h[4:])) }

// Checksum is the checksum field, finished or partial. Zero means that the
// sender computed none.
func (h UDP) Checksum() uint16 { return be16(h[udpChecksumOffset:]) }

// Payload is what follows the header.
func (h UDP) Payload() []byte { return h[UDPHeaderLen:] }

// SetSrcPort sets the source port.
func (h UDP) SetSrcPort(v uint16) { put16(h, v) }

// SetDstPort sets the destination port.
func (h UDP) SetDstPort(v uint16) { put16(h[2:], v) }

// SetLength sets the length field.
func (h UDP) SetLength(n int) { put16(h[4:], uint16(n)) }

// SetChecksum sets the checksum field to v as it is.
func (h UDP) SetChecksum(v uint16) { put16(h[udpChecksumOffset:], v) }

// UpdateChecksum computes the checksum over all of h. A computed zero is sent
// as 0xffff, since zero means "none" (RFC 768).
func (h UDP) UpdateChecksum(src, dst Addr4) {
	h.SetChecksum(0)
	h.SetChecksum(udpNonZero(Checksum(h, PseudoSum4(src, dst, ProtoUDP, len(h)))))
}

// UDPFields is what Encode writes.
type UDPFields struct {
	SrcPort, DstPort uint16
	Length           int // header and data in bytes
}

// Encode writes the header with a checksum of zero.
func (h UDP) Encode(f UDPFields) {
	_ = h[UDPHeaderLen-1]
	put16(h, f.SrcPort)
	put16(h[2:], f.DstPort)
	put16(h[4:], uint16(f.Length))
	put16(h[6:], 0)
}

func udpNonZero(csum uint16) uint16 {
	if csum == 0 {
		return 0xffff
	}
	return csum
}
