package packettest

import (
	"fmt"
	"strings"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Line prints a packet as tcpdump would, whatever the bytes are. Of checksums it
// says what they are worth: a value tells nobody whether it is right.
func Line(data []byte) string {
	if len(data) > 0 && data[0]>>4 == 6 {
		return line6(data)
	}
	ip, r := packet.NewIPv4(data)
	if r != drop.None {
		return fmt.Sprintf("not IPv4 (%s): % x", r, data[:min(len(data), 64)])
	}
	return line(ip, ip.Payload())
}

func line(ip packet.IPv4, l4 []byte) string {
	head := fmt.Sprintf("ttl %d id %d len %d", ip.TTL(), ip.ID(), ip.TotalLen())
	if ip.DontFragment() {
		head += " DF"
	}
	if ip.TOS() != 0 {
		head += fmt.Sprintf(" tos %#02x", ip.TOS())
	}
	if n := ip.HeaderLen(); n > packet.IPv4HeaderLen {
		head += fmt.Sprintf(" options %x", ip[packet.IPv4HeaderLen:n])
	}
	if packet.Checksum(ip[:ip.HeaderLen()], 0) != 0 { // of a quoted header: NewIPv4 refuses a packet's own
		head += " ip csum bad"
	}
	if ip.IsFragment() {
		return fmt.Sprintf("IP %s > %s: fragment %d+%d more=%v proto %d (%s)", ip.Src(), ip.Dst(),
			ip.FragmentOffset(), len(l4), ip.MoreFragments(), ip.Protocol(), head)
	}
	body := fmt.Sprintf("%s > %s: proto %d, %d bytes", ip.Src(), ip.Dst(), ip.Protocol(), len(l4))
	switch {
	case ip.Protocol() == packet.ProtoTCP && len(l4) >= packet.TCPHeaderLen:
		body = tcpLine(ip, packet.TCP(l4))
	case ip.Protocol() == packet.ProtoTCP && len(l4) >= 8:
		body = fmt.Sprintf("%s:%d > %s:%d: tcp (cut)", ip.Src(), be16(l4), ip.Dst(), be16(l4[2:]))
	case ip.Protocol() == packet.ProtoUDP && len(l4) >= packet.UDPHeaderLen:
		u := packet.UDP(l4)
		body = fmt.Sprintf("%s:%d > %s:%d: udp length %d%s", ip.Src(), u.SrcPort(), ip.Dst(), u.DstPort(), u.Length(), checksum(ip, l4, u.Checksum()))
	case ip.Protocol() == packet.ProtoICMP && len(l4) >= packet.ICMPHeaderLen:
		body = icmpLine(ip, packet.ICMP(l4)) + checksum(ip, l4, packet.ICMP(l4).Checksum())
	}
	return "IP " + body + " (" + head + ")"
}

func tcpLine(ip packet.IPv4, h packet.TCP) string {
	s := fmt.Sprintf("%s:%d > %s:%d: tcp [%s] seq %d ack %d win %d%s", ip.Src(), h.SrcPort(), ip.Dst(), h.DstPort(),
		flagString(h.Flags()), h.Seq(), h.Ack(), h.Window(), checksum(ip, h, h.Checksum()))
	if _, r := packet.NewTCP(h); r != drop.None {
		return s + " (cut)"
	}
	if mss, ok := h.MSS(); ok {
		s += fmt.Sprintf(" mss %d", mss)
	}
	return s + fmt.Sprintf(" payload %d", len(h.Payload()))
}

// checksum says whether the transport checksum is right: " csum ok", "none", "bad",
// "ffff" where UDP sends that for zero, or nothing if the packet is cut short.
func checksum(ip packet.IPv4, l4 []byte, field uint16) string {
	pseudo := uint64(0)
	if ip.Protocol() != packet.ProtoICMP {
		pseudo = packet.PseudoSum4(ip.Src(), ip.Dst(), ip.Protocol(), len(l4))
	}
	switch udp := ip.Protocol() == packet.ProtoUDP; {
	case udp && field == 0:
		return " csum none"
	case ip.HeaderLen()+len(l4) < ip.TotalLen():
		return ""
	case packet.Fold(packet.Sum(l4, pseudo)) != 0xffff:
		return " csum bad"
	case udp && field == 0xffff:
		return " csum ffff"
	}
	return " csum ok"
}

func icmpLine(ip packet.IPv4, h packet.ICMP) string {
	s := fmt.Sprintf("%s > %s: icmp ", ip.Src(), ip.Dst())
	switch {
	case h.IsEcho():
		name := "request"
		if h.Type() == packet.ICMPEchoReply {
			name = "reply"
		}
		return s + fmt.Sprintf("echo %s id %d seq %d payload %d", name, h.ID(), h.Seq(), len(h.Payload()))
	case h.IsError():
		s += fmt.Sprintf("error type %d code %d info %d", h.Type(), h.Code(), h.Info())
		if q := h.Payload(); len(q) >= packet.IPv4HeaderLen && q[0]>>4 == 4 {
			if qh := packet.IPv4(q); qh.HeaderLen() >= packet.IPv4HeaderLen && qh.HeaderLen() <= len(q) {
				return s + " {" + line(qh, q[qh.HeaderLen():]) + "}"
			}
		}
		return s
	}
	return s + fmt.Sprintf("type %d code %d", h.Type(), h.Code())
}

func flagString(f uint8) string {
	var b strings.Builder
	for i := range 8 {
		if f&(1<<i) != 0 {
			b.WriteByte(flagLetters[i])
		}
	}
	return b.String()
}
