package packet

import "math/bits"

// Rewrite is the complete new addresses and ports of a packet. For an echo the
// identifier is SrcPort of a request and DstPort of a reply, as in Tuple.
type Rewrite struct {
	Src, Dst         Addr4
	SrcPort, DstPort uint16
}

// Rewrite translates a packet of KindTCP, KindUDP or KindEcho in place and
// keeps its checksums as right (or as wrong) as they were; no payload is read.
// Other kinds are left alone: their callers have to know better. v must be the
// decoded view of p, and stays so: its Tuple is the new one afterwards.
//
//	              IP header   TCP, UDP                     echo
//	complete      addresses   addresses and ports          identifier
//	partial       addresses   addresses (ports are summed  (never partial)
//	                          later, by who finishes it)
func (v *View) Rewrite(p *Packet, r Rewrite) {
	ip, l4 := v.IP, v.L4
	// A checksum over the addresses changes by this, in the IP header and in
	// every pseudo header.
	addrs := change32(uint32(ip.Src()), uint32(r.Src)) + change32(uint32(ip.Dst()), uint32(r.Dst))
	switch v.Kind {
	case KindTCP:
		rewriteTCP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
		v.Tuple.SrcPort, v.Tuple.DstPort = r.SrcPort, r.DstPort
	case KindUDP:
		rewriteUDP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
		v.Tuple.SrcPort, v.Tuple.DstPort = r.SrcPort, r.DstPort
	case KindEcho:
		rewriteEcho(l4, r.SrcPort, r.DstPort)
		if ICMP(l4).Type() == ICMPEchoRequest {
			v.Tuple.SrcPort = r.SrcPort
		} else {
			v.Tuple.DstPort = r.DstPort
		}
	default:
		return
	}
	v.rewriteAddrs(r.Src, r.Dst, addrs)
	v.Tuple.Src, v.Tuple.Dst = r.Src, r.Dst
}

// RewriteICMPError translates an ICMP error in place (RFC 5508, REQ-4 and
// REQ-5). The error packet itself gets outer's addresses. r translates the flow
// in the error's direction, as if the packet were v.Tuple; the quoted packet,
// which travelled the other way, gets it reversed:
//
//	error    outer.Src ───────────────▶ outer.Dst
//	quoted   r.Dst:r.DstPort ◀───────── r.Src:r.SrcPort       (src ◀ dst)
//
// The quoted header checksum and, as far as the quote reaches, the quoted
// transport checksum change with it, so that whoever sent the quoted packet
// finds what it sent (I2). Extensions after the quote (RFC 4884) are untouched.
// Other kinds are left alone.
func (v *View) RewriteICMPError(p *Packet, outer Rewrite, r Rewrite) {
	if v.Kind != KindICMPError {
		return
	}
	icmp := ICMP(v.L4)
	rewriteQuote(IPv4(icmp.Payload()), r)
	// Two header checksums and a port changed, some of them twice under the same
	// sum; computing it anew over a message of a few hundred bytes is simpler.
	icmp.UpdateChecksum()

	ip := v.IP
	addrs := change32(uint32(ip.Src()), uint32(outer.Src)) + change32(uint32(ip.Dst()), uint32(outer.Dst))
	v.rewriteAddrs(outer.Src, outer.Dst, addrs)
	v.Tuple.Src, v.Tuple.Dst = r.Src, r.Dst
	isEcho := v.Tuple.Proto() == ProtoICMP
	quotesRequest := isEcho && ICMP(IPv4(icmp.Payload()).quotedL4()).Type() == ICMPEchoRequest
	// An echo has one identifier; the other port of its tuple stays 0.
	if !quotesRequest {
		v.Tuple.SrcPort = r.SrcPort
	}
	if !isEcho || quotesRequest {
		v.Tuple.DstPort = r.DstPort
	}
}

// rewriteQuote translates a quoted packet that quotedTuple has accepted.
func rewriteQuote(q IPv4, r Rewrite) {
	src, dst := r.Dst, r.Src
	sport, dport := r.DstPort, r.SrcPort
	addrs := change32(uint32(q.Src()), uint32(src)) + change32(uint32(q.Dst()), uint32(dst))
	put16(q[10:], amend(be16(q[10:]), addrs))
	putAddr(q[12:], src)
	putAddr(q[16:], dst)

	rewriteQuotedL4(q.quotedL4(), q.Protocol(), addrs, sport, dport)
}

