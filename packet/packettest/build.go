package packettest

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"hyperplane/packet"
)

// spec is a packet before it is bytes.
type spec struct {
	ip         packet.IPv4Fields
	ipOptions  []byte
	tcp        packet.TCPFields
	tcpOptions []byte
	noUDPSum   bool
	gsoSize    int
	flowLabel  uint32
	partial    bool
}

// Option changes a packet that is being built.
type Option func(*spec)

// WithTTL sets the time to live (64 without).
func WithTTL(v uint8) Option { return func(s *spec) { s.ip.TTL = v } }

// WithTOS sets the type of service octet.
func WithTOS(v uint8) Option { return func(s *spec) { s.ip.TOS = v } }

// WithID sets the identification.
func WithID(v uint16) Option { return func(s *spec) { s.ip.ID = v } }

// WithDF sets the don't-fragment bit.
func WithDF() Option { return func(s *spec) { s.ip.DontFragment = true } }

// WithIPOptions adds IPv4 options; they are padded to a multiple of 4 bytes.
func WithIPOptions(o ...byte) Option { return func(s *spec) { s.ipOptions = pad4(o) } }

// WithSeq sets the TCP sequence number.
func WithSeq(v uint32) Option { return func(s *spec) { s.tcp.Seq = v } }

// WithAck sets the TCP acknowledgment number.
func WithAck(v uint32) Option { return func(s *spec) { s.tcp.Ack = v } }

// WithWindow sets the TCP window (65535 without).
func WithWindow(v uint16) Option { return func(s *spec) { s.tcp.Window = v } }

// WithTCPOptions adds TCP options; they are padded to a multiple of 4 bytes.
func WithTCPOptions(o ...byte) Option {
	return func(s *spec) { s.tcpOptions = pad4(append(s.tcpOptions, o...)) }
}

// WithMSS adds the TCP maximum segment size option.
func WithMSS(v uint16) Option { return WithTCPOptions(2, 4, byte(v>>8), byte(v)) }

// WithoutUDPChecksum leaves the UDP checksum at zero, "none".
func WithoutUDPChecksum() Option { return func(s *spec) { s.noUDPSum = true } }

