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

var (
	inside6  = packet.Addr6{0x20, 0x01, 0x0d, 0xb8, 15: 10}
	outside6 = packet.Addr6{0x20, 0x01, 0x0d, 0xb8, 0, 1, 15: 10}
)

// growth is by how much an IPv6 header is longer.
const growth = packet.IPv6HeaderLen - packet.IPv4HeaderLen

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

// TCP6 is TCP over IPv6.
func TCP6(flow uint16, seq uint32, payload, mss int) packet.Packet {
	p := overIPv6(TCP(flow, seq, payload, mss))
	if p.Offload.GSO != packet.GSONone {
		p.Offload.GSO = packet.GSOTCPv6
	}
	return p
}

// UDP6 is UDP over IPv6.
func UDP6(flow uint16, seq uint32, payload, size int) packet.Packet {
	return overIPv6(UDP(flow, seq, payload, size))
}

// overIPv6 gives a packet with a partial checksum an IPv6 header.
func overIPv6(p packet.Packet) packet.Packet {
	l4, proto := p.Data[packet.IPv4HeaderLen:], packet.IPv4(p.Data).Protocol()
	ip := append(make(packet.IPv6, packet.IPv6HeaderLen), l4...)
	ip.Encode(packet.IPv6Fields{PayloadLen: len(l4), FlowLabel: 0x54321, NextHeader: proto, HopLimit: 64, Src: inside6, Dst: outside6})
	l4, sum := ip.Payload(), packet.Fold(ip.PseudoSum(proto, len(l4)))
	if proto == packet.ProtoTCP {
		packet.TCP(l4).SetChecksum(sum)
	} else {
		packet.UDP(l4).SetChecksum(sum)
	}
	p.Data = ip
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
