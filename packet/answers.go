package packet

import "hyperplane/telemetry/drop"

// Answers are packets that are made here in reply to one that cannot go on. Each is written into the caller's buffer,
// complete with its checksums, and its length returned: 0 where an answer is forbidden or the buffer too short. An
// answer is never longer than what it answers asks for: an echo as long as its request, an error at most 576 bytes, a
// RST 40; and none is given to an error or a RST, so two machines can never keep each other busy (I10).
//
// All have no options, DF set and identification 0 (an atomic datagram, RFC 6864, section 4.1), but for the echo reply,
// which may be as long as its request and is as fragmentable as that.

// BuildICMPError builds the error typ, code about orig, from src to orig's source. info is the word at offset 4: the
// next-hop MTU in its lower half for "fragmentation needed" (RFC 1191, section 4). v is orig decoded.
//
//	[IP src→orig.src | type code csum | info | quote: as much of orig as makes 576 bytes ]
//
// RFC 1812, section 4.3.2.3 says how much is quoted, 4.3.2.5 the TOS, and 4.3.2.7 what is never answered: errors,
// fragments other than the first, broadcasts and multicasts, and sources that are no single host. Of a superpacket the
// first segment is quoted, as it would have been on the wire, since there it would have been found too long.
func BuildICMPError(dst []byte, typ, code uint8, info uint32, src Addr4, orig *Packet, v *View) int {
	if !answerable(v) || v.Kind == KindICMPError || v.IP.FragmentOffset() != 0 {
		return 0
	}
	// A first fragment may be too short to say which flow it belongs to (RFC 792 wants 64 bits quoted), or be of an
	// ICMP message that is carried nowhere, an error perhaps.
	if len(v.L4) < quoteL4Min || v.IP.Protocol() == ProtoICMP && !ICMP(v.L4).IsEcho() {
		return 0
	}
	const quoteAt = IPv4HeaderLen + ICMPHeaderLen
	if len(dst) < quoteAt {
		return 0
	}
	var head [HeadMax]byte
	first, rest := quotable(head[:], orig, v)
	n := min(quoteAt+len(first)+len(rest), icmpErrorBytesMax)
	if len(dst) < n {
		return 0
	}
	at := quoteAt + copy(dst[quoteAt:n], first)
	copy(dst[at:n], rest)

	// Precedence "internetwork control", the rest of the TOS as it was (RFC 1812, section 4.3.2.5), but not
	// ECN-capable.
	const internetControl, ecn = 6 << 5, 3
	IPv4(dst).Encode(IPv4Fields{
		TOS: internetControl | v.IP.TOS()&0x1f&^ecn, TotalLen: n, DontFragment: true, TTL: answerTTL,
		Protocol: ProtoICMP, Src: src, Dst: v.IP.Src(),
	})
	icmp := ICMP(dst[IPv4HeaderLen:n])
	icmp.Encode(ICMPFields{Type: typ, Code: code, Info: info})
	icmp.UpdateChecksum()
	return n
}

// quotable is the packet that an error is about as the wire would have carried it: a superpacket's first segment, a
// partial checksum finished. The header is made in head, where it differs.
func quotable(head []byte, orig *Packet, v *View) (first, rest []byte) {
	if !orig.Offload.Partial {
		return v.IP, nil
	}
	segment := PacketMax
	if orig.Offload.GSO != GSONone {
		segment = v.HeadLen + int(orig.Offload.GSOSize)
	}
	var f Fragments // one piece: finishes the checksum
	if f.Plan(orig, v, segment) != drop.None || !f.load(0) {
		return v.IP, nil
	}
	n := copy(head, f.head[:f.headLen])
	return head[:n], f.body
}

// BuildEchoReply builds the reply to an echo request: addresses exchanged, data as it came (RFC 792; RFC 1122, section
// 3.2.2.6). A request with a wrong checksum or to a group is not answered. v is orig decoded.
func BuildEchoReply(dst []byte, orig *Packet, v *View) int {
	if !answerable(v) || v.Kind != KindEcho || ICMP(v.L4).Type() != ICMPEchoRequest || !v.VerifyL4(orig) {
		return 0
	}
	n := IPv4HeaderLen + len(v.L4)
	if len(dst) < n {
		return 0
	}
	icmp := ICMP(dst[IPv4HeaderLen:n])
	copy(icmp, v.L4)
	icmp[0] = ICMPEchoReply
	icmp.UpdateChecksum()
	IPv4(dst).Encode(IPv4Fields{
		TOS: v.IP.TOS(), TotalLen: n, ID: v.IP.ID(), DontFragment: v.IP.DontFragment(), TTL: answerTTL,
		Protocol: ProtoICMP, Src: v.IP.Dst(), Dst: v.IP.Src(),
	})
	return n
}

// BuildRST builds the answer to a segment for which there is no connection (RFC 9293, section 3.10.7.1). v is orig
// decoded.
//
//	the segment has        the answer
//	RST                    none
//	ACK                    SEQ = SEG.ACK, RST
//	no ACK                 SEQ = 0, ACK = SEG.SEQ + SEG.LEN, RST ACK
//
// SEG.LEN counts SYN and FIN. A segment with a wrong checksum belongs to nobody and is not answered.
func BuildRST(dst []byte, orig *Packet, v *View) int {
	const n = IPv4HeaderLen + TCPHeaderLen
	if !answerable(v) || v.Kind != KindTCP || v.TCPFlags&TCPRst != 0 || len(dst) < n || !v.VerifyL4(orig) {
		return 0
	}
	in := TCP(v.L4)
	f := TCPFields{SrcPort: in.DstPort(), DstPort: in.SrcPort(), Flags: TCPRst}
	if v.TCPFlags&TCPAck != 0 {
		f.Seq = in.Ack()
	} else {
		f.Flags |= TCPAck
		f.Ack = in.Seq() + uint32(len(in.Payload()))
		for _, flag := range [...]uint8{TCPSyn, TCPFin} {
			if v.TCPFlags&flag != 0 {
				f.Ack++
			}
		}
	}
	out := TCP(dst[IPv4HeaderLen:n])
	out.Encode(f)
	out.UpdateChecksum(v.IP.Dst(), v.IP.Src())
	IPv4(dst).Encode(IPv4Fields{
		TotalLen: n, DontFragment: true, TTL: answerTTL, Protocol: ProtoTCP, Src: v.IP.Dst(), Dst: v.IP.Src(),
	})
	return n
}

// BuildReset builds an RST from src to dst that answers nothing: seq is the number that dst expects next.
func BuildReset(dst []byte, src Addr4, sport uint16, to Addr4, dport uint16, seq uint32) int {
	const n = IPv4HeaderLen + TCPHeaderLen
	if len(dst) < n {
		return 0
	}
	out := TCP(dst[IPv4HeaderLen:n])
	out.Encode(TCPFields{SrcPort: sport, DstPort: dport, Seq: seq, Flags: TCPRst})
	out.UpdateChecksum(src, to)
	IPv4(dst).Encode(IPv4Fields{TotalLen: n, DontFragment: true, TTL: answerTTL, Protocol: ProtoTCP, Src: src, Dst: to})
	return n
}

// answerable reports whether a packet names a single sender and was sent to a single receiver (RFC 1812, section
// 4.3.2.7; RFC 1122, sections 3.2.2 and 4.2.3.10).
func answerable(v *View) bool {
	return v.Kind != KindNone && v.IP.Src().single() && v.IP.Dst().single()
}
