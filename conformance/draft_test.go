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
	src, dst string
	flags    string
	id       uint16 // of an echo
	seq      uint32
	info     uint32
	payload  []byte
	options  []packettest.Option
	noSum    bool
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
	shape    func(whole []byte) [][]byte
}

// build makes the packets; none if there are no such fragments.
func (d *draft) build() []packet.Packet {
	var p packet.Packet
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
		if d.noSum {
			d.options = append(d.options, packettest.WithoutUDPChecksum())
		}
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
	if d.badSum {
		at := map[uint8]int{packet.ProtoTCP: 17, packet.ProtoUDP: 7, packet.ProtoICMP: 3}[ip.Protocol()]
		ip.Payload()[at] ^= 0x55
	}
	if d.badIPSum {
		p.Data[11] ^= 0x55
	}
	if len(d.surplus) > 0 {
		p.Data = append(p.Data, d.surplus...)
		ip = packet.IPv4(p.Data)
		ip.SetTotalLen(len(p.Data))
		ip.UpdateChecksum()
	}
	whole := [][]byte{p.Data}
	if d.shape != nil {
		whole = d.shape(p.Data)
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

// cut makes fragments of n bytes, all or those of the order; none if there is no such.
func cut(n int, order []int) func(whole []byte) [][]byte {
	return func(whole []byte) (out [][]byte) {
		for off := 0; off < len(whole)-packet.IPv4HeaderLen; off += n {
			out = append(out, packettest.Fragment(whole, off, n))
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

// zeroSum is a payload of two bytes with which the datagram's checksum is zero.
func zeroSum(src, dst string) []byte {
	b := packettest.UDP(src, dst, []byte{0, 0})
	sum := packet.UDP(packet.IPv4(b).Payload()).Checksum()
	return binary.BigEndian.AppendUint16(nil, sum)
}
