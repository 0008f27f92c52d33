package packet_test

import (
	"fmt"
	"net/netip"

	"hyperplane/packet"
	"hyperplane/packet/packettest"

	"pgregory.net/rapid"
)

// pair is one packet in both IP versions, each built from nothing by packettest:
// so that a translation can be compared byte for byte with what it should be,
// checksums included, and there and back with what it was (I2).
type pair struct {
	four, six packet.Packet
	// Rewrites into one version and the other; outer is for errors.
	to4, outer4 packet.Rewrite
	to6, outer6 packet.Rewrite6
	id          uint16 // of four
}

// ends are a flow's ends in both versions.
type ends struct {
	src4, dst4   packet.Addr4
	src6, dst6   packet.Addr6
	sport, dport uint16
}

func drawEnds(t *rapid.T) ends {
	addr6 := func(name string) (a packet.Addr6) {
		copy(a[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		a[0] = 0x20 // no IPv4-mapped address
		return a
	}
	return ends{
		packet.Addr4(rapid.Uint32().Draw(t, "src4")), packet.Addr4(rapid.Uint32().Draw(t, "dst4")), addr6("src6"), addr6("dst6"),
		rapid.Uint16().Draw(t, "sport"), rapid.Uint16().Draw(t, "dport"),
	}
}

func (e ends) reverse() ends { return ends{e.dst4, e.src4, e.dst6, e.src6, e.dport, e.sport} }

func (e ends) rewrite4() packet.Rewrite {
	return packet.Rewrite{Src: e.src4, Dst: e.dst4, SrcPort: e.sport, DstPort: e.dport}
}
func (e ends) rewrite6() packet.Rewrite6 {
	return packet.Rewrite6{Src: e.src6, Dst: e.dst6, SrcPort: e.sport, DstPort: e.dport}
}

func (e ends) names4() (src, dst string) {
	return fmt.Sprintf("%s:%d", e.src4, e.sport), fmt.Sprintf("%s:%d", e.dst4, e.dport)
}

func (e ends) names6() (src, dst string) {
	return netip.AddrPortFrom(e.src6.Netip(), e.sport).String(), netip.AddrPortFrom(e.dst6.Netip(), e.dport).String()
}

// drawFlow draws a whole packet of a flow. id is the identification that the
// IPv4 packet has; DF is as RFC 7915, section 5.1 wants it.
func drawFlow(t *rapid.T, e ends, id uint16, offload bool) pair {
	p := pair{to4: e.rewrite4(), to6: e.rewrite6(), id: id}
	payload := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload")
	if rapid.IntRange(0, 3).Draw(t, "long") == 0 {
		payload = packettest.Payload(rapid.IntRange(1180, 1300).Draw(t, "length"))
	}
	common := []packettest.Option{
		packettest.WithTOS(rapid.Byte().Draw(t, "tos")), packettest.WithTTL(rapid.Byte().Draw(t, "ttl")), packettest.WithID(id),
	}
	size := 0
	if offload && rapid.Bool().Draw(t, "partial") {
		common = append(common, packettest.WithPartial())
		if size = rapid.IntRange(0, 1300).Draw(t, "segment"); size > 0 {
			payload = packettest.Payload(size + rapid.IntRange(1, 4000).Draw(t, "more"))
		}
	}
	four := func(headLen int) []packettest.Option {
		segment := len(payload)
		if size > 0 {
			segment = size
		}
		if headLen+segment > 1260 {
			return append(common[:len(common):len(common)], packettest.WithDF())
		}
		return common
	}
	src4, dst4 := e.names4()
	src6, dst6 := e.names6()
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		options := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "options")
		common = append(common, packettest.WithTCPOptions(options...), packettest.WithSeq(rapid.Uint32().Draw(t, "seq")))
		flags := rapid.SampledFrom([]string{"S", "SA", "A", "PA", "FA", "R"}).Draw(t, "flags")
		p.four = packettest.SuperTCP(src4, dst4, flags, payload, size, four(40+(len(options)+3)/4*4)...)
		p.six = packettest.SuperTCP6(src6, dst6, flags, payload, size, common...)
		if size == 0 && !p.six.Offload.Partial {
			p.four.Data, p.four.Offload = packettest.TCP(src4, dst4, flags, payload, four(40+(len(options)+3)/4*4)...), packet.Offload{}
		}
	case 1:
		p.four = packettest.SuperUDP(src4, dst4, payload, size, four(28)...)
		p.six = packettest.SuperUDP6(src6, dst6, payload, size, common...)
		if size == 0 && !p.six.Offload.Partial {
			p.four.Data, p.four.Offload = packettest.UDP(src4, dst4, payload, four(28)...), packet.Offload{}
		}
	case 2:
		size = 0
		seq := rapid.Uint16().Draw(t, "seq")
		p.four.Data = packettest.EchoRequest(e.src4.String(), e.dst4.String(), e.sport, seq, payload, four(28)...)
		p.six.Data = packettest.ICMP6(e.src6.String(), e.dst6.String(), 128, 0, uint32(e.sport)<<16|uint32(seq), payload, common...)
	default:
		size = 0
		seq := rapid.Uint16().Draw(t, "seq")
		p.four.Data = packettest.EchoReply(e.src4.String(), e.dst4.String(), e.dport, seq, payload, four(28)...)
		p.six.Data = packettest.ICMP6(e.src6.String(), e.dst6.String(), 129, 0, uint32(e.dport)<<16|uint32(seq), payload, common...)
	}
	return p
}

