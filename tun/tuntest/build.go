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

// Partial replaces the complete checksum of TCPData or UDPData by a partial
// one, to be finished by whoever takes it.
func Partial(p packet.Packet) packet.Packet {
	ip := packet.IPv4(p.Data)
	l4 := p.Data[packet.IPv4HeaderLen:]
	sum := packet.Fold(packet.PseudoSum4(flowSrc, flowDst, ip.Protocol(), len(l4)))
	p.Offload.Partial = true
	p.Offload.CsumStart = packet.IPv4HeaderLen
	if ip.Protocol() == packet.ProtoTCP {
		packet.TCP(l4).SetChecksum(sum)
		p.Offload.CsumOffset = 16
	} else {
		packet.UDP(l4).SetChecksum(sum)
		p.Offload.CsumOffset = 6
	}
	return p
}

// Super makes a superpacket of TCPData or UDPData with this segment size.
func Super(p packet.Packet, segment int) packet.Packet {
	p = Partial(p)
	p.Offload.GSO, p.Offload.HdrLen = packet.GSOTCPv4, packet.IPv4HeaderLen+packet.TCPHeaderLen
	if packet.IPv4(p.Data).Protocol() == packet.ProtoUDP {
		p.Offload.GSO, p.Offload.HdrLen = packet.GSOUDP, packet.IPv4HeaderLen+packet.UDPHeaderLen
	}
	p.Offload.GSOSize = uint16(segment)
	return p
}

// Clone copies a packet, whose bytes may belong to a buffer in use.
func Clone(p packet.Packet) packet.Packet {
	p.Data = append([]byte(nil), p.Data...)
	return p
}
