package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

const (
	router   = "10.0.1.1"
	fragCode = packet.ICMPCodeFragNeeded
)

// An error quotes the packet as the wire would have carried it, and is at most 576 bytes (RFC 1812, section 4.3.2.3).
func TestBuildICMPError(t *testing.T) {
	long := packettest.TCP(superFrom, superTo, "A", packettest.Payload(1400), packettest.WithDF())
	partial := packettest.PartialTCP(superFrom, superTo, "A", packettest.Payload(300), packettest.WithDF())
	partialUDP := packettest.PartialUDP(superFrom, superTo, packettest.Payload(300))
	supers := packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(9000), 300, packettest.WithSeq(77))
	segment := packettest.TCP(superFrom, superTo, "A", packettest.Payload(9000)[:300], packettest.WithSeq(77))
	for _, c := range []struct {
		name string
		p    packet.Packet
		want []byte // the quote
	}{
		{"short", packet.Packet{Data: packettest.UDP(superFrom, superTo, []byte("x"))}, packettest.UDP(superFrom, superTo, []byte("x"))},
		{"long", packet.Packet{Data: long}, long[:548]},
		{"partial checksum", partial, finished(t, partial).Data},
		{"partial checksum of UDP", partialUDP, finished(t, partialUDP).Data},
		{"superpacket", supers, segment},
		{"echo", packet.Packet{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, nil)}, packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, nil)},
		{"first fragment", packet.Packet{Data: packettest.Fragment(long, 0, 80)}, packettest.Fragment(long, 0, 80)},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := bytes.Clone(c.p.Data)
			dst := make([]byte, 1500)
			n := packet.BuildICMPError(dst, packet.ICMPUnreachable, fragCode, 1400, packettest.Addr(router), &c.p, viewOf(t, &c.p))
			if n != 28+len(c.want) || n > 576 {
				t.Fatalf("%d bytes, want %d", n, 28+len(c.want))
			}
			packettest.Check(t, dst[:n], packettest.IPv4(packettest.Src(router), packettest.Dst("10.0.1.10"), packettest.TTL(64),
				packettest.TOS(0xc0)), packettest.ICMPType(3, 4), packettest.ICMPInfo(1400), packettest.ValidChecksums())
			if got := dst[28:n]; !bytes.Equal(got, c.want) {
				t.Errorf("quote:\n got % x\nwant % x", headOf(got), headOf(c.want))
			}
			must(t, judgeByGopacket(dst[:n]))
			if !bytes.Equal(before, c.p.Data) {
				t.Error("the packet itself was changed")
			}
			if packet.BuildICMPError(dst[:n-1], 3, 4, 0, 0, &c.p, viewOf(t, &c.p)) != 0 {
				t.Error("an answer in a buffer that is too short")
			}
		})
	}
}

// The TOS keeps its middle bits, gets the precedence of network control and loses ECN (RFC 1812, section 4.3.2.5).
func TestBuildICMPErrorTOS(t *testing.T) {
	p := packet.Packet{Data: packettest.UDP(superFrom, superTo, nil, packettest.WithTOS(0x3b))}
	dst := make([]byte, 576)
	n := packet.BuildICMPError(dst, 11, 0, 0, packettest.Addr(router), &p, viewOf(t, &p))
	packettest.Check(t, dst[:n], packettest.IPv4(packettest.TOS(0xd8)))
}

// What is never answered with an error (RFC 1812, section 4.3.2.7).
func TestBuildICMPErrorNever(t *testing.T) {
	udp := packettest.UDP(superFrom, superTo, packettest.Payload(100))
	icmpError := packettest.ICMPError("10.0.1.10", "203.0.113.10", 3, 1, 0, packettest.UDP(superTo, superFrom, packettest.Payload(100)))
	for name, data := range map[string][]byte{
		"error":                   icmpError,
		"first fragment of error": packettest.Fragment(icmpError, 0, 40),
		"later fragment":          packettest.Fragment(udp, 8, 40),
		"to a group":              packettest.UDP(superFrom, "224.0.0.1:1", nil),
		"to all":                  packettest.UDP(superFrom, "255.255.255.255:1", nil),
		"from nobody":             packettest.UDP("0.0.0.0:1", superTo, nil),
		"from a group":            packettest.UDP("224.0.0.1:1", superTo, nil),
		"from loopback":           packettest.UDP("127.0.0.1:1", superTo, nil),
	} {
		t.Run(name, func(t *testing.T) {
			p := packet.Packet{Data: data}
			if n := packet.BuildICMPError(make([]byte, 1500), 3, 1, 0, packettest.Addr(router), &p, viewOf(t, &p)); n != 0 {
				t.Errorf("answered with %d bytes", n)
			}
		})
	}
}

