package packet

import "hyperplane/telemetry/drop"

// ErrorTo4 makes an ICMP error of an ICMPv6 error, in place. The error packet
// gets outer's addresses. r translates the flow in the error's direction, as if
// the packet were v.Tuple; the quoted packet, which travelled the other way, gets
// it reversed, as in RewriteICMPError: it is "translated just like a normal IP
// packet (except that the TTL/Hop Limit value is not decremented)" (RFC 7915,
// section 5.3), so that whoever sent it finds what it sent. id is the
// identification of the error, the quoted packet's is 0 unless it has a fragment
// header. largest is the greatest MTU that "fragmentation needed" may say, 0 for
// any: the lesser of the IPv4 side's and of the IPv6 side's less 20.
//
// The error is cut to 576 bytes (RFC 1812, section 4.3.2.3). A message without
// counterpart is drop.UnsupportedICMP; then, as on any reason but drop.None, the
// packet is as it was. v must be the decoded view of p, and is spent.
func (v *View6) ErrorTo4(p *Packet, outer, r Rewrite, id uint16, largest int, out *View) drop.Reason {
	if v.Kind != KindICMPError {
		return drop.UnsupportedICMP
	}
	icmp := ICMPv6(v.L4)
	quote := icmp.Payload()
	x, _, ok := quotedTuple6(quote)
	original := icmp.originalLen()
	quotedL4 := IPv6HeaderLen + IPv6(quote).PayloadLen() - x.end // of the packet, not of what is here of it
	if !ok || original < x.end+quoteL4Min || quotedL4 > PacketMax-IPv4HeaderLen {
		return drop.BadICMPQuote
	}
	f, ok := errorTo4(icmp, x.fragment != 0, largest)
	if !ok {
		return drop.UnsupportedICMP
	}
	// The headers are read before anything is written over them.
	q := header4(IPv6(quote), x, quotedL4, IPv4HeaderLen+quotedL4, 0)
	q.Src, q.Dst = r.Dst, r.Src
	h := header4(v.IP, v.ext, 0, 0, id)
	h.Src, h.Dst = outer.Src, outer.Dst
	pseudo, addrs := uint64(0), addrChange6(quote[8:], q.Src, q.Dst)
	if x.proto == ProtoICMPv6 {
		pseudo = IPv6(quote).PseudoSum(ProtoICMPv6, quotedL4)
	}

	buf := []byte(v.IP)
	at := v.ext.end + ICMPHeaderLen + x.end
	const longest = icmpErrorBytesMax - IPv4HeaderLen - ICMPHeaderLen
	at, end, length := refit(buf, at, original-x.end, IPv4HeaderLen, lengthUnit4, longest)
	f.Info |= uint32(length/lengthUnit4) << 16
	start := at - IPv4HeaderLen - ICMPHeaderLen - IPv4HeaderLen
	buf = buf[start:end]
	h.TotalLen = len(buf)

	IPv4(buf).Encode(h)
	ICMP(buf[IPv4HeaderLen:]).Encode(f)
	inner := IPv4(buf[IPv4HeaderLen+ICMPHeaderLen:])
	inner.Encode(q)
	if l4 := inner.quotedL4(); x.proto == ProtoICMPv6 {
		echoTo4(l4, pseudo, &Tuple{SrcPort: r.DstPort, DstPort: r.SrcPort})
	} else {
		rewriteQuotedL4(l4, q.Protocol, addrs, r.DstPort, r.SrcPort)
	}
	message := ICMP(buf[IPv4HeaderLen:])
	message.UpdateChecksum()

	quoted, _ := quotedTuple(inner)
	*out = View{Kind: KindICMPError, HeadLen: IPv4HeaderLen + ICMPHeaderLen, IP: buf, L4: message, Tuple: quoted.Reverse()}
	p.Data, p.Offload = buf, Offload{}
	return drop.None
}

// ErrorTo6 makes an ICMPv6 error of an ICMP error, in place: the inverse of
// ErrorTo4. room is as for To6. largest is the greatest MTU that "packet too big"
// may say, 0 for any: the lesser of the IPv6 side's and of the IPv4 side's plus
// 20. The error is cut to IPv6MTUMin bytes (RFC 4443, section 2.4 (c)).
//
// The quoted transport checksum is amended and never computed: where the quoted
// UDP had none, it has none.
func (v *View) ErrorTo6(p *Packet, room []byte, outer, r Rewrite6, largest int, out *View6) drop.Reason {
	if v.Kind != KindICMPError {
		return drop.UnsupportedICMP
	}
	icmp := ICMP(v.L4)
	quote := IPv4(icmp.Payload())
	original, hl := icmp.originalLen(), quote.HeaderLen()
	quotedL4 := quote.TotalLen() - hl
	f, ok := errorTo6(icmp, quote.TotalLen(), largest)
	if !ok {
		return drop.UnsupportedICMP
	}
	q := header6(quote, quotedL4)
	q.f.Src, q.f.Dst = r.Dst, r.Src
	h := header6(v.IP, 0)
	h.f.Src, h.f.Dst = outer.Src, outer.Dst
	addrs := addrChange4(quote.Src(), quote.Dst(), &q.f.Src, &q.f.Dst)

	buf := withRoom(room, v.IP)
	at := len(buf) - len(quote) + hl
	if f.Type != ICMPv6Unreachable && f.Type != ICMPv6TimeExceeded { // without a length attribute
		buf = buf[:at+original-hl]
	}
	const longest = IPv6MTUMin - IPv6HeaderLen - ICMPHeaderLen
	at, end, length := refit(buf, at, original-hl, q.len(), lengthUnit6, longest)
	f.Info |= uint32(length/lengthUnit6) << 24
	start := at - q.len() - ICMPHeaderLen - IPv6HeaderLen
	buf = buf[start:end]
	h.f.PayloadLen = len(buf) - IPv6HeaderLen

	h.put(buf)
	message := ICMPv6(buf[IPv6HeaderLen:])
	message.Encode(f)
	inner := buf[IPv6HeaderLen+ICMPHeaderLen:]
	q.put(inner)
	if l4 := inner[q.len():min(len(inner), q.len()+quotedL4)]; q.proto == ProtoICMPv6 {
		pseudo := PseudoSum6(q.f.Src[:], q.f.Dst[:], ProtoICMPv6, quotedL4)
		echoTo6(l4, pseudo, &Tuple6{SrcPort: r.DstPort, DstPort: r.SrcPort})
	} else {
		rewriteQuotedL4(l4, q.proto, addrs, r.DstPort, r.SrcPort)
	}
	message.UpdateChecksum(IPv6(buf))

	_, quoted, _ := quotedTuple6(inner)
	*out = View6{
		Kind: KindICMPError, HeadLen: IPv6HeaderLen + ICMPHeaderLen, IP: buf, L4: message, Tuple: quoted.Reverse(),
		ext: h.extensions(),
	}
	p.Data, p.Offload = buf, Offload{}
	return drop.None
}
