package packet

import "hyperplane/telemetry/drop"

// To4 makes an IPv4 packet of an IPv6 packet of KindTCP, KindUDP, KindEcho or
// KindFragment, in place. r is the complete new addresses and ports, as in
// Rewrite; a fragment keeps its ports, since only the first has any: who
// translates ports reassembles before. id is the identification of a packet that
// is not made of a fragment. Extension headers are left behind.
//
// v must be the decoded view of p, and is spent: out is the view of what p is
// now. On any reason but drop.None the packet is as it was.
//
// A packet whose payload would not fit IPv4's length is drop.TooBig.
func (v *View6) To4(p *Packet, r Rewrite, id uint16, out *View) drop.Reason {
	l4 := v.L4
	segment := IPv4HeaderLen + len(l4)
	if segment > PacketMax {
		return drop.TooBig
	}
	if p.Offload.GSO != GSONone {
		segment = IPv4HeaderLen + v.HeadLen - v.ext.end + int(p.Offload.GSOSize)
	}
	f := header4(v.IP, v.ext, len(l4), segment, id)
	f.Src, f.Dst = r.Src, r.Dst
	tuple := Tuple{Net: uint32(f.Protocol), Src: r.Src, Dst: r.Dst, SrcPort: r.SrcPort, DstPort: r.DstPort}

	addrs := addrChange6(v.IP[8:], r.Src, r.Dst)
	switch v.Kind {
	case KindTCP:
		rewriteTCP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
	case KindUDP:
		rewriteUDP(l4, p.Offload.Partial, addrs, r.SrcPort, r.DstPort)
	case KindEcho:
		echoTo4(l4, v.IP.PseudoSum(ProtoICMPv6, len(l4)), &tuple)
	case KindFragment:
		if reason := checkFragmentL4(l4, f.Protocol, f.FragmentOffset); reason != drop.None {
			return reason
		}
		amendFragmentL4(l4, f.Protocol, f.FragmentOffset, addrs)
		tuple.SrcPort, tuple.DstPort = 0, 0
	default:
		return drop.UnsupportedICMP
	}

	start := v.ext.end - IPv4HeaderLen
	*out = View{Kind: v.Kind, TCPFlags: v.TCPFlags, HeadLen: v.HeadLen - start, IP: IPv4(v.IP[start:]), L4: l4, Tuple: tuple}
	out.IP.Encode(f)
	p.Data = out.IP
	p.Offload.translate(GSOTCPv4, IPv4HeaderLen, out.HeadLen)
	return drop.None
}

// echoTo4 makes an ICMP echo of an ICMPv6 echo (RFC 7915, section 5.2): its type
// and its identifier are exchanged, and the pseudo header, of which pseudo is the
// sum, leaves the checksum. The identifier is SrcPort of a request and DstPort of
// a reply; the other port becomes 0.
func echoTo4(l4 []byte, pseudo uint64, t *Tuple) {
	icmp := ICMP(l4)
	typ, id := uint8(ICMPEchoReply), t.DstPort
	if icmp.Type() == ICMPv6EchoRequest {
		typ, id = ICMPEchoRequest, t.SrcPort
		t.DstPort = 0
	} else {
		t.SrcPort = 0
	}
	change := exchangeEcho(icmp, typ, id) + uint64(^Fold(pseudo))
	csum := amend(icmp.Checksum(), change)
	if csum == 0 && zeroBut(l4, icmpChecksumOffset) {
		csum = 0xffff // see rewriteEcho
	}
	icmp.SetChecksum(csum)
}

// exchangeEcho sets an echo's type and identifier, and returns what the sum over
// it changes by.
func exchangeEcho(icmp ICMP, typ uint8, id uint16) uint64 {
	change := change16(be16(icmp), uint16(typ)<<8|uint16(icmp.Code())) + change16(icmp.ID(), id)
	icmp[0] = typ
	icmp.SetID(id)
	return change
}