func pad4(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// TCP builds a segment. src and dst are "10.0.0.1:80", flags any of "FSRPAUEC".
func TCP(src, dst, flags string, payload []byte, opts ...Option) []byte {
	return buildTCP(src, dst, flags, payload, opts).Data
}

// PartialTCP builds a segment whose checksum is partial, as a TUN hands it over.
func PartialTCP(src, dst, flags string, payload []byte, opts ...Option) packet.Packet {
	return buildTCP(src, dst, flags, payload, append(opts, func(s *spec) { s.partial = true }))
}

// SuperTCP builds a superpacket to be cut into segments of size bytes.
func SuperTCP(src, dst, flags string, payload []byte, size int, opts ...Option) packet.Packet {
	return buildTCP(src, dst, flags, payload, append(opts, func(s *spec) { s.partial, s.gsoSize = true, size }))
}

// UDP builds a datagram. src and dst are "10.0.0.1:53".
func UDP(src, dst string, payload []byte, opts ...Option) []byte {
	return buildUDP(src, dst, payload, opts).Data
}

// PartialUDP builds a datagram whose checksum is partial.
func PartialUDP(src, dst string, payload []byte, opts ...Option) packet.Packet {
	return buildUDP(src, dst, payload, append(opts, func(s *spec) { s.partial = true }))
}

// SuperUDP builds a superpacket to be cut into datagrams of size bytes of payload.
func SuperUDP(src, dst string, payload []byte, size int, opts ...Option) packet.Packet {
	return buildUDP(src, dst, payload, append(opts, func(s *spec) { s.partial, s.gsoSize = true, size }))
}

// EchoRequest builds a ping. src and dst are "10.0.0.1".
func EchoRequest(src, dst string, id, seq uint16, payload []byte, opts ...Option) []byte {
	return icmp(src, dst, packet.ICMPEchoRequest, 0, uint32(id)<<16|uint32(seq), payload, opts)
}

// EchoReply builds the answer to a ping.
func EchoReply(src, dst string, id, seq uint16, payload []byte, opts ...Option) []byte {
	return icmp(src, dst, packet.ICMPEchoReply, 0, uint32(id)<<16|uint32(seq), payload, opts)
}

// ICMPError builds an error that quotes the given bytes; info is the word at
// offset 4, such as the next-hop MTU.
func ICMPError(src, dst string, typ, code uint8, info uint32, quote []byte, opts ...Option) []byte {
	return icmp(src, dst, typ, code, info, quote, opts)
}

// Fragment cuts n bytes at off out of the payload of a whole packet (off is a
// multiple of 8) and gives them its header, options included.
func Fragment(whole []byte, off, n int) []byte {
	ip := packet.IPv4(whole)
	hl, body := ip.HeaderLen(), ip.Payload()
	end := min(off+n, len(body))
	out := append(append([]byte(nil), whole[:hl]...), body[off:end]...)
	f := packet.IPv4(out)
	f.SetTotalLen(len(out))
	f.SetFragment(false, end < len(body), off)
	return out
}

// Payload makes n bytes that differ from place to place.
func Payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// Addr parses an IPv4 address.
func Addr(s string) packet.Addr4 {
	a, ok := packet.AddrFrom(netip.MustParseAddr(s))
	if !ok {
		panic("packettest: not an IPv4 address: " + s)
	}
	return a
}

// Addr6 parses an IPv6 address.
func Addr6(s string) packet.Addr6 {
	a, ok := packet.Addr6From(netip.MustParseAddr(s))
	if !ok {
		panic("packettest: not an IPv6 address: " + s)
	}
	return a
}

// Port parses "10.0.0.1:80".
func Port(s string) (packet.Addr4, uint16) {
	ap := netip.MustParseAddrPort(s)
	return Addr(ap.Addr().String()), ap.Port()
}

// Flags turns "SA" into bits.
func Flags(s string) (f uint8) {
	for _, c := range s {
		i := strings.IndexRune(flagLetters, c)
		if i < 0 {
			panic("packettest: unknown TCP flag " + string(c))
		}
		f |= 1 << i
	}
	return f
}

// flagLetters are the TCP flags from the lowest bit up.
const flagLetters = "FSRPAUEC"

func newSpec(src, dst packet.Addr4, proto uint8, opts []Option) *spec {
	s := &spec{ip: packet.IPv4Fields{TTL: 64, Protocol: proto, Src: src, Dst: dst}, tcp: packet.TCPFields{Window: 65535}}
	for _, o := range opts {
		o(s)
	}
	return s
}

// bytes lays out the IP header and returns the packet and its transport part.
func (s *spec) bytes(l4len int) (data, l4 []byte) {
	hl := packet.IPv4HeaderLen + len(s.ipOptions)
	data = make([]byte, hl+l4len)
	s.ip.TotalLen = len(data)
	ip := packet.IPv4(data)
	ip.Encode(s.ip)
	copy(data[packet.IPv4HeaderLen:], s.ipOptions)
	data[0] = 4<<4 | byte(hl/4)
	ip.UpdateChecksum()
	return data, data[hl:]
}

// finish says what is left to do. The offsets are left wrong on purpose: they
// are not to be trusted before Decode.
func (s *spec) finish(data []byte, gso packet.GSOType) packet.Packet {
	p := packet.Packet{Data: data}
	p.Offload.Partial = s.partial
	if s.gsoSize > 0 {
		p.Offload.GSO, p.Offload.GSOSize = gso, uint16(s.gsoSize)
	}
	return p
}

func (s *spec) pseudo(l4 []byte) uint16 {
	return packet.Fold(packet.PseudoSum4(s.ip.Src, s.ip.Dst, s.ip.Protocol, len(l4)))
}

func buildTCP(src, dst, flags string, payload []byte, opts []Option) packet.Packet {
	sa, sp := Port(src)
	da, dp := Port(dst)
	s := newSpec(sa, da, packet.ProtoTCP, opts)
	s.tcp.SrcPort, s.tcp.DstPort, s.tcp.Flags = sp, dp, Flags(flags)
	s.tcp.HeaderLen = packet.TCPHeaderLen + len(s.tcpOptions)
	data, l4 := s.bytes(s.tcp.HeaderLen + len(payload))
	tcp := packet.TCP(l4)
	tcp.Encode(s.tcp)
	copy(l4[packet.TCPHeaderLen:], s.tcpOptions)
	copy(l4[s.tcp.HeaderLen:], payload)
	if s.partial {
		tcp.SetChecksum(s.pseudo(l4))
	} else {
		tcp.UpdateChecksum(sa, da)
	}
	return s.finish(data, packet.GSOTCPv4)
}

func buildUDP(src, dst string, payload []byte, opts []Option) packet.Packet {
	sa, sp := Port(src)
	da, dp := Port(dst)
	s := newSpec(sa, da, packet.ProtoUDP, opts)
	data, l4 := s.bytes(packet.UDPHeaderLen + len(payload))
	udp := packet.UDP(l4)
	udp.Encode(packet.UDPFields{SrcPort: sp, DstPort: dp, Length: len(l4)})
	copy(l4[packet.UDPHeaderLen:], payload)
	switch {
	case s.partial:
		udp.SetChecksum(s.pseudo(l4))
	case !s.noUDPSum:
		udp.UpdateChecksum(sa, da)
	}
	return s.finish(data, packet.GSOUDP)
}

func icmp(src, dst string, typ, code uint8, info uint32, payload []byte, opts []Option) []byte {
	s := newSpec(Addr(src), Addr(dst), packet.ProtoICMP, opts)
	data, l4 := s.bytes(packet.ICMPHeaderLen + len(payload))
	m := packet.ICMP(l4)
	m.Encode(packet.ICMPFields{Type: typ, Code: code, Info: info})
	copy(l4[packet.ICMPHeaderLen:], payload)
	m.UpdateChecksum()
	return data
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
