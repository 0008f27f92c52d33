package packet

import "hyperplane/telemetry/drop"

// Rewrite6 is the complete new addresses and ports of a packet that becomes
// IPv6. For an echo the identifier is SrcPort of a request and DstPort of a reply.
type Rewrite6 struct {
	Src, Dst         Addr6
	SrcPort, DstPort uint16
}

// To6 makes an IPv6 packet of an IPv4 packet of KindTCP, KindUDP, KindEcho or
// KindFragment, in place. room is the free bytes that end where the packet
// begins, in the same buffer, at least Room6 of them. r is the complete
// new addresses and ports; a fragment keeps its ports, see To4. IPv4 options are
// left behind: "they MUST be ignored and the packet translated normally" (RFC
// 7915, section 4.1), and Decode has refused the one exception, source routes.
//
// v must be the decoded view of p, and is spent: out is the view of what p is
// now. On any reason but drop.None the packet is as it was.
//
// What is too long for the path is cut before, or answered where DF is set.
// Without DF a packet of more than IPv6MTUMin-20 bytes "SHOULD be fragmented", by
// Fragments.Plan with an MTU of IPv6MTUMin-28, so that a fragment header finds its
// place too; or for a greater MTU that the network is known to have (section 4.1).
//
// A UDP checksum that is absent is computed (section 4.5), the one case in which
// the payload is read.
func (v *View) To6(p *Packet, room []byte, r Rewrite6, out *View6) drop.Reason {
	l4, from := v.L4, len(v.IP)-len(v.L4)
	h := header6(v.IP, len(l4))
	h.f.Src, h.f.Dst = r.Src, r.Dst
	tuple := Tuple6{Net: uint32(h.proto), Src: r.Src, Dst: r.Dst, SrcPort: r.SrcPort, DstPort: r.DstPort}

	addrs := addrChange4(v.IP.Src(), v.IP.Dst(), &r.Src, &r.Dst)
	switch v.Kind {
	case KindTCP:
		rewriteTCP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
	case KindUDP:
		absent := !p.Offload.Partial && UDP(l4).Checksum() == 0
		rewriteUDP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
		if absent {
			UDP(l4).SetChecksum(udpNonZero(Checksum(l4, PseudoSum6(r.Src[:], r.Dst[:], ProtoUDP, len(l4)))))
		}
	case KindEcho:
		echoTo6(l4, PseudoSum6(r.Src[:], r.Dst[:], ProtoICMPv6, len(l4)), &tuple)
	case KindFragment:
		if h.more && len(l4)%fragmentUnit != 0 || len(l4) == 0 || h.offset+len(l4) > PacketMax {
			return drop.FragmentMalformed
		}
		if reason := checkFragmentL4(l4, v.IP.Protocol(), h.offset); reason != drop.None {
			return reason
		}
		amendFragmentL4(l4, h.proto, h.offset, addrs)
		tuple.SrcPort, tuple.DstPort = 0, 0
	default:
		return drop.UnsupportedICMP
	}

	buf := withRoom(room, v.IP)
	start := len(room) + from - h.len()
	*out = View6{
		Kind: v.Kind, TCPFlags: v.TCPFlags, HeadLen: v.HeadLen - from + h.len(), IP: IPv6(buf[start:]), L4: l4, Tuple: tuple,
		ext: h.extensions(),
	}
	h.put(out.IP)
	p.Data = out.IP
	p.Offload.translate(GSOTCPv6, h.len(), out.HeadLen)
	return drop.None
}

// Room6 is how many free bytes before the packet To6 or ErrorTo6 needs; at most
// TranslateRoom.
func (v *View) Room6() int {
	switch v.Kind {
	case KindICMPError:
		return TranslateRoom
	case KindFragment:
		return headerGrowth + fragmentHeaderLen
	}
	return headerGrowth
}

// Adjoins reports whether room is free bytes that end where data begins.
func Adjoins(room, data []byte) bool {
	return len(data) > 0 && cap(room) > len(room) && &room[:len(room)+1][len(room)] == &data[0]
}

// withRoom is a packet with the free bytes before it. That they do not meet is
// asserted: a header written before another packet would change that one.
func withRoom(room, data []byte) []byte {
	buf := room[: len(room)+len(data) : len(room)+len(data)]
	if &buf[len(room)] != &data[0] {
		panic("packet: the room does not end where the packet begins")
	}
	return buf
}

// echoTo6 makes an ICMPv6 echo of an ICMP echo (RFC 7915, section 4.2): the
// inverse of echoTo4.
func echoTo6(l4 []byte, pseudo uint64, t *Tuple6) {
	icmp := ICMP(l4)
	typ, id := uint8(ICMPv6EchoReply), t.DstPort
	if icmp.Type() == ICMPEchoRequest {
		typ, id = ICMPv6EchoRequest, t.SrcPort
		t.DstPort = 0
	} else {
		t.SrcPort = 0
	}
	change := exchangeEcho(icmp, typ, id) + pseudo
	icmp.SetChecksum(amend(icmp.Checksum(), change))
}
