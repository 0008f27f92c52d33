package packet

import "hyperplane/telemetry/drop"

// ICMPv6 is an ICMPv6 message, header first (RFC 4443, section 2.1). Its layout
// is ICMP's; its checksum covers the IPv6 pseudo header too.
type ICMPv6 []byte

// Types of ICMPv6 messages (RFC 4443). Errors have types below 128.
const (
	ICMPv6Unreachable      = 1
	ICMPv6PacketTooBig     = 2
	ICMPv6TimeExceeded     = 3
	ICMPv6ParameterProblem = 4
	ICMPv6EchoRequest      = 128
	ICMPv6EchoReply        = 129
)

// Codes of ICMPv6Unreachable (RFC 4443, section 3.1).
const (
	ICMPv6CodeNoRoute = 0
	ICMPv6CodePort    = 4
)

// NewICMPv6 checks that the 8 bytes of the header are there.
func NewICMPv6(b []byte) (ICMPv6, drop.Reason) {
	if len(b) < ICMPHeaderLen {
		return nil, drop.BadL4Length
	}
	return ICMPv6(b), drop.None
}

// Type is the message's type.
func (h ICMPv6) Type() uint8 { return h[0] }

// Code is the message's code.
func (h ICMPv6) Code() uint8 { return h[1] }

// Checksum is the checksum field.
func (h ICMPv6) Checksum() uint16 { return be16(h[icmpChecksumOffset:]) }

// ID is the identifier of an echo.
func (h ICMPv6) ID() uint16 { return be16(h[4:]) }

// Seq is the sequence number of an echo.
func (h ICMPv6) Seq() uint16 { return be16(h[6:]) }

// Info is the word at offset 4 of an error: the MTU of "packet too big".
func (h ICMPv6) Info() uint32 { return be32(h[4:]) }

// Payload is an echo's data, or the packet that an error quotes.
func (h ICMPv6) Payload() []byte { return h[ICMPHeaderLen:] }

// IsEcho reports whether the message is an echo request or reply.
func (h ICMPv6) IsEcho() bool { return h[0] == ICMPv6EchoRequest || h[0] == ICMPv6EchoReply }

// IsError reports whether the message is an error (RFC 4443, section 2.1).
func (h ICMPv6) IsError() bool { return h[0] < 128 }

// SetID sets the identifier of an echo, without its checksum.
func (h ICMPv6) SetID(v uint16) { put16(h[4:], v) }

// SetChecksum sets the checksum field to v as it is.
func (h ICMPv6) SetChecksum(v uint16) { put16(h[icmpChecksumOffset:], v) }

// UpdateChecksum computes the checksum over all of h as the payload of ip.
func (h ICMPv6) UpdateChecksum(ip IPv6) {
	h.SetChecksum(0)
	h.SetChecksum(Checksum(h, ip.PseudoSum(ProtoICMPv6, len(h))))
}

// Encode writes the header with a checksum of zero.
func (h ICMPv6) Encode(f ICMPFields) { ICMP(h).Encode(f) }