func TestBuildEchoReply(t *testing.T) {
	for _, size := range []int{0, 1, 56, 1472, 60000} {
		p := packet.Packet{Data: packettest.EchoRequest("10.0.1.10", router, 7, 9, packettest.Payload(size), packettest.WithTTL(3), packettest.WithTOS(4), packettest.WithID(5))}
		dst := make([]byte, len(p.Data))
		n := packet.BuildEchoReply(dst, &p, viewOf(t, &p))
		if want := packettest.EchoReply(router, "10.0.1.10", 7, 9, packettest.Payload(size), packettest.WithTOS(4), packettest.WithID(5)); !bytes.Equal(dst[:n], want) {
			t.Errorf("%d bytes: got %s, want %s", size, packettest.Line(dst[:n]), packettest.Line(want))
		}
		if packet.BuildEchoReply(dst[:len(dst)-1], &p, viewOf(t, &p)) != 0 {
			t.Error("a reply in a buffer that is too short")
		}
	}
	options := packet.Packet{Data: packettest.EchoRequest("10.0.1.10", router, 7, 9, nil, packettest.WithIPOptions(148, 4, 0, 0))}
	dst := make([]byte, 100)
	packettest.Check(t, dst[:packet.BuildEchoReply(dst, &options, viewOf(t, &options))], packettest.IPv4(packettest.Length(28)), packettest.ValidChecksums())

	damaged := packettest.EchoRequest("10.0.1.10", router, 7, 9, []byte("x"))
	damaged[28]++
	for name, data := range map[string][]byte{
		"reply":      packettest.EchoReply("10.0.1.10", router, 7, 9, nil),
		"damaged":    damaged,
		"to a group": packettest.EchoRequest("10.0.1.10", "224.0.0.1", 7, 9, nil),
		"TCP":        packettest.TCP(superFrom, superTo, "S", nil),
		"fragment":   packettest.Fragment(packettest.EchoRequest("10.0.1.10", router, 7, 9, packettest.Payload(100)), 0, 64),
	} {
		p := packet.Packet{Data: data}
		if packet.BuildEchoReply(make([]byte, 1500), &p, viewOf(t, &p)) != 0 {
			t.Errorf("%s: answered", name)
		}
	}
}

