package packet

import (
	"bytes"
	"encoding/binary"
)

// Merge is the inverse of [Pieces]: consecutive packets of one flow that continue each other become one superpacket,
// so that the kernel takes 64 KB in one write instead of 45. Nothing is copied: the header of the first packet is
// patched in place and the payloads stay where they are.
//
//	[IP|TCP seq 0   | a ]  Add → true            head      [IP|TCP seq 0 …] patched: length, flags, pseudo sum
//	[IP|TCP seq 1448| b ]  Add → true   ─Emit─▶  bodies    a, b, c
//	[IP|TCP PSH     | c ]  Add → true            offload   GSO, GSOSize = len(a), partial checksum
//	[IP|TCP …       | d ]  Add → false: emit, then Add starts with it
//
// Cutting what was merged gives the packets that came in; that is the rule from which all conditions follow. Equal
// must be: addresses, ports, TOS or traffic class with its ECN bits, flow label, TTL or hop limit, the IP flags, IP and
// TCP options, acknowledgment, window and all TCP flags, but that CWR may stand on the first, and PSH and FIN on the last, which they close. The sequence
// continues. All segments have the size of the first but the last, which may be shorter and closes. SYN, RST and URG
// never merge, and neither does a packet without payload, or of IPv6 with extension headers.
//
// Identifications count up by segment, as a cut writes them. With DF set they are not looked at: such a packet is never
// a fragment and its identification means nothing (RFC 6864, section 4.1; Linux sends 0 on unconnected sockets).
//
// The kernel does not verify the checksum of what is written as a superpacket, so only packets merge whose
// checksums are all partial, or all complete and verified here. UDP without a checksum never merges.
//
// The zero value is ready and empty.
type Merge struct {
	head     []byte // of the first packet, aliases it
	off      Offload
	n        int  // packets held
	ipLen    int  // IP header
	total    int  // IP length of what Emit gives
	mss      int  // payload bytes of a segment
	segs     int  // segments held
	six      bool // IPv6
	tcp      bool // else UDP, if open
	open     bool // may be continued
	verified bool // first packet's complete checksum was verified
	closing  uint8
	seq      uint32
	bodies   [MergeBodiesMax][]byte
}

// N is the number of packets held.
func (m *Merge) N() int { return m.n }

// Add takes the packet if it continues those before it, or if Merge is empty. On false nothing has changed: the caller
// emits what is held and adds the packet anew. p is decoded, and kind and headLen are what its view says. The packet's
// bytes are borrowed until Emit's results are no longer used.
func (m *Merge) Add(p *Packet, kind Kind, headLen int) bool {
	if m.n == 0 {
		m.start(p, kind, headLen)
		return true
	}
	if !m.open {
		return false
	}
	return m.join(p, headLen)
}

// start holds the first packet, whatever it is, and decides whether anything may follow.
func (m *Merge) start(p *Packet, kind Kind, headLen int) {
	data := p.Data
	headLen = min(headLen, len(data))
	m.head, m.off, m.n = data[:headLen], p.Offload, 1
	m.bodies[0] = data[headLen:]
	m.total = len(data)
	m.open, m.verified, m.closing = false, false, 0

	payload := len(data) - headLen
	if payload == 0 {
		return
	}
	m.six, m.tcp = data[0]>>4 == 6, kind == KindTCP
	gso := p.Offload.GSO.Base()
	if !m.tcp && kind != KindUDP || gso != GSONone && gso != m.gso() {
		return
	}
	if !m.six {
		m.ipLen = int(data[0]&0x0f) * 4
	} else if m.ipLen = IPv6HeaderLen; data[6] != m.proto() {
		return // an extension header
	}
	l4 := m.head[min(m.ipLen, headLen):]
	m.mss, m.segs = payload, 1
	if gso != GSONone {
		m.mss = int(p.Offload.GSOSize)
		if m.mss == 0 || !p.Offload.Partial {
			return
		}
		m.segs = ceilDiv(payload, m.mss)
		if payload%m.mss != 0 {
			return // ends with a short segment
		}
	}
	if m.tcp {
		if len(l4) < 20 || l4[13]&(TCPSyn|TCPRst|TCPUrg|TCPFin|TCPPsh) != 0 {
			return
		}
		m.seq = be32(l4[4:]) + uint32(payload)
	} else if len(l4) != 8 || !p.Offload.Partial && l4[6] == 0 && l4[7] == 0 {
		return
	}
	m.open = true
}

// gso is the type of the superpacket that is made.
func (m *Merge) gso() GSOType {
	switch {
	case !m.tcp:
		return GSOUDP
	case m.six:
		return GSOTCPv6
	}
	return GSOTCPv4
}

func (m *Merge) proto() uint8 {
	if m.tcp {
		return ProtoTCP
	}
	return ProtoUDP
}

// Bits of an IPv4 header that must be equal, as two big-endian words from its start:
//
//	ver ihl tos |  length   |    id     | flags frag |   ttl proto | checksum |  source
//	   ffff     |   0000    |   0000    |    ffff    |     ffff    |   0000   | ffffffff
const (
	equalWord0 = 0xffff_0000_0000_ffff
	equalWord1 = 0xffff_0000_ffff_ffff
)

// equalIPv6 is the same of an IPv6 header's first word; the rest are the addresses:
//
//	ver class flow label | payload length | next hop limit
//	      ffffffff       |      0000      |      ffff
const equalIPv6 = 0xffff_ffff_0000_ffff

