package packet

import "hyperplane/telemetry/drop"

// Fragments6 cuts an IPv6 packet into fragments that fit an MTU, as its source would (RFC 8200, section 4.5): for who
// has reassembled it to look at its ports and has to hand it on. Bytes are copied and a partial checksum finished.
//
//	[ per-fragment headers |        the rest, L bytes          ]
//	[ per-fragment headers | fragment header M 0 | 0 … d-1     ]
//	[ per-fragment headers | fragment header M d | d … 2d-1    ]  …
//
// The per-fragment headers, which every fragment carries, are "all headers up to and including the Routing header if
// present, else the Hop-by-Hop Options header if present, else no extension headers": what a node on the way may look
// at. Destination options that no routing header follows are for the destination alone; they go into the first
// fragment, as does the transport header: a source MUST put "the entire IPv6 Header Chain" there (RFC 7112, section 5).
// d is the largest multiple of 8 that fits.
//
// The header of an atomic fragment gives way to the new one, at its place.
//
// The zero value is ready; a Fragments6 is reused and refers to the packet until the next Plan.
type Fragments6 struct {
	ip     IPv6
	head   int // length of the per-fragment headers
	nextAt int // where their last next-header field lies
	bodyAt int // where the rest begins in ip
	step   int // bytes of the rest in a fragment, a multiple of 8
	n      int
	id     uint32
	proto  uint8 // what the rest begins with
	csumAt int   // where in ip csum goes, 0: nowhere
	csum   uint16
}

// Plan decides how p is cut for mtu. id is the identification: the caller chooses one that source and destination have
// not used lately, and that nobody can guess (RFC 7739). A packet that fits is one piece. v is p decoded.
//
// The answer is drop.TooBig for an MTU below IPv6MTUMin, which no link has; for a superpacket, which is cut into
// segments instead; for a packet that does not fit and is no whole TCP, UDP or echo; and for headers that leave no room
// in the first fragment.
func (f *Fragments6) Plan(p *Packet, v *View6, mtu int, id uint32) drop.Reason {
	*f = Fragments6{}
	if mtu < IPv6MTUMin || p.Offload.GSO != GSONone {
		return drop.TooBig
	}
	c := Fragments6{ip: v.IP, id: id, n: 1}
	if len(v.IP) > mtu {
		switch v.Kind {
		case KindTCP, KindUDP, KindEcho:
		default:
			return drop.TooBig
		}
		if c.head = v.ext.fragment; c.head != 0 {
			c.bodyAt, c.proto = v.ext.end, v.ext.proto
			c.nextAt = lastNextHeader(v.IP[:c.head])
		} else {
			c.head = perFragmentLen(v.IP[:v.ext.end])
			c.nextAt = lastNextHeader(v.IP[:c.head])
			c.bodyAt, c.proto = c.head, v.IP[c.nextAt]
		}
		c.step = (mtu - c.head - fragmentHeaderLen) / fragmentUnit * fragmentUnit
		if c.bodyAt+c.step < v.HeadLen {
			return drop.TooBig
		}
		c.n = ceilDiv(len(v.IP)-c.bodyAt, c.step)
	}
	if p.Offload.Partial {
		c.csumAt, c.csum = v.ext.end+v.checksumOffset(), v.finishedChecksum(v.L4, 0)
	}
	*f = c
	return drop.None
}

// N is the number of pieces, 0 before Plan succeeded.
func (f *Fragments6) N() int { return f.n }

// Piece writes piece i into dst and returns its length, or 0 if dst is shorter than it or i is none of the pieces. dst
// must not overlap the packet.
func (f *Fragments6) Piece(i int, dst []byte) int {
	if uint(i) >= uint(f.n) {
		return 0
	}
	if f.n == 1 {
		if len(dst) < len(f.ip) {
			return 0
		}
		n := copy(dst, f.ip)
		f.putChecksum(dst[:n], 0)
		return n
	}
	body := f.ip[f.bodyAt:]
	from := i * f.step
	to := min(from+f.step, len(body))
	at := f.head + fragmentHeaderLen
	n := at + to - from
	if len(dst) < n {
		return 0
	}
	copy(dst, f.ip[:f.head])
	dst[f.nextAt] = extFragment
	IPv6(dst).SetPayloadLen(n - IPv6HeaderLen)
	putFragmentHeader(dst[f.head:], f.proto, from, to < len(body), f.id)
	copy(dst[at:n], body[from:to])
	if i == 0 {
		f.putChecksum(dst[:n], at-f.bodyAt)
	}
	return n
}

// putChecksum writes the finished checksum, if the packet's was partial, into a packet in which it lies moved bytes
// further.
func (f *Fragments6) putChecksum(b []byte, moved int) {
	if f.csumAt != 0 {
		put16(b[f.csumAt+moved:], f.csum)
	}
}
