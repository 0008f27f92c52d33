package packet

import "hyperplane/telemetry/drop"

// Fragments cuts a packet without DF into fragments that fit an MTU (RFC 791, section 2.3 and the procedure in 3.2).
// It is the slow path: bytes are copied and checksums finished, since the receiver gets no metadata with a fragment.
//
//	[IP opts|           L4 header and data, L bytes            ]
//	[IP opts| 0 … d-1 ] MF  [IP copied opts| d … 2d-1 ] MF  …  [IP copied opts| rest ]
//
// d is the largest multiple of 8 for which the first fragment fits. Later fragments carry only the options whose copied
// flag is set (RFC 791, section 3.1). Cutting a fragment again counts on from its offset and keeps its MF.
//
// A superpacket is cut into its segments first ([Pieces]), each with its own identification, and then each of those:
// piece i is fragment i mod f of segment i / f.
//
// The zero value is ready; a Fragments is reused and refers to the packet until the next Plan.
type Fragments struct {
	segments Pieces
	partial  bool
	ipLen    int // IP header of first fragments
	laterLen int // IP header of the others: fewer options
	step     int // payload bytes of a fragment, a multiple of 8
	each     int // fragments of a segment but the last
	n        int
	later    [IPv4HeaderMax]byte // the header of the others, before length, offset and checksum

	// The segment being cut, made when its first fragment is asked for.
	current int // -1: none
	headLen int
	head    [HeadMax]byte
	body    []byte
}

// Plan decides how p is cut for mtu. A packet that fits is one piece. With DF set (RFC 791; RFC 1191 asks the sender
// for that) or an MTU without room for 8 bytes of payload the answer is drop.TooBig. v is p decoded.
func (f *Fragments) Plan(p *Packet, v *View, mtu int) drop.Reason {
	f.n, f.current, f.partial = 0, -1, p.Offload.Partial
	whole := PacketMax
	if p.Offload.GSO != GSONone {
		whole = v.HeadLen + int(p.Offload.GSOSize)
	}
	if r := f.segments.Plan(p, whole); r != drop.None {
		return r
	}
	ip := v.IP
	f.ipLen = ip.HeaderLen()
	largest := min(len(ip), whole) // of the segments
	if largest <= mtu {
		f.each, f.n, f.step = 1, f.segments.N(), PacketMax
		return drop.None
	}
	if ip.DontFragment() || mtu < f.ipLen+fragmentUnit {
		return drop.TooBig
	}
	if ip.FragmentOffset()+len(ip)-f.ipLen > PacketMax {
		return drop.FragmentMalformed // would end beyond what an offset can say
	}
	f.step = (mtu - f.ipLen) / fragmentUnit * fragmentUnit
	f.each = ceilDiv(largest-f.ipLen, f.step)
	last := len(ip) - (f.segments.N()-1)*f.segments.step // the last segment's length; step is 0 where there is only one
	f.n = (f.segments.N()-1)*f.each + ceilDiv(last-f.ipLen, f.step)
	f.laterLen = copyHeader(f.later[:], ip)
	return drop.None
}

// N is the number of pieces, 0 before Plan succeeded.
func (f *Fragments) N() int { return f.n }

// Piece writes piece i, complete with its checksums, into dst and returns its length, or 0 if dst is shorter than it
// or i is none of the pieces. dst must not overlap the packet.
func (f *Fragments) Piece(i int, dst []byte) int {
	if uint(i) >= uint(f.n) {
		return 0
	}
	segment := min(i/f.each, f.segments.N()-1)
	if segment != f.current && !f.load(segment) {
		return 0
	}
	l4 := f.head[f.ipLen:f.headLen]
	total := len(l4) + len(f.body)
	from := (i - segment*f.each) * f.step
	to := min(from+f.step, total)

	header := f.head[:f.ipLen]
	if from > 0 {
		header = f.later[:f.laterLen]
	}
	n := len(header) + to - from
	if len(dst) < n {
		return 0
	}
	copy(dst, header)
	at := len(header)
	if from < len(l4) {
		at += copy(dst[at:n], l4[from:])
	}
	copy(dst[at:n], f.body[max(0, from-len(l4)):])

	ip := IPv4(dst[:n])
	put16(ip[2:], uint16(n))
	put16(ip[4:], be16(f.head[4:])) // the segment's identification
	// The last piece of a fragment is followed by what followed the fragment.
	flags := be16(f.head[6:])
	if to < total {
		flags |= ipv4MoreFragments
	}
	put16(ip[6:], flags+uint16(from/fragmentUnit))
	sealIPv4(ip[:len(header)])
	return n
}

// load makes a segment's header and finishes its checksum: a fragment cannot say that it is partial.
func (f *Fragments) load(segment int) bool {
	n, body, off := f.segments.Piece(segment, f.head[:])
	if n == 0 {
		return false
	}
	f.current, f.headLen, f.body = segment, n, body
	if f.partial {
		// The field is written anew, not trusted: it may be what an instance made up.
		at := f.ipLen + int(off.CsumOffset)
		if at+2 > n {
			return false
		}
		put16(f.head[at:], Fold(pseudoSumOf(f.head[:n], n-f.ipLen+len(body))))
		sum := Fold(Sum(body, Sum(f.head[f.ipLen:n], 0)))
		put16(f.head[at:], udpNonZero(^sum)) // RFC 768; for TCP both forms of zero mean the same
	}
	return true
}

// copyHeader writes into dst the header that fragments other than the first carry and returns its length: 20 bytes and
// the options whose copied flag is set. It ends at an option it cannot step over.
func copyHeader(dst []byte, ip IPv4) int {
	const copied = 0x80
	n := copy(dst, ip[:IPv4HeaderLen])
	options := ip.Options()
	for i := 0; i < len(options) && options[i] != 0; {
		length := 1 // no-operation
		if options[i] != 1 {
			if i+1 >= len(options) {
				break
			}
			length = int(options[i+1])
			if length < 2 || i+length > len(options) {
				break
			}
		}
		if options[i]&copied != 0 {
			n += copy(dst[n:], options[i:i+length])
		}
		i += length
	}
	for n%4 != 0 {
		dst[n] = 0
		n++
	}
	dst[0] = 4<<4 | uint8(n/4)
	return n
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