// sameIPv6 compares the headers of two IPv6 packets without extension headers.
func sameIPv6(a, b []byte) bool {
	a, b = a[:IPv6HeaderLen], b[:IPv6HeaderLen]
	return (be64(a)^be64(b))&equalIPv6|be64(a[8:])^be64(b[8:])|be64(a[16:])^be64(b[16:])|
		be64(a[24:])^be64(b[24:])|be64(a[32:])^be64(b[32:]) == 0
}

// join adds a packet that continues those held. The order of the checks is by price: sizes, words, options, checksum.
func (m *Merge) join(p *Packet, headLen int) bool {
	a, b := m.head, p.Data
	payload := len(b) - len(a)
	if headLen != len(a) || payload <= 0 || m.total+payload > PacketMax || m.n == MergeBodiesMax ||
		p.Offload.Partial != m.off.Partial {
		return false
	}
	segs := 1
	if p.Offload.GSO == GSONone {
		if payload > m.mss {
			return false
		}
	} else {
		// With the ECN bit it starts with CWR, which starts a superpacket.
		if p.Offload.GSO != m.gso() || int(p.Offload.GSOSize) != m.mss {
			return false
		}
		segs = ceilDiv(payload, m.mss)
	}
	switch {
	case m.six:
		if !sameIPv6(a, b) {
			return false
		}
	case (be64(a)^be64(b))&equalWord0 != 0 || (be64(a[8:])^be64(b[8:]))&equalWord1 != 0 || be64(a[12:]) != be64(b[12:]),
		m.ipLen > 20 && !bytes.Equal(a[20:m.ipLen], b[20:m.ipLen]),
		a[6]&0x40 == 0 && be16(b[4:]) != be16(a[4:])+uint16(m.segs):
		return false
	}
	x, y := a[m.ipLen:], b[m.ipLen:len(a)]
	if be32(x) != be32(y) { // ports
		return false
	}
	closing := uint8(0)
	if m.tcp {
		const last = TCPFin | TCPPsh
		flags := y[13]
		closing = flags & last
		// The words: acknowledgment, data offset, flags, window. The flags are compared apart.
		if be32(y[4:]) != m.seq || (be64(x[8:])^be64(y[8:]))&0xffff_ffff_ff00_ffff != 0 ||
			flags&^last != x[13]&^TCPCwr || x[18] != y[18] || x[19] != y[19] || !bytes.Equal(x[20:], y[20:]) {
			return false
		}
	} else if m.segs+segs > MergeUDPSegmentsMax || !m.off.Partial && y[6] == 0 && y[7] == 0 {
		return false
	}
	if !m.off.Partial {
		if !m.verified {
			if !m.verifyFirst() {
				m.open = false
				return false
			}
			m.verified = true
		}
		if Fold(Sum(b[m.ipLen:], m.pseudoSum(b, len(b)-m.ipLen))) != 0xffff {
			return false
		}
	}
	m.bodies[m.n] = b[len(a):]
	m.n++
	m.segs += segs
	m.total += payload
	m.seq += uint32(payload)
	m.closing = closing
	m.open = closing == 0 && payload%m.mss == 0
	return true
}

// Emit gives what is held and leaves Merge empty: the header, patched in the first packet's own bytes, and the payloads
// in order. A single packet comes out as it went in. The slices are valid until the next Add, the bytes as long as the
// packets' buffers.
func (m *Merge) Emit() (off Offload, head []byte, bodies [][]byte) {
	if m.n == 0 {
		return Offload{}, nil, nil
	}
	off, head, bodies = m.off, m.head, m.bodies[:m.n]
	m.n, m.head, m.open = 0, nil, false
	if len(bodies) == 1 {
		return off, head, bodies
	}
	if m.six {
		put16(head[4:], uint16(m.total-IPv6HeaderLen))
	} else {
		put16(head[2:], uint16(m.total))
		sealIPv4(head[:m.ipLen])
	}
	l4 := head[m.ipLen:]
	off = Offload{GSO: m.gso(), Partial: true, GSOSize: uint16(m.mss), HdrLen: uint16(len(head)), CsumStart: uint16(m.ipLen), CsumOffset: udpChecksumOffset}
	if m.tcp {
		off.CsumOffset = tcpChecksumOffset
		if l4[13]&TCPCwr != 0 {
			off.GSO |= GSOECN
		}
		l4[13] |= m.closing
	} else {
		put16(l4[4:], uint16(m.total-m.ipLen))
	}
	put16(l4[off.CsumOffset:], Fold(m.pseudoSum(head, m.total-m.ipLen)))
	return off, head, bodies
}

// verifyFirst verifies the complete checksum of the first packet, which is only needed once a second one follows.
func (m *Merge) verifyFirst() bool {
	l4Len := len(m.head) - m.ipLen + len(m.bodies[0])
	sum := Sum(m.head[m.ipLen:], m.pseudoSum(m.head, l4Len))
	return Fold(Sum(m.bodies[0], sum)) == 0xffff // both header lengths are even, so the words line up
}

// pseudoSum is the pseudo header's sum for the IP header h and l4Len bytes behind it.
func (m *Merge) pseudoSum(h []byte, l4Len int) uint64 {
	if m.six {
		return IPv6(h).PseudoSum(m.proto(), l4Len)
	}
	return pseudoSumOf(h, l4Len)
}

// pseudoSumOf is the pseudo header's sum for an IPv4 header.
func pseudoSumOf(h []byte, l4Len int) uint64 {
	return PseudoSum4(addrAt(h[12:]), addrAt(h[16:]), h[9], l4Len)
}

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