// drawFragment draws a fragment of a packet of TCP or UDP.
func drawFragment(t *rapid.T, e ends) pair {
	p := pair{to4: e.rewrite4(), to6: e.rewrite6(), id: rapid.Uint16().Draw(t, "id")}
	payload := packettest.Payload(rapid.IntRange(100, 300).Draw(t, "length"))
	src4, dst4 := e.names4()
	src6, dst6 := e.names6()
	four, six := packettest.UDP(src4, dst4, payload, packettest.WithID(p.id)), packettest.UDP6(src6, dst6, payload)
	if rapid.Bool().Draw(t, "tcp") {
		four, six = packettest.TCP(src4, dst4, "A", payload, packettest.WithID(p.id)), packettest.TCP6(src6, dst6, "A", payload)
	}
	offset, n := 8*rapid.SampledFrom([]int{0, 0, 3, 4, 7, 12}).Draw(t, "offset"), 8*rapid.IntRange(3, 40).Draw(t, "units")
	if offset == 0 {
		n = min(n, 88) // else it might be a whole packet
	}
	p.four.Data, p.six.Data = packettest.Fragment(four, offset, n), packettest.Fragment6(six, offset, n, uint32(p.id))
	return p
}

// errorTypes are the errors that are the same there and back.
var errorTypes = []struct {
	typ4, code4 uint8
	info4       uint32
	typ6, code6 uint8
	info6       uint32
}{
	{3, 1, 0, 1, 0, 0}, {3, 10, 0, 1, 1, 0}, {3, 3, 0, 1, 4, 0}, {3, 2, 0, 4, 1, 6}, {3, 4, 1380, 2, 0, 1400},
	{11, 0, 0, 3, 0, 0}, {11, 1, 0, 3, 1, 0}, {12, 0, 9 << 24, 4, 0, 6}, {12, 0, 16 << 24, 4, 0, 24},
}

// drawError draws an error about a packet of the flow, cut as a router would.
func drawError(t *rapid.T, e ends) pair {
	q := drawFlow(t, e.reverse(), 0, false)
	typ := rapid.SampledFrom(errorTypes).Draw(t, "type")
	extended := (typ.typ6 == 1 || typ.typ6 == 3) && rapid.Bool().Draw(t, "extended")
	n := rapid.IntRange(8, 400).Draw(t, "quoted") // transport header and data
	if n == 17 {
		n++ // half a checksum stays as it is
	}
	if extended {
		n = max(n, 112) // less is quoted only of a shorter packet (RFC 4884, section 3)
	}
	quote4, quote6 := q.four.Data[:min(20+n, len(q.four.Data))], q.six.Data[:min(40+n, len(q.six.Data))]
	opts := []packettest.Option{packettest.WithTOS(rapid.Byte().Draw(t, "outer tos")), packettest.WithTTL(rapid.Byte().Draw(t, "outer ttl"))}

	p := pair{to4: e.rewrite4(), to6: e.rewrite6(), id: rapid.Uint16().Draw(t, "outer id")}
	outer := drawEnds(t)
	p.outer4, p.outer6 = outer.rewrite4(), outer.rewrite6()
	info4, info6 := typ.info4, typ.info6
	if extended {
		length6 := max(152, (len(quote6)+7)/8*8) // so that the IPv4 quote has 132 bytes of its own
		extension := append([]byte{0x20, 0, 0, 0}, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "extension")...)
		quote4 = append(append(append([]byte(nil), quote4...), make([]byte, length6-20-len(quote4))...), extension...)
		quote6 = append(append(append([]byte(nil), quote6...), make([]byte, length6-len(quote6))...), extension...)
		info4, info6 = info4|uint32(length6-20)/4<<16, info6|uint32(length6)/8<<24
	}
	p.four.Data = packettest.ICMPError(outer.src4.String(), outer.dst4.String(), typ.typ4, typ.code4, info4, quote4, append(opts, packettest.WithID(p.id))...)
	p.six.Data = packettest.ICMP6(outer.src6.String(), outer.dst6.String(), typ.typ6, typ.code6, info6, quote6, opts...)
	return p
}

func drawPair(t *rapid.T) pair {
	e := drawEnds(t)
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		return drawFragment(t, e)
	case 1:
		return drawError(t, e)
	}
	return drawFlow(t, e, rapid.Uint16().Draw(t, "id"), true)
}