// RFC 9293, section 3.10.7.1.
func TestBuildRST(t *testing.T) {
	for _, c := range []struct {
		flags   string
		payload int
		answer  string
		seq     uint32
		ack     uint32
	}{
		{"S", 0, "RA", 0, 1001},
		{"S", 10, "RA", 0, 1011},
		{"F", 10, "RA", 0, 1011},
		{"SF", 0, "RA", 0, 1002},
		{"", 5, "RA", 0, 1005},
		{"A", 5, "R", 2000, 0},
		{"SA", 0, "R", 2000, 0},
		{"FA", 0, "R", 2000, 0},
	} {
		for _, partial := range []bool{false, true} {
			build := func(body []byte, o ...packettest.Option) packet.Packet {
				if partial {
					return packettest.PartialTCP(superFrom, superTo, c.flags, body, o...)
				}
				return packet.Packet{Data: packettest.TCP(superFrom, superTo, c.flags, body, o...)}
			}
			p := build(packettest.Payload(c.payload), packettest.WithSeq(1000), packettest.WithAck(2000), packettest.WithMSS(1460))
			dst := make([]byte, 40)
			n := packet.BuildRST(dst, &p, viewOf(t, &p))
			packettest.Check(t, dst[:n], packettest.IPv4(packettest.Src("203.0.113.10"), packettest.Dst("10.0.1.10"), packettest.Length(40)),
				packettest.SrcPort(80), packettest.DstPort(40000), packettest.TCPFlags(c.answer), packettest.Seq(c.seq), packettest.Ack(c.ack),
				packettest.Window(0), packettest.ValidChecksums())
			must(t, judgeByGopacket(dst[:n]))
			if packet.BuildRST(dst[:39], &p, viewOf(t, &p)) != 0 {
				t.Error("an answer in a buffer that is too short")
			}
		}
	}
	damaged := packettest.TCP(superFrom, superTo, "A", []byte("x"))
	damaged[40]++
	for name, data := range map[string][]byte{
		"RST":        packettest.TCP(superFrom, superTo, "R", nil),
		"RST ACK":    packettest.TCP(superFrom, superTo, "RA", nil),
		"UDP":        packettest.UDP(superFrom, superTo, nil),
		"to a group": packettest.TCP(superFrom, "224.0.0.1:80", "S", nil),
		"damaged":    damaged,
	} {
		p := packet.Packet{Data: data}
		if packet.BuildRST(make([]byte, 40), &p, viewOf(t, &p)) != 0 {
			t.Errorf("%s: answered", name)
		}
	}
}

// Answers cost no allocation, so that a flood of what must be answered is no flood of garbage.
func TestAnswersAllocateNothing(t *testing.T) {
	p := packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(9000), 1000)
	echo := packet.Packet{Data: packettest.EchoRequest("10.0.1.10", router, 7, 9, packettest.Payload(56))}
	v, w := viewOf(t, &p), viewOf(t, &echo)
	dst := make([]byte, 1500)
	if n := testing.AllocsPerRun(100, func() {
		if packet.BuildICMPError(dst, 3, 4, 1400, 1, &p, v) == 0 || packet.BuildRST(dst, &p, v) == 0 || packet.BuildEchoReply(dst, &echo, w) == 0 {
			t.Error("no answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever decodes gets an answer that is valid and bounded, or none; and no answer is answered again but by an echo's
// end: an error and a RST are final (I10).
func FuzzAnswers(f *testing.F) {
	f.Add(packettest.TCP(superFrom, superTo, "S", nil), uint8(0), uint16(0), false)
	f.Add(packettest.UDP(superFrom, superTo, packettest.Payload(700)), uint8(0), uint16(0), true)
	f.Add(packettest.EchoRequest("10.0.1.10", router, 7, 9, nil), uint8(0), uint16(0), false)
	f.Add(packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(3000), 1000).Data, uint8(1), uint16(1000), true)
	f.Fuzz(tryAnswers)
}

func tryAnswers(t *testing.T, data []byte, gso uint8, size uint16, partial bool) {
	p := packet.Packet{Data: mend(data), Offload: packet.Offload{GSO: packet.GSOType(gso), GSOSize: size, Partial: partial}}
	var v packet.View
	if v.Decode(&p) != 0 {
		return
	}
	dst := make([]byte, packet.PacketMax)
	src := packettest.Addr(router)
	for _, n := range []func() int{
		func() int { return packet.BuildICMPError(dst, 3, 4, 1400, src, &p, &v) },
		func() int { return packet.BuildEchoReply(dst, &p, &v) },
		func() int { return packet.BuildRST(dst, &p, &v) },
	} {
		n := n()
		if n == 0 {
			continue
		}
		packettest.Check(t, dst[:n], packettest.ValidChecksums())
		answer := packet.Packet{Data: bytes.Clone(dst[:n])}
		var w packet.View
		if w.Decode(&answer) != 0 {
			continue // an error about a packet that quotes too little is not for us
		}
		if w.Kind == packet.KindICMPError && packet.BuildICMPError(dst, 3, 4, 0, src, &answer, &w) != 0 ||
			packet.BuildRST(dst, &answer, &w) != 0 || packet.BuildEchoReply(dst, &answer, &w) != 0 {
			t.Fatal("an answer was answered")
		}
	}
}
