package packet

// Answers to IPv6 packets, as answers.go has them for IPv4: complete, into the caller's buffer, 0 where an answer is
// forbidden or the buffer too short, and none to an error or a RST (I10). How many errors a second are sent is the
// caller's matter (RFC 4443, section 2.4 (f)).
//
// Link-local addresses are answered: who asks knows the link, and the answer stays on it.

// BuildICMPv6Error builds the error typ, code about orig, from an address of ours to orig's source. info is the word at
// offset 4: the MTU of "packet too big", which is raised to IPv6MTUMin, since no IPv6 link has less. v is orig decoded.
//
//	[IP6 from→orig.src | type code csum | info | quote: as much of orig as makes 1280 bytes ]
//
// What is never answered (RFC 4443, section 2.4 (e)): errors, and redirects, which Decode refuses (e.1, e.2); multicasts
// (e.3), but for "packet too big", which path MTU discovery needs; the other exception, an unknown option in a parameter
// problem, is never ours to report; sources that are no single host (e.6). Nor are fragments other than the first, as
// with IPv4: they do not say whether the packet was an error.
//
// "As much of the offending packet as possible" is quoted (2.4 (c)), as the wire would have carried it: a partial
// checksum finished, and of a superpacket the first segment.
func BuildICMPv6Error(dst []byte, typ, code uint8, info uint32, from Addr6, orig *Packet, v *View6) int {
	if v.Kind == KindNone || v.Kind == KindICMPError || !v.IP.Src().isHost() {
		return 0
	}
	if to := v.IP.Dst(); !to.isHost() && !(to.IsMulticast() && typ == ICMPv6PacketTooBig) {
		return 0
	}
	if v.Kind == KindFragment {
		// A first one, which more follow, holds 8 bytes at least, but may be of an error.
		offset, _, _ := fragmentHeader(v.IP[v.ext.fragment:])
		if offset != 0 || v.ext.proto == ProtoICMPv6 && !ICMPv6(v.L4).IsEcho() {
			return 0
		}
	}
	const quoteAt = IPv6HeaderLen + ICMPHeaderLen
	length := len(v.IP)
	if orig.Offload.GSO != GSONone {
		length = min(length, v.HeadLen+int(orig.Offload.GSOSize))
	}
	n := min(quoteAt+length, IPv6MTUMin)
	if len(dst) < n {
		return 0
	}
	copy(dst[quoteAt:n], v.IP)
	v.finishQuote(dst[quoteAt:n], length, orig.Offload)

	if typ == ICMPv6PacketTooBig {
		info = max(info, IPv6MTUMin)
	}
	ip, icmp := IPv6(dst[:n]), ICMPv6(dst[IPv6HeaderLen:n])
	ip.Encode(IPv6Fields{
		PayloadLen: len(icmp), NextHeader: ProtoICMPv6, HopLimit: answerTTL, Src: from, Dst: v.IP.Src(),
	})
	icmp.Encode(ICMPFields{Type: typ, Code: code, Info: info})
	icmp.UpdateChecksum(ip)
	return n
}

// finishQuote makes the begin of a packet what the wire would have carried of it. length is that of the whole packet, or
// of a superpacket's first segment.
func (v *View6) finishQuote(quote []byte, length int, o Offload) {
	if !o.Partial {
		return
	}
	const tcpFlagsWord, udpLengthWord = 12, 4
	at := v.ext.end
	change := uint64(0)
	set := func(word int, value uint16) {
		change += change16(be16(v.L4[word:]), value)
		if at+word+2 <= len(quote) {
			put16(quote[at+word:], value)
		}
	}
	if o.GSO != GSONone {
		IPv6(quote).SetPayloadLen(length - IPv6HeaderLen)
		if v.Kind == KindTCP {
			set(tcpFlagsWord, be16(v.L4[tcpFlagsWord:])&^(TCPFin|TCPPsh)) // they are the last segment's
		} else {
			set(udpLengthWord, uint16(length-at))
		}
	}
	if field := at + v.checksumOffset(); field+2 <= len(quote) {
		put16(quote[field:], v.finishedChecksum(v.L4[:length-at], change))
	}
}

// BuildEchoReply6 builds the reply to an echo request: addresses exchanged, data as it came (RFC 4443, section 4.2). A
// request with a wrong checksum or to a group is not answered. v is orig decoded.
func BuildEchoReply6(dst []byte, orig *Packet, v *View6) int {
	if !answerable6(v) || v.Kind != KindEcho || ICMPv6(v.L4).Type() != ICMPv6EchoRequest || !v.VerifyL4(orig) {
		return 0
	}
	n := IPv6HeaderLen + len(v.L4)
	if len(dst) < n {
		return 0
	}
	ip, icmp := IPv6(dst[:n]), ICMPv6(dst[IPv6HeaderLen:n])
	copy(icmp, v.L4)
	icmp[0] = ICMPv6EchoReply
	ip.Encode(IPv6Fields{
		TrafficClass: v.IP.TrafficClass(), PayloadLen: len(icmp), NextHeader: ProtoICMPv6, HopLimit: answerTTL,
		Src: v.IP.Dst(), Dst: v.IP.Src(),
	})
	icmp.UpdateChecksum(ip)
	return n
}

// answerable6 reports whether a packet names a single sender and was sent to a single receiver.
func answerable6(v *View6) bool {
	return v.Kind != KindNone && v.IP.Src().isHost() && v.IP.Dst().isHost()
}
