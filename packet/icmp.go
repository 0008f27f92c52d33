package packet

import "hyperplane/telemetry/drop"

// ICMP is an ICMP message of IPv4, header first (RFC 792):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+-------------------------------+
//	|     Type      |     Code      |           Checksum            |  0
//	+---------------+---------------+-------------------------------+
//	|   echo: Identifier            |        Sequence number        |  4
//	|   error: unused | next-hop MTU (RFC 1191) | pointer           |
//	+---------------------------------------------------------------+
//	|   echo: data; error: IP header and first bytes of the packet  |  8
//	+---------------------------------------------------------------+
//
// The checksum covers the message alone: ICMP has no pseudo header, so a change
// of addresses leaves it valid. The setters do not touch it.
type ICMP []byte

// Types of ICMP messages.
const (
	ICMPEchoReply        = 0
	ICMPUnreachable      = 3
	ICMPSourceQuench     = 4
	ICMPRedirect         = 5
	ICMPEchoRequest      = 8
	ICMPTimeExceeded     = 11
	ICMPParameterProblem = 12
)

// Codes of ICMPUnreachable (RFC 792; RFC 1812, section 5.2.7.1) and ICMPTimeExceeded.
const (
	ICMPCodeNet               = 0
	ICMPCodeHost              = 1
	ICMPCodeProtocol          = 2
	ICMPCodePort              = 3
	ICMPCodeFragNeeded        = 4
	ICMPCodeAdminProhibited   = 13
	ICMPCodeTTLExceeded       = 0
	ICMPCodeReassemblyTimeout = 1
)

// icmpChecksumOffset is where the checksum field lies in the header.
const icmpChecksumOffset = 2

// NewICMP checks that the 8 bytes of the header are there.
func NewICMP(b []byte) (ICMP, drop.Reason) {
	if len(b) < ICMPHeaderLen {
		return nil, drop.BadL4Length
	}
	return ICMP(b), drop.None
}

// Type is the message's type.
func (h ICMP) Type() uint8 { return h[0] }

// Code is the message's code.
func (h ICMP) Code() uint8 { return h[1] }

// Checksum is the checksum field.
func (h ICMP) Checksum() uint16 { return be16(h[icmpChecksumOffset:]) }

// ID is the identifier of an echo.
func (h ICMP) ID() uint16 { return be16(h[4:]) }

// Seq is the sequence number of an echo.
func (h ICMP) Seq() uint16 { return be16(h[6:]) }

// Info is the word at offset 4 of an error: the next-hop MTU in its lower half
// for "fragmentation needed" (RFC 1191, section 4).
func (h ICMP) Info() uint32 { return be32(h[4:]) }

// Payload is an echo's data, or the packet that an error quotes.
func (h ICMP) Payload() []byte { return h[ICMPHeaderLen:] }

// IsEcho reports whether the message is an echo request or reply.
func (h ICMP) IsEcho() bool { return h[0] == ICMPEchoRequest || h[0] == ICMPEchoReply }

// IsError reports whether the message reports an error about the packet that
// it quotes (RFC 1122, section 3.2.2), carried here or not.
func (h ICMP) IsError() bool {
	switch h[0] {
	case ICMPUnreachable, ICMPSourceQuench, ICMPRedirect, ICMPTimeExceeded, ICMPParameterProblem:
		return true
	}
	return false
}

// SetID sets the identifier of an echo.
func (h ICMP) SetID(v uint16) { put16(h[4:], v) }

// SetChecksum sets the checksum field to v as it is.
func (h ICMP) SetChecksum(v uint16) { put16(h[icmpChecksumOffset:], v) }

// UpdateChecksum computes the checksum over all of h.
func (h ICMP) UpdateChecksum() {
	h.SetChecksum(0)
	h.SetChecksum(Checksum(h, 0))
}

// ICMPFields is what Encode writes. Info is the word at offset 4: an echo's
// identifier in the upper half and sequence number in the lower, or an error's
// next-hop MTU.
type ICMPFields struct {
	Type, Code uint8
	Info       uint32
}

// Encode writes the header with a checksum of zero.
func (h ICMP) Encode(f ICMPFields) {
	_ = h[ICMPHeaderLen-1]
	h[0] = f.Type
	h[1] = f.Code
	put16(h[2:], 0)
	put32(h[4:], f.Info)
}
