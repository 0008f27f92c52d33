package packettest

import (
	"net/netip"

	"hyperplane/packet"
)

// WithFlowLabel sets the flow label of an IPv6 packet.
func WithFlowLabel(v uint32) Option { return func(s *spec) { s.flowLabel = v } }

// TCP6 builds a segment over IPv6. src and dst are "[2001:db8::1]:80".
func TCP6(src, dst, flags string, payload []byte, opts ...Option) []byte {
	return SuperTCP6(src, dst, flags, payload, 0, opts...).Data
}

// SuperTCP6 builds a superpacket to be cut into segments of size bytes; size 0
// makes an ordinary segment with a complete checksum.
func SuperTCP6(src, dst, flags string, payload []byte, size int, opts ...Option) packet.Packet {
	from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	s := newSpec(0, 0, packet.ProtoTCP, opts)
	s.gsoSize, s.partial = size, s.partial || size > 0
	s.tcp.SrcPort, s.tcp.DstPort, s.tcp.Flags = from.Port(), to.Port(), Flags(flags)
	s.tcp.HeaderLen = packet.TCPHeaderLen + len(s.tcpOptions)
	ip, l4 := s.bytes6(from.Addr(), to.Addr(), s.tcp.HeaderLen+len(payload))
	tcp := packet.TCP(l4)
	tcp.Encode(s.tcp)
	copy(l4[packet.TCPHeaderLen:], s.tcpOptions)
	copy(l4[s.tcp.HeaderLen:], payload)
	tcp.SetChecksum(s.checksum6(ip, l4))
	return s.finish(ip, packet.GSOTCPv6)
}

// UDP6 builds a datagram over IPv6. src and dst are "[2001:db8::1]:53".
func UDP6(src, dst string, payload []byte, opts ...Option) []byte {
	return SuperUDP6(src, dst, payload, 0, opts...).Data
}

// SuperUDP6 builds a superpacket to be cut into datagrams of size bytes of
// payload; size 0 makes an ordinary datagram with a complete checksum.
func SuperUDP6(src, dst string, payload []byte, size int, opts ...Option) packet.Packet {
	from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	s := newSpec(0, 0, packet.ProtoUDP, opts)
	s.gsoSize, s.partial = size, s.partial || size > 0
	ip, l4 := s.bytes6(from.Addr(), to.Addr(), packet.UDPHeaderLen+len(payload))
	udp := packet.UDP(l4)
	udp.Encode(packet.UDPFields{SrcPort: from.Port(), DstPort: to.Port(), Length: len(l4)})
	copy(l4[packet.UDPHeaderLen:], payload)
	if !s.noUDPSum {
		udp.SetChecksum(s.checksum6(ip, l4))
	}
	return s.finish(ip, packet.GSOUDP)
}

// WithPartial leaves the transport checksum of an IPv6 packet partial.
func WithPartial() Option { return func(s *spec) { s.partial = true } }

// ICMP6 builds an ICMPv6 message: an echo, of which info is identifier and
// sequence number, or an error about the bytes it quotes. src and dst are
// "2001:db8::1".
func ICMP6(src, dst string, typ, code uint8, info uint32, payload []byte, opts ...Option) []byte {
	s := newSpec(0, 0, packet.ProtoICMPv6, opts)
	ip, l4 := s.bytes6(netip.MustParseAddr(src), netip.MustParseAddr(dst), packet.ICMPHeaderLen+len(payload))
	m := packet.ICMPv6(l4)
	m.Encode(packet.ICMPFields{Type: typ, Code: code, Info: info})
	copy(l4[packet.ICMPHeaderLen:], payload)
	m.UpdateChecksum(ip)
	return ip
}

// Extend puts an extension header of a type between the fixed header of an IPv6
// packet and what follows. Its first byte is overwritten: it says what follows.
func Extend(data []byte, typ uint8, header ...byte) []byte {
	out := append(append(append([]byte(nil), data[:packet.IPv6HeaderLen]...), header...), data[packet.IPv6HeaderLen:]...)
	out[packet.IPv6HeaderLen] = out[6]
	out[6] = typ
	packet.IPv6(out).SetPayloadLen(len(out) - packet.IPv6HeaderLen)
	return out
}

// Fragment6 cuts n bytes at off out of the payload of an IPv6 packet without
// extension headers (off is a multiple of 8) and gives them a fragment header.
func Fragment6(whole []byte, off, n int, id uint32) []byte {
	body := whole[packet.IPv6HeaderLen:]
	end := min(off+n, len(body))
	w := uint16(off)
	if end < len(body) {
		w |= 1
	}
	out := append(append([]byte(nil), whole[:packet.IPv6HeaderLen]...), body[off:end]...)
	return Extend(out, 44, 0, 0, byte(w>>8), byte(w), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// bytes6 lays out the IPv6 header and returns the packet and its transport part.
func (s *spec) bytes6(src, dst netip.Addr, l4len int) (ip packet.IPv6, l4 []byte) {
	ip = make(packet.IPv6, packet.IPv6HeaderLen+l4len)
	ip.Encode(packet.IPv6Fields{
		TrafficClass: s.ip.TOS, FlowLabel: s.flowLabel, PayloadLen: l4len, NextHeader: s.ip.Protocol, HopLimit: s.ip.TTL,
		Src: Addr6(src.String()), Dst: Addr6(dst.String()),
	})
	return ip, ip[packet.IPv6HeaderLen:]
}

// checksum6 is the transport checksum, partial or complete, of l4 with a field of
// zero.
func (s *spec) checksum6(ip packet.IPv6, l4 []byte) uint16 {
	pseudo := ip.PseudoSum(s.ip.Protocol, len(l4))
	if s.partial {
		return packet.Fold(pseudo)
	}
	if c := packet.Checksum(l4, pseudo); c != 0 || s.ip.Protocol != packet.ProtoUDP {
		return c
	}
	return 0xffff // zero is none (RFC 768)
}
