package tuntest

import (
	"hyperplane/packet"
)

// The conformance suite's packets: one flow per protocol, between addresses
// nobody has (RFC 2544's benchmarking range), so that a kernel does not answer.
const (
	flowSrc   = packet.Addr4(198<<24 | 18<<16 | 1)
	flowDst   = packet.Addr4(198<<24 | 19<<16 | 1)
	flowSport = 4000
	flowDport = 9
)

// payload returns size bytes of a pattern that starts at the given position,
// so that a byte tells where it belongs.
func payload(at, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte((at + i) * 31 >> 2)
	}
	return b
}

// TCPData is a TCP segment of the suite's flow: the bytes of its stream from
// at on, at also being the sequence number. Its checksum is complete.
func TCPData(at, size int) packet.Packet {
	b := make([]byte, packet.IPv4HeaderLen+packet.TCPHeaderLen+size)
	l4 := encodeIP(b, packet.ProtoTCP, uint16(at/max(size, 1)))
	packet.TCP(l4).Encode(packet.TCPFields{
		SrcPort: flowSport, DstPort: flowDport,
		Seq: uint32(at), Ack: 1, Flags: packet.TCPAck, Window: 1000,
	})
	copy(l4[packet.TCPHeaderLen:], payload(at, size))
	packet.TCP(l4).UpdateChecksum(flowSrc, flowDst)
	return packet.Packet{Data: b}
}

// UDPData is a datagram of the suite's flow. Its checksum is complete.
func UDPData(at, size int) packet.Packet {
	b := make([]byte, packet.IPv4HeaderLen+packet.UDPHeaderLen+size)
	l4 := encodeIP(b, packet.ProtoUDP, uint16(at/max(size, 1)))
	packet.UDP(l4).Encode(packet.UDPFields{SrcPort: flowSport, DstPort: flowDport, Length: len(l4)})
	copy(l4[packet.UDPHeaderLen:], payload(at, size))
	packet.UDP(l4).UpdateChecksum(flowSrc, flowDst)
	return packet.Packet{Data: b}
}

// Echo is an ICMP echo request, which continues nothing.
func Echo(seq int) packet.Packet {
	b := make([]byte, packet.IPv4HeaderLen+packet.ICMPHeaderLen+8)
	l4 := encodeIP(b, packet.ProtoICMP, uint16(seq))
	l4[0], l4[7] = packet.ICMPEchoRequest, byte(seq)
	packet.ICMP(l4).UpdateChecksum()
	return packet.Packet{Data: b}
}

func encodeIP(b []byte, proto uint8, id uint16) (l4 []byte) {
	packet.IPv4(b).Encode(packet.IPv4Fields{
		TotalLen: len(b), ID: id, DontFragment: true, TTL: 64,
		Protocol: proto, Src: flowSrc, Dst: flowDst,
	})
	return b[packet.IPv4HeaderLen:]
}

// The flows of IPv6: the same, between addresses of IPv6's benchmarking range
// (RFC 5180, section 8).
var (
	flowSrc6 = packet.Addr6{0x20, 0x01, 0, 2, 15: 1}
	flowDst6 = packet.Addr6{0x20, 0x01, 0, 2, 0, 0, 0, 1, 15: 1}
)

// TCPData6 is TCPData over IPv6.
func TCPData6(at, size int) packet.Packet {
	return overIPv6(TCPData(at, size))
}

// UDPData6 is UDPData over IPv6.
func UDPData6(at, size int) packet.Packet {
	return overIPv6(UDPData(at, size))
}

// overIPv6 gives a packet of the suite's flow an IPv6 header.
func overIPv6(p packet.Packet) packet.Packet {
	l4, proto := p.Data[packet.IPv4HeaderLen:], packet.IPv4(p.Data).Protocol()
	b := append(make([]byte, packet.IPv6HeaderLen), l4...)
	packet.IPv6(b).Encode(packet.IPv6Fields{
		PayloadLen: len(l4), NextHeader: proto, HopLimit: 64, FlowLabel: 0x12345, Src: flowSrc6, Dst: flowDst6,
	})
	field := b[packet.IPv6HeaderLen+csumOffset(proto):][:2]
	field[0], field[1] = 0, 0
	sum := packet.Checksum(b[packet.IPv6HeaderLen:], packet.IPv6(b).PseudoSum(proto, len(l4)))
	field[0], field[1] = byte(sum>>8), byte(sum)
	return packet.Packet{Data: b}
}

func csumOffset(proto uint8) int {
	if proto == packet.ProtoTCP {
		return 16
	}
	return 6
}

// header returns what Partial and Super must know of a packet of either version.
func header(b []byte) (ipLen int, proto uint8, pseudo uint64) {
	if b[0]>>4 == 6 {
		ip := packet.IPv6(b)
		return packet.IPv6HeaderLen, ip.NextHeader(), ip.PseudoSum(ip.NextHeader(), ip.PayloadLen())
	}
	ip := packet.IPv4(b)
	return packet.IPv4HeaderLen, ip.Protocol(), packet.PseudoSum4(ip.Src(), ip.Dst(), ip.Protocol(), len(b)-packet.IPv4HeaderLen)
}

// Partial replaces the complete checksum of a TCP or UDP packet by a partial
// one, to be finished by whoever takes it.
func Partial(p packet.Packet) packet.Packet {
	ipLen, proto, pseudo := header(p.Data)
	at, sum := ipLen+csumOffset(proto), packet.Fold(pseudo)
	p.Data[at], p.Data[at+1] = byte(sum>>8), byte(sum)
	p.Offload.Partial = true
	p.Offload.CsumStart, p.Offload.CsumOffset = uint16(ipLen), uint16(at-ipLen)
	return p
}

// Super makes a superpacket of TCP or UDP data with this segment size.
func Super(p packet.Packet, segment int) packet.Packet {
	p = Partial(p)
	ipLen, proto, _ := header(p.Data)
	p.Offload.GSO, p.Offload.HdrLen = packet.GSOTCPv4, uint16(ipLen+packet.TCPHeaderLen)
	switch {
	case proto == packet.ProtoUDP:
		p.Offload.GSO, p.Offload.HdrLen = packet.GSOUDP, uint16(ipLen+packet.UDPHeaderLen)
	case ipLen == packet.IPv6HeaderLen:
		p.Offload.GSO = packet.GSOTCPv6
	}
	p.Offload.GSOSize = uint16(segment)
	return p
}

// Clone copies a packet, whose bytes may belong to a buffer in use.
func Clone(p packet.Packet) packet.Packet {
	p.Data = append([]byte(nil), p.Data...)
	return p
}
