package packet

import "hyperplane/telemetry/drop"

// Packet is one IP packet or superpacket and what is still to be done to it.
type Packet struct {
	// Data starts at the IP header. View.Decode cuts off what follows the total length.
	Data []byte
	// Offload is the superpacket and checksum metadata.
	Offload Offload
}

// Kind is what a packet is to a translator.
type Kind uint8

// Kinds of packets.
const (
	KindNone      Kind = iota // not decoded, or dropped
	KindTCP                   // a whole TCP segment or superpacket
	KindUDP                   // a whole UDP datagram or superpacket
	KindEcho                  // an ICMP echo request or reply
	KindICMPError             // an ICMP error that quotes a packet of a flow
	KindFragment              // a fragment, the first included; ports unknown
)

var kindNames = [...]string{"none", "tcp", "udp", "echo", "icmp-error", "fragment"}

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// View is what Decode found in a packet. It is reused for packet after packet:
// Decode resets every field. The slices alias the packet's Data.
type View struct {
	// Kind says which of the other fields mean something.
	Kind Kind
	// TCPFlags are the control bits. Valid iff KindTCP.
	TCPFlags uint8
	// HeadLen is the length of the IP header and the transport header (TCP with
	// options, UDP 8, ICMP 8); the IP header alone for a fragment.
	HeadLen int
	// IP is the packet, header first, trimmed to its total length. Always valid
	// after drop.None.
	IP IPv4
	// L4 is what follows the IP header. Always valid after drop.None.
	L4 []byte
	// Tuple is the flow, with VNI 0. For KindICMPError it is the reverse of the
	// quoted packet's: the tuple of a packet of the flow that would travel in
	// the error's own direction. For KindFragment the ports are 0. Rewrite and
	// RewriteICMPError keep it equal to the bytes.
	Tuple Tuple
}

// Decode looks at everything that a translator must know, and refuses what it
// must not carry. In packet order: 1. version 2. IPv4 header 3. options
// 4. fragments 5. transport header 6. quoted packet of an ICMP error
// 7. offload metadata, made true or refused.
//
// On drop.None p.Data is trimmed to the packet's total length and p.Offload is
// derived from the packet. On any other reason v has its zero value. Nothing
// is allocated, and no input makes it panic.
func (v *View) Decode(p *Packet) drop.Reason {
	*v = View{}
	r := v.decode(p)
	if r != drop.None {
		*v = View{}
	}
	return r
}

func (v *View) decode(p *Packet) drop.Reason {
	if len(p.Data) == 0 {
		return drop.TooShort
	}
	if p.Data[0]>>4 == 6 {
		return drop.IPv6Unsupported
	}
	ip, r := NewIPv4(p.Data)
	if r != drop.None {
		return r
	}
	ipLen := ip.HeaderLen()
	if ipLen > IPv4HeaderLen {
		if r := ip.checkOptions(); r != drop.None {
			return r
		}
	}
	v.IP = ip
	v.L4 = ip[ipLen:]
	v.Tuple = Tuple{Net: uint32(ip.Protocol()), Src: ip.Src(), Dst: ip.Dst()}

	switch {
	case ip.Protocol() != ProtoTCP && ip.Protocol() != ProtoUDP && ip.Protocol() != ProtoICMP:
		r = drop.UnknownProtocol
	case ip.IsFragment():
		v.Kind, v.HeadLen = KindFragment, ipLen
	case ip.Protocol() == ProtoTCP:
		r = v.decodeTCP(ipLen)
	case ip.Protocol() == ProtoUDP:
		r = v.decodeUDP(ipLen)
	default:
		r = v.decodeICMP(ipLen)
	}
	if r != drop.None {
		return r
	}
	p.Data = ip
	if r := p.Offload.derive(v.Kind, GSOTCPv4, ipLen, v.HeadLen, len(ip)); r != drop.None {
		return r
	}
	// A superpacket's UDP length is taken for what it is worth, since it is
	// written anew for each piece; a datagram's must be right (see NewUDP).
	if v.Kind == KindUDP && p.Offload.GSO == GSONone && UDP(v.L4).Length() != len(v.L4) {
		return drop.BadL4Length
	}
	return drop.None
}

