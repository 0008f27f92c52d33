package packettest

import (
	"encoding/binary"
	"fmt"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Extension headers, which are printed by their names.
const (
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	destination = 60
)

// line6 prints an IPv6 packet. It walks the chain of headers itself, in whatever order
// they stand: what packet refuses is to be seen too.
//
//	IP6 [2001:db8::1]:1 > [2001:db8::2]:2: udp length 12 csum ok (hlim 64 len 52)
//	… (hlim 64 len 60 class 0xb8 flow 0x12345 hop-by-hop 00010400000000)
//
// Of an extension header the bytes after its first are shown, which says what follows;
// of a fragment header that stands before a whole packet, its identification.
func line6(data []byte) string {
	ip, r := packet.NewIPv6(data)
	if r != drop.None {
		return fmt.Sprintf("not IPv6 (%s): % x", r, data[:min(len(data), 64)])
	}
	return lineOf6(ip)
}

// lineOf6 prints an IPv6 packet of which the fixed header is there.
func lineOf6(ip packet.IPv6) string {
	total := packet.IPv6HeaderLen + ip.PayloadLen()
	head := fmt.Sprintf("hlim %d len %d", ip.HopLimit(), total)
	if ip.TrafficClass() != 0 {
		head += fmt.Sprintf(" class %#02x", ip.TrafficClass())
	}
	if ip.FlowLabel() != 0 {
		head += fmt.Sprintf(" flow %#05x", ip.FlowLabel())
	}
	rest := ip[packet.IPv6HeaderLen:min(len(ip), total)]
	proto := ip.NextHeader()
	for {
		name, size := extension(proto, rest)
		if size == 0 {
			break
		}
		if proto == fragment {
			w, id := be16(rest[2:]), binary.BigEndian.Uint32(rest[4:])
			if w&^6 != 0 { // but for the reserved bits
				return fmt.Sprintf("IP6 %s > %s: fragment %d+%d more=%v proto %d id %d (%s)", ip.Src(), ip.Dst(),
					w&^7, len(rest)-size, w&1 != 0, rest[0], id, head)
			}
			head += fmt.Sprintf(" atomic id %d", id)
		} else {
			head += fmt.Sprintf(" %s %x", name, rest[1:size])
		}
		proto, rest = rest[0], rest[size:]
	}
	t := transport{src: ip.Src().Netip(), dst: ip.Dst().Netip(), proto: proto, l4: rest, cut: len(ip) < total, pseudo: ip.PseudoSum(proto, len(rest))}
	body := t.line()
	if proto == packet.ProtoICMPv6 && len(rest) >= packet.ICMPHeaderLen {
		body = icmp6Line(ip, packet.ICMPv6(rest)) + t.checksum(packet.ICMPv6(rest).Checksum())
	}
	return "IP6 " + body + " (" + head + ")"
}

// extension is the name and the length of the extension header at b, 0 if there stands
// none, or not all of it.
func extension(proto uint8, b []byte) (name string, size int) {
	if len(b) < 8 {
		return "", 0
	}
	size = 8 + int(b[1])*8
	switch proto {
	case hopByHop:
		name = "hop-by-hop"
	case routing:
		name = "routing"
	case destination:
		name = "destination"
	case fragment:
		return "fragment", 8
	default:
		return "", 0
	}
	if len(b) < size {
		return "", 0
	}
	return name, size
}

func icmp6Line(ip packet.IPv6, h packet.ICMPv6) string {
	s := fmt.Sprintf("%s > %s: icmp6 ", ip.Src(), ip.Dst())
	switch {
	case h.IsEcho():
		name := "request"
		if h.Type() == packet.ICMPv6EchoReply {
			name = "reply"
		}
		return s + fmt.Sprintf("echo %s id %d seq %d payload %d", name, h.ID(), h.Seq(), len(h.Payload()))
	case h.IsError():
		s += fmt.Sprintf("error type %d code %d info %d", h.Type(), h.Code(), h.Info())
		if q := h.Payload(); len(q) >= packet.IPv6HeaderLen && packet.IsIPv6(q) {
			s += " {" + lineOf6(packet.IPv6(q)) + "}"
			if behind := len(q) - packet.IPv6HeaderLen - packet.IPv6(q).PayloadLen(); behind > 0 {
				s += fmt.Sprintf(" +%d", behind)
			}
		}
		return s
	}
	return s + fmt.Sprintf("type %d code %d", h.Type(), h.Code())
}
