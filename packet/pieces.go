package packet

import "hyperplane/telemetry/drop"

// Pieces cuts one superpacket into packets that fit a path. No payload is copied: a piece is a header, written into
// the caller's buffer, and a part of the superpacket's payload.
//
//	superpacket   [IP|TCP| s0 | s1 | s2 | s3 | s4 ]     GSOSize = one segment, partial checksum
//	                      ╰──┬────╯ ╰──┬────╯ ╰┬─╯
//	k = 2         [IP|TCP| s0 | s1 ]   │       │        still a superpacket, of two segments
//	              [IP|TCP| s2 | s3 ]───╯       │
//	              [IP|TCP| s4 ]────────────────╯        one segment: GSO none, checksum still partial
//
// All pieces hold the same number of whole segments, so that all but the last have equal length, which is what one
// UDP_SEGMENT send takes, and so that the far end can put them together again ([Merge] is the exact inverse).
//
// What differs from piece to piece is what a kernel would write when it cuts: the length, IPv4's identification (one per
// segment) and header checksum, the sequence number, PSH and FIN on the last, CWR on the first (RFC 3168, section 6.1.2:
// once per window), the UDP length and the pseudo sum. IPv6's extension headers are copied: those that may stand before a
// whole packet say nothing about its length.
//
// The zero value is ready. A Pieces is reused: Plan resets every field. It refers to the packet until the next Plan.
type Pieces struct {
	data    []byte  // the packet
	off     Offload // of the superpacket
	ipLen   int     // IP header, and IPv6's extension headers
	headLen int     // up to the payload; of a packet that is not cut, what Piece copies
	mss     int     // payload bytes of a segment
	each    int     // segments of a piece
	step    int     // payload bytes of a piece: each * mss
	n       int
	ipSum   uint64 // of an IPv4 header without length, identification and checksum
	l4Sum   uint64 // of the pseudo header without length
	six     bool
	tcp     bool
}

// Plan decides how p is cut so that no piece's IP length exceeds maxIP. A packet that fits is one piece, itself. A
// packet that does not fit and is no superpacket, or whose single segment does not fit, is drop.TooBig; what cannot be
// cut because its metadata or flags contradict it, or because its headers are longer than [HeadMax], is drop.BadOffload.
// p is decoded: its Offload says where the headers lie.
func (c *Pieces) Plan(p *Packet, maxIP int) drop.Reason {
	*c = Pieces{data: p.Data, off: p.Offload}
	switch {
	case len(c.data) < IPv4HeaderLen:
		return drop.TooShort
	case len(c.data) <= maxIP:
		c.n, c.headLen = 1, min(len(c.data), HeadMax)
		return drop.None
	case p.Offload.GSO == GSONone:
		return drop.TooBig
	case !c.describes(p.Offload):
		return drop.BadOffload
	}
	c.ipLen, c.headLen, c.mss = int(p.Offload.CsumStart), int(p.Offload.HdrLen), int(p.Offload.GSOSize)
	// SYN takes a sequence number of its own and the urgent pointer counts from the segment's, so cutting would change
	// what they mean. No sender offers such a superpacket.
	if c.tcp && c.data[c.ipLen+13]&(TCPSyn|TCPRst|TCPUrg) != 0 {
		return drop.BadOffload
	}
	c.each = (maxIP - c.headLen) / c.mss
	if maxIP < c.headLen || c.each < 1 {
		return drop.TooBig
	}
	c.step = c.each * c.mss
	c.n = ceilDiv(len(c.data)-c.headLen, c.step)
	// What all pieces have in common is summed once; the complements take out what differs (RFC 1624).
	h := c.data
	if c.six {
		c.l4Sum = IPv6(h).PseudoSum(c.proto(), 0)
		return drop.None
	}
	c.ipSum = Sum(h[:c.ipLen], uint64(^be16(h[2:]))+uint64(^be16(h[4:]))+uint64(^be16(h[10:])))
	c.l4Sum = PseudoSum4(addrAt(h[12:]), addrAt(h[16:]), c.proto(), 0)
	return drop.None
}

// describes reports whether o can be true of the superpacket, as it is after Decode; only then may its offsets be used.
func (c *Pieces) describes(o Offload) bool {
	c.six = c.data[0]>>4 == 6
	ipMin, l4Min, l4Max := IPv4HeaderLen, UDPHeaderLen, UDPHeaderLen
	if c.six {
		ipMin = IPv6HeaderLen
	}
	switch o.GSO.Base() {
	case GSOTCPv4, GSOTCPv6:
		if c.six != (o.GSO.Base() == GSOTCPv6) {
			return false
		}
		c.tcp, l4Min, l4Max = true, TCPHeaderLen, TCPHeaderMax
	case GSOUDP:
	default:
		return false
	}
	l4Len := int(o.HdrLen) - int(o.CsumStart)
	return o.Partial && o.GSOSize > 0 && int(o.CsumStart) >= ipMin && l4Len >= l4Min && l4Len <= l4Max &&
		int(o.HdrLen) <= HeadMax && int(o.HdrLen) < len(c.data)
}

func (c *Pieces) proto() uint8 {
	if c.tcp {
		return ProtoTCP
	}
	return ProtoUDP
}

// N is the number of pieces, 0 before Plan succeeded.
func (c *Pieces) N() int { return c.n }

// Piece writes the IP and L4 header of piece i into head and returns its length, the piece's payload, which is a part
// of the superpacket, and its offload metadata. head needs [HeadMax] bytes; n is 0 if it is too short or i is none of
// the pieces. A packet of a single piece is returned as it is, its first bytes in head.
func (c *Pieces) Piece(i int, head []byte) (n int, body []byte, off Offload) {
	if uint(i) >= uint(c.n) || len(head) < c.headLen {
		return 0, nil, Offload{}
	}
	n = copy(head, c.data[:c.headLen])
	if c.n == 1 {
		return n, c.data[n:], c.off
	}
	from := i * c.step
	payload := c.data[c.headLen:]
	body = payload[from:min(from+c.step, len(payload))]
	first, last := i == 0, i == c.n-1

	if c.six {
		put16(head[4:], uint16(n-IPv6HeaderLen+len(body)))
	} else {
		length, id := uint16(n+len(body)), be16(head[4:])+uint16(i*c.each) // counts segments, wraps
		put16(head[2:], length)
		put16(head[4:], id)
		put16(head[10:], ^Fold(c.ipSum+uint64(length)+uint64(id)))
	}

	off = Offload{Partial: true, CsumStart: uint16(c.ipLen)}
	l4 := head[c.ipLen:n]
	if c.tcp {
		off.CsumOffset = tcpChecksumOffset
		seq := be32(l4[4:])
		put32(l4[4:], seq+uint32(from))
		if !last {
			l4[13] &^= TCPFin | TCPPsh
		}
		if !first {
			l4[13] &^= TCPCwr
		}
	} else {
		off.CsumOffset = udpChecksumOffset
		put16(l4[4:], uint16(8+len(body)))
	}
	put16(l4[off.CsumOffset:], Fold(c.l4Sum+uint64(len(l4)+len(body))))
	if len(body) > c.mss {
		off.GSO, off.GSOSize, off.HdrLen = c.off.GSO, c.off.GSOSize, uint16(n)
		if !first {
			off.GSO = off.GSO.Base() // it says that the first segment carries CWR
		}
	}
	return n, body, off
}

// sealIPv4 writes the header checksum of a complete header.
func sealIPv4(h []byte) {
	h[10], h[11] = 0, 0
	put16(h[10:], Checksum(h, 0))
}
