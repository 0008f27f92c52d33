package packet

import "hyperplane/telemetry/drop"

// TCP is a TCP segment, header first (RFC 9293, section 3.1):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+-------------------------------+
//	|          Source port          |       Destination port        |  0
//	+-------------------------------+-------------------------------+
//	|                        Sequence number                        |  4
//	+---------------------------------------------------------------+
//	|                     Acknowledgment number                     |  8
//	+-------+-------+---------------+-------------------------------+
//	|Offset | Rsrvd |C E U A P R S F|            Window             | 12
//	+-------+-------+---------------+-------------------------------+
//	|           Checksum            |        Urgent pointer         | 16
//	+-------------------------------+-------------------------------+
//	|                   Options, up to 40 bytes                     | 20
//	+---------------------------------------------------------------+
//
// The setters do not touch the checksum: whether the field holds a finished
// checksum or a partial one is known to the packet, not to the header. Those
// who change a header under a finished checksum use View's methods, Update16
// or UpdateChecksum.
type TCP []byte

// Flags of the TCP header.
const (
	TCPFin = 1 << iota
	TCPSyn
	TCPRst
	TCPPsh
	TCPAck
	TCPUrg
	TCPEce
	TCPCwr
)

// tcpChecksumOffset is where the checksum field lies in the header.
const tcpChecksumOffset = 16

// NewTCP checks that the header, as long as its data offset says, is there.
func NewTCP(b []byte) (TCP, drop.Reason) {
	if len(b) < TCPHeaderLen {
		return nil, drop.BadL4Length
	}
	if hl := int(b[12]>>4) * 4; hl < TCPHeaderLen || hl > len(b) {
		return nil, drop.BadL4Length
	}
	return TCP(b), drop.None
}

// SrcPort is the source port.
func (h TCP) SrcPort() uint16 { return be16(h) }

// DstPort is the destination port.
func (h TCP) DstPort() uint16 { return be16(h[2:]) }

// Seq is the sequence number of the first byte (or of SYN).
func (h TCP) Seq() uint32 { return be32(h[4:]) }

// Ack is the acknowledgment number.
func (h TCP) Ack() uint32 { return be32(h[8:]) }

// HeaderLen is the header's length in bytes, options included.
func (h TCP) HeaderLen() int { return int(h[12]>>4) * 4 }

// Flags are the eight control bits.
func (h TCP) Flags() uint8 { return h[13] }

// Window is the receive window, unscaled.
func (h TCP) Window() uint16 { return be16(h[14:]) }

// Checksum is the checksum field, finished or partial.
func (h TCP) Checksum() uint16 { return be16(h[tcpChecksumOffset:]) }

// Urgent is the urgent pointer.
func (h TCP) Urgent() uint16 { return be16(h[18:]) }

// Options is the part of the header beyond 20 bytes.
func (h TCP) Options() []byte { return h[TCPHeaderLen:h.HeaderLen()] }

// Payload is what follows the header.
func (h TCP) Payload() []byte { return h[h.HeaderLen():] }

// SetSrcPort sets the source port.
func (h TCP) SetSrcPort(v uint16) { put16(h, v) }

// SetDstPort sets the destination port.
func (h TCP) SetDstPort(v uint16) { put16(h[2:], v) }

// SetSeq sets the sequence number.
func (h TCP) SetSeq(v uint32) { put32(h[4:], v) }

// SetAck sets the acknowledgment number.
func (h TCP) SetAck(v uint32) { put32(h[8:], v) }

// SetFlags sets the eight control bits.
func (h TCP) SetFlags(v uint8) { h[13] = v }

// SetWindow sets the window.
func (h TCP) SetWindow(v uint16) { put16(h[14:], v) }

// SetChecksum sets the checksum field to v as it is.
func (h TCP) SetChecksum(v uint16) { put16(h[tcpChecksumOffset:], v) }

// UpdateChecksum computes the checksum over all of h.
func (h TCP) UpdateChecksum(src, dst Addr4) {
	h.SetChecksum(0)
	h.SetChecksum(Checksum(h, PseudoSum4(src, dst, ProtoTCP, len(h))))
}

// TCPFields is what Encode writes.
type TCPFields struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	HeaderLen        int // bytes, a multiple of 4; 0 means 20
	Flags            uint8
	Window           uint16
	Urgent           uint16
}

// Encode writes the first 20 bytes of the header, with a checksum of zero.
// Options, up to HeaderLen, are written by the caller.
func (h TCP) Encode(f TCPFields) {
	_ = h[TCPHeaderLen-1]
	if f.HeaderLen == 0 {
		f.HeaderLen = TCPHeaderLen
	}
	put16(h, f.SrcPort)
	put16(h[2:], f.DstPort)
	put32(h[4:], f.Seq)
	put32(h[8:], f.Ack)
	h[12] = uint8(f.HeaderLen/4) << 4
	h[13] = f.Flags
	put16(h[14:], f.Window)
	put16(h[16:], 0)
	put16(h[18:], f.Urgent)
}

// Kinds of TCP options that matter here (RFC 9293, section 3.2).
const (
	tcpOptEnd = 0
	tcpOptNop = 1
	tcpOptMSS = 2
)

// mssOffset finds the value of the maximum segment size option and returns its
// offset in the header, or 0 where there is none. Options that cannot be
// walked end the search: they are the receiver's to refuse.
func (h TCP) mssOffset() int {
	end := h.HeaderLen()
	for i := TCPHeaderLen; i < end; {
		switch h[i] {
		case tcpOptEnd:
			return 0
		case tcpOptNop:
			i++
			continue
		}
		if i+1 >= end {
			return 0
		}
		n := int(h[i+1])
		if n < 2 || i+n > end {
			return 0
		}
		if h[i] == tcpOptMSS && n == 4 {
			return i + 2
		}
		i += n
	}
	return 0
}

// MSS is the value of the maximum segment size option, ok is false without one.
func (h TCP) MSS() (mss uint16, ok bool) {
	off := h.mssOffset()
	if off == 0 {
		return 0, false
	}
	return be16(h[off:]), true
}
