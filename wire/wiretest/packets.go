package wiretest

import (
	"hyperplane/packet"
)

// Addresses of the flows that the builders make.
const (
	inside  = packet.Addr4(10<<24 | 1<<8 | 10)    // 10.0.1.10
	outside = packet.Addr4(203<<24 | 113<<8 | 10) // 203.0.113.10
	tcpHead = packet.IPv4HeaderLen + 32           // with the timestamp option
	udpHead = packet.IPv4HeaderLen + packet.UDPHeaderLen
)

// TCP builds a segment, or with mss > 0 and more payload than that a
// superpacket, with a partial checksum and a timestamp option. The payload's
// bytes depend on flow and seq, so that nothing can be mistaken for another.
func TCP(flow uint16, seq uint32, payload, mss int) packet.Packet {
	b := make([]byte, tcpHead+payload)
	ipHeader(b, flow, packet.ProtoTCP)
	l4 := packet.TCP(b[packet.IPv4HeaderLen:])
	l4.Encode(packet.TCPFields{SrcPort: flow, DstPort: 80, Seq: seq, Ack: 7, HeaderLen: 32,
		Flags: packet.TCPAck | packet.TCPPsh, Window: 501})
	copy(l4[packet.TCPHeaderLen:], []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2})
	fill(b[tcpHead:], flow, seq)
	l4.SetChecksum(packet.Fold(packet.PseudoSum4(inside, outside, packet.ProtoTCP, len(l4))))
	p := packet.Packet{Data: b, Offload: packet.Offload{Partial: true}}
	if mss > 0 && payload > mss {
		p.Offload.GSO, p.Offload.GSOSize = packet.GSOTCPv4, uint16(mss)
	}
	return p
}

// UDP builds a datagram, or with size > 0 and more payload than that a
// superpacket of datagrams of that size, with a partial checksum.
func UDP(flow uint16, seq uint32, payload, size int) packet.Packet {
	b := make([]byte, udpHead+payload)
	ipHeader(b, flow, packet.ProtoUDP)
	l4 := packet.UDP(b[packet.IPv4HeaderLen:])
	l4.Encode(packet.UDPFields{SrcPort: flow, DstPort: 53, Length: len(l4)})
	fill(b[udpHead:], flow, seq)
	l4.SetChecksum(packet.Fold(packet.PseudoSum4(inside, outside, packet.ProtoUDP, len(l4))))
	p := packet.Packet{Data: b, Offload: packet.Offload{Partial: true}}
	if size > 0 && payload > size {
		p.Offload.GSO, p.Offload.GSOSize = packet.GSOUDP, uint16(size)
	}
	return p
}

func ipHeader(b []byte, id uint16, proto uint8) {
	packet.IPv4(b).Encode(packet.IPv4Fields{TotalLen: len(b), ID: id, DontFragment: true, TTL: 64,
		Protocol: proto, Src: inside, Dst: outside})
}

func fill(b []byte, flow uint16, seq uint32) {
	x := uint32(flow)<<16 ^ seq ^ 0x9e3779b9
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
}
