package packettest

import (
	"fmt"
	"net/netip"
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
	t := transport{src: ip.Src().Netip(), dst: ip.Dst().Netip(), proto: ip.Protocol(), l4: l4, cut: ip.HeaderLen()+len(l4) < ip.TotalLen()}
	if t.proto != packet.ProtoICMP {
		t.pseudo = packet.PseudoSum4(ip.Src(), ip.Dst(), t.proto, len(l4))
	}
	body := t.line()
	if t.proto == packet.ProtoICMP && len(l4) >= packet.ICMPHeaderLen {
		body = icmpLine(ip, packet.ICMP(l4)) + t.checksum(packet.ICMP(l4).Checksum())
	}
	return "IP " + body + " (" + head + ")"
}

// transport is what follows an IP header of either version, with what of the header
// matters to it.
type transport struct {
	src, dst netip.Addr
	proto    uint8
	l4       []byte
	pseudo   uint64 // the sum of the pseudo header
	cut      bool   // l4 is not all of it
}

// line prints what both versions print alike; ICMP is none of it.
func (t *transport) line() string {
	switch {
	case t.proto == packet.ProtoTCP && len(t.l4) >= packet.TCPHeaderLen:
		return t.tcpLine(packet.TCP(t.l4))
	case t.proto == packet.ProtoTCP && len(t.l4) >= 8:
		return t.ports() + ": tcp (cut)"
	case t.proto == packet.ProtoUDP && len(t.l4) >= packet.UDPHeaderLen:
		u := packet.UDP(t.l4)
		return fmt.Sprintf("%s: udp length %d%s", t.ports(), u.Length(), t.checksum(u.Checksum()))
	}
	return fmt.Sprintf("%s > %s: proto %d, %d bytes", t.src, t.dst, t.proto, len(t.l4))
}

// ports are both ends with their ports, of which at least 4 bytes are there.
func (t *transport) ports() string {
	return fmt.Sprintf("%s > %s", netip.AddrPortFrom(t.src, be16(t.l4)), netip.AddrPortFrom(t.dst, be16(t.l4[2:])))
}

func (t *transport) tcpLine(h packet.TCP) string {
	s := fmt.Sprintf("%s: tcp [%s] seq %d ack %d win %d%s", t.ports(), flagString(h.Flags()), h.Seq(), h.Ack(), h.Window(), t.checksum(h.Checksum()))
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
func (t *transport) checksum(field uint16) string {
	switch udp := t.proto == packet.ProtoUDP; {
	case udp && field == 0:
		return " csum none"
	case t.cut:
		return ""
	case packet.Fold(packet.Sum(t.l4, t.pseudo)) != 0xffff:
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