func (v *View) decodeTCP(ipLen int) drop.Reason {
	tcp, r := NewTCP(v.L4)
	if r != drop.None {
		return r
	}
	v.Kind, v.HeadLen, v.TCPFlags = KindTCP, ipLen+tcp.HeaderLen(), tcp.Flags()
	v.Tuple.SrcPort, v.Tuple.DstPort = tcp.SrcPort(), tcp.DstPort()
	return drop.None
}

func (v *View) decodeUDP(ipLen int) drop.Reason {
	if len(v.L4) < UDPHeaderLen {
		return drop.BadL4Length
	}
	udp := UDP(v.L4)
	v.Kind, v.HeadLen = KindUDP, ipLen+UDPHeaderLen
	v.Tuple.SrcPort, v.Tuple.DstPort = udp.SrcPort(), udp.DstPort()
	return drop.None
}

func (v *View) decodeICMP(ipLen int) drop.Reason {
	icmp, r := NewICMP(v.L4)
	if r != drop.None {
		return r
	}
	v.HeadLen = ipLen + ICMPHeaderLen
	switch icmp.Type() {
	case ICMPEchoRequest:
		v.Kind, v.Tuple.SrcPort = KindEcho, icmp.ID()
	case ICMPEchoReply:
		v.Kind, v.Tuple.DstPort = KindEcho, icmp.ID()
	case ICMPUnreachable, ICMPTimeExceeded, ICMPParameterProblem:
		// RFC 5508, REQ-3: an error whose own checksum is wrong is dropped.
		if Fold(Sum(icmp, 0)) != 0xffff {
			return drop.BadICMPQuote
		}
		quoted, ok := quotedTuple(icmp.Payload())
		if !ok {
			return drop.BadICMPQuote
		}
		v.Kind, v.Tuple = KindICMPError, quoted.Reverse()
	default:
		// Source quench is dead (RFC 6633), redirects end at the next hop, and the
		// other queries belong to no flow (RFC 5508, section 3.3 lets a NAT drop them).
		return drop.UnsupportedICMP
	}
	return drop.None
}

// quotedTuple reads the packet that an ICMP error quotes. It is cut short as a
// rule, so its total length is not compared with what is there. RFC 5508,
// REQ-3: (a) its header checksum must be right, (b) its options are stepped
// over, (c) its transport checksum is not checked.
func quotedTuple(b []byte) (t Tuple, ok bool) {
	if len(b) < IPv4HeaderLen || b[0]>>4 != 4 {
		return Tuple{}, false
	}
	q := IPv4(b)
	hl := q.HeaderLen()
	if hl < IPv4HeaderLen || len(b) < hl+quoteL4Min || q.TotalLen() < hl+quoteL4Min {
		return Tuple{}, false
	}
	if Fold(Sum(b[:hl], 0)) != 0xffff || q.FragmentOffset() != 0 {
		return Tuple{}, false
	}
	l4 := b[hl:]
	t = Tuple{Net: uint32(q.Protocol()), Src: q.Src(), Dst: q.Dst()}
	switch q.Protocol() {
	case ProtoTCP, ProtoUDP:
		t.SrcPort, t.DstPort = be16(l4), be16(l4[2:])
	case ProtoICMP:
		// An error about an error is never sent (RFC 1122, section 3.2.2).
		switch ICMP(l4).Type() {
		case ICMPEchoRequest:
			t.SrcPort = ICMP(l4).ID()
		case ICMPEchoReply:
			t.DstPort = ICMP(l4).ID()
		default:
			return Tuple{}, false
		}
	default:
		return Tuple{}, false
	}
	return t, true
}
