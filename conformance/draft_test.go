package conformance

import (
	"encoding/binary"
	"slices"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// draft is a packet before it is bytes.
type draft struct {
	kind     string
	family   string // "IPv4" or "IPv6"
	src, dst string
	flags    string
	id       uint16 // of an echo
	seq      uint32
	info     uint32
	payload  []byte
	options  []packettest.Option
	badSum   bool
	badIPSum bool
	partial  bool
	gso      int
	proto    uint8
	typ      uint8
	code     uint8
	surplus  []byte
	trunc    int
	pad      int
	extend   []extension
	fragment uint32 // the identification of IPv6 fragments
	shape    func(whole []byte) [][]byte
}

// extension is an extension header of IPv6.
type extension struct {
	typ    uint8
	header []byte
}

func (d *draft) six() bool { return d.family == "IPv6" }

// build makes the packets; none if there are no such fragments.
func (d *draft) build() []packet.Packet {
	var p packet.Packet
	if d.six() {
		p = d.whole6()
	} else {
		p = d.whole4()
	}
	whole := [][]byte{p.Data}
	if d.shape != nil {
		whole = d.shape(p.Data)
	}
	for i := range whole {
		for _, x := range slices.Backward(d.extend) {
			whole[i] = packettest.Extend(whole[i], x.typ, x.header...)
		}
	}
	ps := make([]packet.Packet, len(whole))
	for i, b := range whole {
		if d.trunc >= 0 {
			b = b[:min(d.trunc, len(b))]
		}
		ps[i] = packet.Packet{Data: append(slices.Clone(b), make([]byte, d.pad)...), Offload: p.Offload}
	}
	return ps
}

func (d *draft) whole4() (p packet.Packet) {
	switch {
	case d.kind == "tcp" && d.gso > 0:
		p = packettest.SuperTCP(d.src, d.dst, d.flags, d.payload, d.gso, d.options...)
	case d.kind == "tcp" && d.partial:
		p = packettest.PartialTCP(d.src, d.dst, d.flags, d.payload, d.options...)
	case d.kind == "tcp":
		p.Data = packettest.TCP(d.src, d.dst, d.flags, d.payload, d.options...)
	case d.kind == "udp" && d.gso > 0:
		p = packettest.SuperUDP(d.src, d.dst, d.payload, d.gso, d.options...)
	case d.kind == "udp" && d.partial:
		p = packettest.PartialUDP(d.src, d.dst, d.payload, d.options...)
	case d.kind == "udp":
		p.Data = packettest.UDP(d.src, d.dst, d.payload, d.options...)
	case d.kind == "echo":
		p.Data = packettest.EchoRequest(d.src, d.dst, d.id, uint16(d.seq), d.payload, d.options...)
	case d.kind == "reply":
		p.Data = packettest.EchoReply(d.src, d.dst, d.id, uint16(d.seq), d.payload, d.options...)
	case d.kind == "icmp":
		p.Data = packettest.ICMPError(d.src, d.dst, d.typ, d.code, d.info, d.payload, d.options...)
	default:
		p.Data = packettest.ICMPError(d.src, d.dst, 0, 0, 0, d.payload, d.options...)
		p.Data[9] = d.proto
		packet.IPv4(p.Data).UpdateChecksum()
	}
	ip := packet.IPv4(p.Data)
	d.spoil(ip.Protocol(), ip.Payload())
	if d.badIPSum {
		p.Data[11] ^= 0x55
	}
	if len(d.surplus) > 0 {
		p.Data = append(p.Data, d.surplus...)
		ip = packet.IPv4(p.Data)
		ip.SetTotalLen(len(p.Data))
		ip.UpdateChecksum()
	}
	return p
}

// whole6 is the packet without extension headers.
func (d *draft) whole6() (p packet.Packet) {
	if d.partial {
		d.options = append(d.options, packettest.WithPartial())
	}
	icmp := func(typ, code uint8, info uint32) {
		p.Data = packettest.ICMP6(d.src, d.dst, typ, code, info, d.payload, d.options...)
	}
	switch d.kind {
	case "tcp":
		p = packettest.SuperTCP6(d.src, d.dst, d.flags, d.payload, d.gso, d.options...)
	case "udp":
		p = packettest.SuperUDP6(d.src, d.dst, d.payload, d.gso, d.options...)
	case "echo":
		icmp(packet.ICMPv6EchoRequest, 0, uint32(d.id)<<16|d.seq&0xffff)
	case "reply":
		icmp(packet.ICMPv6EchoReply, 0, uint32(d.id)<<16|d.seq&0xffff)
	case "icmp":
		icmp(d.typ, d.code, d.info)
	default:
		icmp(0, 0, 0)
		p.Data[6] = d.proto
	}
	ip := packet.IPv6(p.Data)
	d.spoil(ip.NextHeader(), ip.Payload())
	if len(d.surplus) > 0 {
		p.Data = append(p.Data, d.surplus...)
		packet.IPv6(p.Data).SetPayloadLen(len(p.Data) - packet.IPv6HeaderLen)
	}
	return p
}

// spoil makes a transport checksum bad, if it should be.
func (d *draft) spoil(proto uint8, l4 []byte) {
	if d.badSum {
		l4[map[uint8]int{packet.ProtoTCP: 17, packet.ProtoUDP: 7, packet.ProtoICMP: 3, packet.ProtoICMPv6: 3}[proto]] ^= 0x55
	}
}

// piece is a fragment of a packet.
func (d *draft) piece(whole []byte, off, n int) []byte {
	if d.six() {
		return packettest.Fragment6(whole, off, n, d.fragment)
	}
	return packettest.Fragment(whole, off, n)
}

// cut makes fragments of n bytes, all or those of the order; none if there is no such.
func (d *draft) cut(n int, order []int) func(whole []byte) [][]byte {
	return func(whole []byte) (out [][]byte) {
		header := packet.IPv4HeaderLen
		if d.six() {
			header = packet.IPv6HeaderLen
		}
		for off := 0; off < len(whole)-header; off += n {
			out = append(out, d.piece(whole, off, n))
		}
		if order == nil {
			return out
		}
		var chosen [][]byte
		for _, i := range order {
			if i < 1 || i > len(out) {
				return nil
			}
			chosen = append(chosen, out[i-1])
		}
		return chosen
	}
}

// zeroSum is a payload of two bytes with which the checksum of the datagram, sent from
// there, is zero.
func (d *draft) zeroSum(src string) []byte {
	if d.six() {
		sum := packet.UDP(packettest.UDP6(src, d.dst, []byte{0, 0})[packet.IPv6HeaderLen:]).Checksum()
		return binary.BigEndian.AppendUint16(nil, sum)
	}
	sum := packet.UDP(packet.IPv4(packettest.UDP(src, d.dst, []byte{0, 0})).Payload()).Checksum()
	return binary.BigEndian.AppendUint16(nil, sum)
}
