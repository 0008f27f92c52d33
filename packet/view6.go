package packet

import "hyperplane/telemetry/drop"

// View6 is what Decode found in an IPv6 packet: the twin of View. It is reused
// for packet after packet, and its slices alias the packet's Data.
type View6 struct {
	// Kind says which of the other fields mean something. An atomic fragment (RFC
	// 6946: offset 0 and no more to come) is the packet that it holds, and no
	// KindFragment.
	Kind Kind
	// TCPFlags are the control bits. Valid iff KindTCP.
	TCPFlags uint8
	// HeadLen is the length of the IPv6 header, its extension headers and the
	// transport header (TCP with options, UDP 8, ICMPv6 8); without the transport
	// header for a fragment.
	HeadLen int
	// IP is the packet, header first, trimmed to its length. Always valid after
	// drop.None.
	IP IPv6
	// L4 is what follows the extension headers. Always valid after drop.None.
	L4 []byte
	// Tuple is the flow, with VNI 0. For KindICMPError it is the reverse of the
	// quoted packet's, for KindFragment the ports are 0.
	Tuple Tuple6

	ext extensions
}

// Decode looks at everything that a translator must know, and refuses what it
// must not carry. In packet order: 1. version and length 2. extension headers
// 3. fragments 4. transport header 5. quoted packet of an ICMPv6 error
// 6. offload metadata, made true or refused.
//
// TCP, UDP and ICMPv6 are carried and nothing else, as RFC 6146 asks of a stateful
// NAT64: what "contains a protocol other than TCP, UDP, or ICMPv6 in the last Next
// Header" has no flow, and "SHOULD be discarded".
//
// On drop.None p.Data is trimmed to the packet's length and p.Offload is derived
// from the packet. On any other reason v has its zero value. Nothing is
// allocated, and no input makes it panic.
func (v *View6) Decode(p *Packet) drop.Reason {
	*v = View6{}
	r := v.decode(p)
	if r != drop.None {
		*v = View6{}
	}
	return r
}

func (v *View6) decode(p *Packet) drop.Reason {
	ip, r := NewIPv6(p.Data)
	if r != drop.None {
		return r
	}
	x, r := walkExtensions(ip)
	if r != drop.None {
		return r
	}
	v.IP, v.L4, v.ext = ip, ip[x.end:], x
	v.Tuple = Tuple6{Net: uint32(x.proto), Src: ip.Src(), Dst: ip.Dst()}

	switch {
	case x.proto != ProtoTCP && x.proto != ProtoUDP && x.proto != ProtoICMPv6:
		r = drop.UnknownProtocol
	case v.isFragment():
		v.Kind, v.HeadLen = KindFragment, x.end
		r = v.checkFragment()
	case x.proto == ProtoTCP:
		r = v.decodeTCP(x.end)
	case x.proto == ProtoUDP:
		r = v.decodeUDP(x.end)
	default:
		r = v.decodeICMP(x.end)
	}
	if r != drop.None {
		return r
	}
	p.Data = ip
	if r := p.Offload.derive(v.Kind, GSOTCPv6, x.end, v.HeadLen, len(ip)); r != drop.None {
		return r
	}
	if v.Kind == KindUDP {
		return checkUDP6(UDP(v.L4), p.Offload)
	}
	return drop.None
}

// isFragment reports whether a fragment header stands in front of less than a
// whole packet.
func (v *View6) isFragment() bool {
	if v.ext.fragment == 0 {
		return false
	}
	offset, more, _ := fragmentHeader(v.IP[v.ext.fragment:])
	return offset != 0 || more
}

// checkFragment asks of a fragment what RFC 8200, section 4.5 asks: all but the
// last carry a multiple of 8 bytes, and none ends beyond what a length can say.
func (v *View6) checkFragment() drop.Reason {
	offset, more, _ := fragmentHeader(v.IP[v.ext.fragment:])
	if more && len(v.L4)%fragmentUnit != 0 || len(v.L4) == 0 || offset+len(v.L4) > PacketMax {
		return drop.FragmentMalformed
	}
	return drop.None
}

func (v *View6) decodeTCP(at int) drop.Reason {
	tcp, r := NewTCP(v.L4)
	if r != drop.None {
		return r
	}
	v.Kind, v.HeadLen, v.TCPFlags = KindTCP, at+tcp.HeaderLen(), tcp.Flags()
	v.Tuple.SrcPort, v.Tuple.DstPort = tcp.SrcPort(), tcp.DstPort()
	return drop.None
}

func (v *View6) decodeUDP(at int) drop.Reason {
	if len(v.L4) < UDPHeaderLen {
		return drop.BadL4Length
	}
	udp := UDP(v.L4)
	v.Kind, v.HeadLen = KindUDP, at+UDPHeaderLen
	v.Tuple.SrcPort, v.Tuple.DstPort = udp.SrcPort(), udp.DstPort()
	return drop.None
}

// checkUDP6 checks what only a packet's metadata can tell of UDP: the length of
// one that is no superpacket, and that a complete checksum is there. "IPv6
// receivers must discard UDP packets containing a zero checksum" (RFC 8200,
// section 8.1).
func checkUDP6(udp UDP, o Offload) drop.Reason {
	switch {
	case o.GSO == GSONone && udp.Length() != len(udp):
		return drop.BadL4Length
	case !o.Partial && udp.Checksum() == 0:
		return drop.NoUDPChecksum
	}
	return drop.None
}

// DecrementHopLimit takes one hop from the hop limit. It answers false, and
// leaves the packet as it is, where none would be left: the packet must be
// dropped and answered with "time exceeded" (RFC 4443, section 3.3).
func (v *View6) DecrementHopLimit() bool {
	limit := v.IP.HopLimit()
	if limit <= 1 {
		return false
	}
	v.IP.SetHopLimit(limit - 1)
	return true
}

// VerifyL4 reports whether the transport checksum is right. One that is still
// partial counts as right; a fragment's cannot be checked and counts as wrong.
func (v *View6) VerifyL4(p *Packet) bool {
	proto := uint8(ProtoICMPv6)
	switch v.Kind {
	case KindNone, KindFragment:
		return false
	case KindTCP, KindUDP:
		proto = v.Tuple.Proto()
	}
	return p.Offload.Partial || Fold(Sum(v.L4, v.IP.PseudoSum(proto, len(v.L4)))) == 0xffff
}