// rewriteQuotedL4 sets ports or identifier of a quoted transport header, of at
// least quoteL4Min bytes, and its checksum as far as the quote reaches.
func rewriteQuotedL4(l4 []byte, proto uint8, addrs uint64, sport, dport uint16) {
	switch proto {
	case ProtoTCP:
		if len(l4) >= tcpChecksumOffset+2 {
			rewriteTCP(l4, false, addrs, sport, dport)
			return
		}
		put16(l4, sport)
		put16(l4[2:], dport)
	case ProtoUDP:
		rewriteUDP(l4, false, addrs, sport, dport)
	case ProtoICMP:
		rewriteEcho(l4, sport, dport)
	}
}

// quotedL4 is the quoted transport header and data, as far as the quote goes.
// What lies beyond the quoted packet's own length is padding or extensions.
func (h IPv4) quotedL4() []byte { return h[h.HeaderLen():min(len(h), h.TotalLen())] }

// rewriteAddrs sets the addresses of the outer header; addrs is their change.
func (v *View) rewriteAddrs(src, dst Addr4, addrs uint64) {
	ip := v.IP
	put16(ip[10:], amend(be16(ip[10:]), addrs))
	putAddr(ip[12:], src)
	putAddr(ip[16:], dst)
}

// rewriteTCP and rewriteUDP set the ports and bring the checksum along; addrs is
// the change of the pseudo header.
func rewriteTCP(l4 []byte, partial bool, addrs uint64, sport, dport uint16) {
	csum := l4[tcpChecksumOffset : tcpChecksumOffset+2]
	if partial {
		put16(csum, amendPartial(be16(csum), addrs))
	} else {
		put16(csum, amend(be16(csum), addrs+changePorts(l4, sport, dport)))
	}
	put16(l4, sport)
	put16(l4[2:], dport)
}

func rewriteUDP(l4 []byte, partial bool, addrs uint64, sport, dport uint16) {
	csum := l4[udpChecksumOffset : udpChecksumOffset+2]
	if partial {
		put16(csum, amendPartial(be16(csum), addrs))
	} else {
		amendUDP(csum, addrs+changePorts(l4, sport, dport))
	}
	put16(l4, sport)
	put16(l4[2:], dport)
}

func changePorts(l4 []byte, sport, dport uint16) uint64 {
	return change32(be32(l4), uint32(sport)<<16|uint32(dport))
}

// amendUDP keeps zero, which means "no checksum", and never makes one (RFC 768).
func amendUDP(csum []byte, change uint64) {
	if old := be16(csum); old != 0 {
		put16(csum, udpNonZero(amend(old, change)))
	}
}

// rewriteEcho sets the identifier: sport of a request, dport of a reply.
func rewriteEcho(l4 []byte, sport, dport uint16) {
	icmp := ICMP(l4)
	id := dport
	if icmp.Type() == ICMPEchoRequest {
		id = sport
	}
	csum := amend(icmp.Checksum(), change16(icmp.ID(), id))
	icmp.SetID(id)
	// Nothing but the identifier need be different from zero in an echo reply. If
	// all is zero, only 0xffff verifies, which RFC 1624 cannot arrive at: it
	// assumes a header that has some bit set. (Of a quote that is cut short only
	// what is there can be looked at.)
	if csum == 0 && zeroBut(l4, icmpChecksumOffset) {
		csum = 0xffff
	}
	icmp.SetChecksum(csum)
}

// zeroBut reports whether b is all zero, the word at off not counted.
func zeroBut(b []byte, off int) bool {
	for i, c := range b {
		if c != 0 && i != off && i != off+1 {
			return false
		}
	}
	return true
}

// DecrementTTL takes one hop from the time to live. It answers false, and
// leaves the packet as it is, where none would be left: the packet must be
// dropped and answered with "time exceeded" (RFC 1812, section 5.3.1).
func (v *View) DecrementTTL() bool {
	ttl := v.IP.TTL()
	if ttl <= 1 {
		return false
	}
	v.IP.SetTTL(ttl - 1)
	return true
}

// ClampMSS lowers the maximum segment size option of a TCP SYN to max, and
// reports whether it had to. A SYN without the option is left alone: its sender
// takes 536 (RFC 9293, section 3.7.1), which every path here carries.
func (v *View) ClampMSS(p *Packet, max uint16) bool {
	if v.Kind != KindTCP || v.TCPFlags&TCPSyn == 0 {
		return false
	}
	tcp := TCP(v.L4)
	off := tcp.mssOffset()
	if off == 0 {
		return false
	}
	old := be16(tcp[off:])
	if old <= max {
		return false
	}
	put16(tcp[off:], max)
	if p.Offload.Partial {
		return true // options are summed by who finishes the checksum
	}
	change := change16(old, max)
	if off%2 != 0 {
		// The value straddles two words of the sum: its bytes count swapped.
		change = change16(bits.ReverseBytes16(old), bits.ReverseBytes16(max))
	}
	tcp.SetChecksum(amend(tcp.Checksum(), change))
	return true
}
