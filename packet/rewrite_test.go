package packet_test

import (
	"bytes"
	"fmt"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

func decode(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *packet.Packet) packet.View {
	t.Helper()
	var v packet.View
	if r := v.Decode(p); r != drop.None {
		t.Fatalf("%s: %s", r, packettest.Line(p.Data))
	}
	return v
}

func rewriteOf(t packet.Tuple) packet.Rewrite {
	return packet.Rewrite{Src: t.Src, Dst: t.Dst, SrcPort: t.SrcPort, DstPort: t.DstPort}
}

// translate applies r as a forwarder would, by kind.
func translate(v *packet.View, p *packet.Packet, outer, r packet.Rewrite) {
	if v.Kind == packet.KindICMPError {
		v.RewriteICMPError(p, outer, r)
		return
	}
	v.Rewrite(p, r)
}

func TestRewriteTable(t *testing.T) {
	nat := packet.Rewrite{Src: packettest.Addr("198.51.100.1"), Dst: packettest.Addr("203.0.113.10"), SrcPort: 50000, DstPort: 80}
	same := packettest.All(packettest.IPv4(packettest.Src("198.51.100.1"), packettest.Dst("203.0.113.10"), packettest.TTL(64)), packettest.ValidChecksums())
	for _, c := range []struct {
		name  string
		data  []byte
		check packettest.Checker
	}{
		{"tcp", packettest.TCP(in, out, "PA", packettest.Payload(7)), packettest.All(packettest.SrcPort(50000), packettest.DstPort(80), packettest.TCPFlags("PA"), packettest.PayloadIs(packettest.Payload(7)))},
		{"tcp behind IP options", packettest.TCP(in, out, "A", nil, packettest.WithIPOptions(7, 7, 4, 0, 0, 0, 0)), packettest.SrcPort(50000)},
		{"udp", packettest.UDP(in, out, packettest.Payload(9)), packettest.All(packettest.SrcPort(50000), packettest.PayloadIs(packettest.Payload(9)))},
		{"udp without checksum", packettest.UDP(in, out, nil, packettest.WithoutUDPChecksum()), packettest.SrcPort(50000)},
		{"echo", packettest.EchoRequest("10.0.1.10", "203.0.113.10", 7, 9, []byte("abc")), packettest.All(packettest.EchoID(50000), packettest.PayloadIs([]byte("abc")))},
	} {
		p := packet.Packet{Data: bytes.Clone(c.data)}
		v := decode(t, &p)
		v.Rewrite(&p, nat)
		t.Run(c.name, func(t *testing.T) { packettest.Check(t, p.Data, same, c.check) })
		if w := decode(t, &p); w.Tuple != v.Tuple {
			t.Errorf("%s: view says %s, packet %s", c.name, v.Tuple, w.Tuple)
		}
	}
	p := packet.Packet{Data: packettest.UDP(in, out, nil, packettest.WithoutUDPChecksum())}
	v := decode(t, &p)
	if v.Rewrite(&p, nat); packet.UDP(v.L4).Checksum() != 0 {
		t.Error("UDP checksum zero did not stay zero (RFC 768)")
	}
}

// What the rewritten packet's checksums are is asked of gopacket, too.
func TestRewriteAgainstGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawFlowPacket(t, false)
		v := decode(t, &p)
		v.Rewrite(&p, drawRewrite(t, "r"))
		parsed := gopacket.NewPacket(p.Data, layers.LayerTypeIPv4, gopacket.Default)
		if l4, ok := parsed.TransportLayer().(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l4.SetNetworkLayerForChecksum(parsed.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
		if err, bad := parsed.VerifyChecksums(); err != nil || len(bad) > 0 {
			t.Fatalf("%v %+v in %s", err, bad, packettest.Line(p.Data))
		}
	})
}

// TestRewriteThereAndBack is I2 and I9 for every kind: the translated packet is
// valid, says what it should, and translated back is the original, byte for byte.
func TestRewriteThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p packet.Packet
		if rapid.Bool().Draw(t, "error") {
			p = drawICMPError(t)
		} else {
			p = drawFlowPacket(t, rapid.Bool().Draw(t, "partial"))
		}
		original := bytes.Clone(p.Data)
		v := decode(t, &p)
		before, kind := v.Tuple, v.Kind
		outerBefore := packet.Rewrite{Src: v.IP.Src(), Dst: v.IP.Dst()}
		outer, r := drawRewrite(t, "outer"), drawRewrite(t, "r")

		translate(&v, &p, outer, r)
		w := decode(t, &p)
		want := packet.Tuple{Net: before.Net, Src: r.Src, Dst: r.Dst, SrcPort: r.SrcPort, DstPort: r.DstPort}
		if before.Proto() == packet.ProtoICMP { // one identifier
			if isRequest(&w) {
				want.DstPort = 0
			} else {
				want.SrcPort = 0
			}
		}
		if w.Kind != kind || w.Tuple != want || v.Tuple != want {
			t.Fatalf("%s %s became %s %s (view says %s), want %s", kind, before, w.Kind, w.Tuple, v.Tuple, want)
		}
		if kind == packet.KindICMPError && (w.IP.Src() != outer.Src || w.IP.Dst() != outer.Dst) {
			t.Fatalf("outer addresses: %s", packettest.Line(p.Data))
		}
		if !w.VerifyL4(&p) {
			t.Fatalf("checksum: %s", packettest.Line(p.Data))
		}
		if p.Offload.Partial {
			field, pseudo := partialField(&w), packet.Fold(packet.PseudoSum4(r.Src, r.Dst, w.Tuple.Proto(), len(w.L4)))
			if field != pseudo {
				t.Fatalf("partial checksum %#04x, want the pseudo header's %#04x", field, pseudo)
			}
			q := packet.Packet{Data: bytes.Clone(p.Data), Offload: p.Offload}
			x := decode(t, &q)
			if q.FinishChecksum(&x); q.Offload.Partial || !x.VerifyL4(&q) {
				t.Fatalf("finished checksum: %s", packettest.Line(q.Data))
			}
		}

		translate(&w, &p, outerBefore, rewriteOf(before))
		// An echo reply may be all zero as far as its quote reaches, and what is cut
		// off decides which form of zero its checksum had: either will do there.
		if kind == packet.KindICMPError && before.Proto() == packet.ProtoICMP && differs(p.Data, original) < 0 {
			return
		}
		if !bytes.Equal(p.Data, original) {
			t.Fatalf("there and back:\n% x\n% x", p.Data, original)
		}
	})
}

// The quoted transport checksum is right again for whoever sent the quoted packet.
func TestRewriteICMPErrorFixesQuotedChecksum(t *testing.T) {
	for _, quoted := range [][]byte{
		packettest.TCP("198.51.100.1:50000", out, "PA", packettest.Payload(33)),
		packettest.UDP("198.51.100.1:50000", out, packettest.Payload(33)),
		packettest.EchoRequest("198.51.100.1", "203.0.113.10", 50000, 3, packettest.Payload(33)),
	} {
		p := packet.Packet{Data: packettest.ICMPError("192.0.2.1", "198.51.100.1", packet.ICMPUnreachable, packet.ICMPCodeFragNeeded, 1400, quoted)}
		v := decode(t, &p)
		back := v.Tuple // 203.0.113.10:80 > 198.51.100.1:50000
		v.RewriteICMPError(&p, packet.Rewrite{Src: packettest.Addr("192.0.2.1"), Dst: packettest.Addr("10.0.1.10")},
			packet.Rewrite{Src: back.Src, SrcPort: back.SrcPort, Dst: packettest.Addr("10.0.1.10"), DstPort: 4000})
		packettest.Check(t, p.Data,
			packettest.IPv4(packettest.Src("192.0.2.1"), packettest.Dst("10.0.1.10")), packettest.ICMPType(3, 4), packettest.ICMPInfo(1400), packettest.ValidChecksums(),
			packettest.Quote(packettest.IPv4(), packettest.Src("10.0.1.10"), packettest.Dst("203.0.113.10"), packettest.ValidChecksums()))
	}
}

// A checksum that was wrong stays wrong: a translator must not bless damage.
func TestRewriteKeepsWrongChecksumWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawFlowPacket(t, false)
		v := decode(t, &p)
		i := v.HeadLen - 1 // a byte that Rewrite does not touch: the last of the header
		p.Data[i] ^= rapid.ByteRange(1, 254).Draw(t, "damage")
		v = decode(t, &p)
		if v.VerifyL4(&p) {
			return // it became a UDP datagram without checksum
		}
		if v.Rewrite(&p, drawRewrite(t, "r")); v.VerifyL4(&p) {
			t.Fatalf("became right: %s", packettest.Line(p.Data))
		}
	})
}

// An echo reply of nothing but zeros verifies with 0xffff only.
func TestRewriteEchoOfZeros(t *testing.T) {
	p := packet.Packet{Data: packettest.EchoReply("203.0.113.10", "198.51.100.1", 0, 0, make([]byte, 5))}
	original := bytes.Clone(p.Data)
	v := decode(t, &p)
	before := v.Tuple
	v.Rewrite(&p, packet.Rewrite{Src: 1, Dst: 2, DstPort: 77})
	v.Rewrite(&p, rewriteOf(before))
	if !bytes.Equal(p.Data, original) || !v.VerifyL4(&p) {
		t.Errorf("% x, want % x", p.Data, original)
	}
}

// Kinds that Rewrite does not know are left alone.
func TestRewriteLeavesOthers(t *testing.T) {
	udp := packettest.UDP(in, out, packettest.Payload(20))
	for _, data := range [][]byte{packettest.Fragment(udp, 8, 8), portError(udp)} {
		p := packet.Packet{Data: bytes.Clone(data)}
		v := decode(t, &p)
		if v.Rewrite(&p, packet.Rewrite{Src: 1}); !bytes.Equal(p.Data, data) {
			t.Errorf("Rewrite changed %s", packettest.Line(data))
		}
	}
	p := packet.Packet{Data: bytes.Clone(udp)}
	v := decode(t, &p)
	if v.RewriteICMPError(&p, packet.Rewrite{}, packet.Rewrite{}); !bytes.Equal(p.Data, udp) {
		t.Error("RewriteICMPError changed a datagram")
	}
}

func TestDecrementTTL(t *testing.T) {
	for ttl, ok := range map[uint8]bool{0: false, 1: false, 2: true, 64: true, 255: true} {
		p := packet.Packet{Data: packettest.UDP(in, out, nil, packettest.WithTTL(ttl))}
		v := decode(t, &p)
		want := ttl
		if ok {
			want--
		}
		if got := v.DecrementTTL(); got != ok {
			t.Errorf("TTL %d: %v", ttl, got)
		}
		packettest.Check(t, p.Data, packettest.IPv4(packettest.TTL(want)), packettest.ValidChecksums())
	}
}

func TestClampMSS(t *testing.T) {
	mss := packettest.WithMSS(1460)
	for _, c := range []struct {
		name  string
		flags string
		opts  []packettest.Option
		want  bool
		left  uint16
	}{
		{"SYN", "S", []packettest.Option{mss}, true, 1360},
		{"SYN ACK", "SA", []packettest.Option{mss}, true, 1360},
		{"at an odd offset", "S", []packettest.Option{packettest.WithTCPOptions(1, 2, 4, 0x05, 0xb4)}, true, 1360},
		{"behind others", "S", []packettest.Option{packettest.WithTCPOptions(4, 2, 3, 3, 7, 2, 4, 0x05, 0xb4)}, true, 1360},
		{"small already", "S", []packettest.Option{packettest.WithMSS(1360)}, false, 1360},
		{"no SYN", "A", []packettest.Option{mss}, false, 1460},
		{"no option", "S", nil, false, 0},
		{"after the end of options", "S", []packettest.Option{packettest.WithTCPOptions(0, 2, 4, 0x05, 0xb4)}, false, 0},
		{"length 0", "S", []packettest.Option{packettest.WithTCPOptions(9, 0, 2, 4, 0x05, 0xb4)}, false, 0},
		{"past the header", "S", []packettest.Option{packettest.WithTCPOptions(1, 1, 2, 4)}, false, 0},
		{"wrong length", "S", []packettest.Option{packettest.WithTCPOptions(2, 3, 9, 1)}, false, 0},
		{"kind without length", "S", []packettest.Option{packettest.WithTCPOptions(1, 1, 1, 2)}, false, 0},
	} {
		for _, partial := range []bool{false, true} {
			p := packet.Packet{Data: packettest.TCP(in, out, c.flags, []byte("odd"), c.opts...)}
			if partial {
				p = packettest.PartialTCP(in, out, c.flags, []byte("odd"), c.opts...)
			}
			v := decode(t, &p)
			field := packet.TCP(v.L4).Checksum()
			if got := v.ClampMSS(&p, 1360); got != c.want {
				t.Errorf("%s: %v", c.name, got)
			}
			if partial && packet.TCP(v.L4).Checksum() != field {
				t.Errorf("%s: partial checksum changed", c.name)
			}
			p.FinishChecksum(&v)
			packettest.Check(t, p.Data, packettest.MSS(c.left), packettest.ValidChecksums())
		}
	}
	p := packet.Packet{Data: packettest.UDP(in, out, nil)}
	if v := decode(t, &p); v.ClampMSS(&p, 1) {
		t.Error("a datagram was clamped")
	}
}

func TestFinishChecksum(t *testing.T) {
	super := packettest.SuperTCP(in, out, "A", packettest.Payload(3000), 1448)
	v := decode(t, &super)
	before := bytes.Clone(super.Data)
	if super.FinishChecksum(&v); !super.Offload.Partial || !bytes.Equal(super.Data, before) {
		t.Error("a superpacket's checksum was finished")
	}
	p := packettest.PartialUDP(in, out, packettest.Payload(5))
	packet.UDP(p.Data[20:]).SetChecksum(0xbeef) // the field is not trusted
	v = decode(t, &p)
	p.FinishChecksum(&v)
	if p.Offload != (packet.Offload{}) {
		t.Errorf("%+v left", p.Offload)
	}
	packettest.Check(t, p.Data, packettest.ValidChecksums())
}

// --- generators

var anyPort = rapid.OneOf(rapid.Uint16(), rapid.SampledFrom([]uint16{0, 1, 65535}))

func drawAddr(t *rapid.T, label string) packet.Addr4 {
	return packet.Addr4(rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 0xffffffff, 0x0a00010a})).Draw(t, label))
}

func drawRewrite(t *rapid.T, label string) packet.Rewrite {
	return packet.Rewrite{Src: drawAddr(t, label+" src"), Dst: drawAddr(t, label+" dst"), SrcPort: anyPort.Draw(t, label+" sport"), DstPort: anyPort.Draw(t, label+" dport")}
}

// drawFlowPacket draws a valid packet of KindTCP, KindUDP or KindEcho.
func drawFlowPacket(t *rapid.T, partial bool) packet.Packet {
	src, dst := drawAddr(t, "src").String(), drawAddr(t, "dst").String()
	sport, dport := anyPort.Draw(t, "sport"), anyPort.Draw(t, "dport")
	payload := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 0xff})), 0, 70).Draw(t, "payload")
	opts := []packettest.Option{packettest.WithTTL(rapid.Byte().Draw(t, "ttl")), packettest.WithID(rapid.Uint16().Draw(t, "id"))}
	if rapid.Bool().Draw(t, "options") {
		opts = append(opts, packettest.WithIPOptions(7, 7, 4, 0, 0, 0, 0, 0), packettest.WithMSS(1460))
	}
	s, d := fmt.Sprintf("%s:%d", src, sport), fmt.Sprintf("%s:%d", dst, dport)
	switch k := rapid.IntRange(0, 4).Draw(t, "kind"); {
	case k == 0 && partial:
		return packettest.PartialTCP(s, d, "A", payload, opts...)
	case k == 0:
		return packet.Packet{Data: packettest.TCP(s, d, "A", payload, opts...)}
	case partial:
		return packettest.PartialUDP(s, d, payload, opts...)
	case k == 1:
		return packet.Packet{Data: packettest.UDP(s, d, payload, opts...)}
	case k == 2:
		return packet.Packet{Data: packettest.UDP(s, d, payload, append(opts, packettest.WithoutUDPChecksum())...)}
	case k == 3:
		return packet.Packet{Data: packettest.EchoRequest(src, dst, sport, dport, payload, opts...)}
	default:
		return packet.Packet{Data: packettest.EchoReply(src, dst, sport, dport, payload, opts...)}
	}
}

// drawICMPError draws an error that quotes such a packet, cut anywhere it may be
// cut, perhaps with bytes behind it (RFC 4884).
func drawICMPError(t *rapid.T) packet.Packet {
	quoted := drawFlowPacket(t, rapid.Bool().Draw(t, "quoted partial")).Data
	cut := rapid.IntRange(packet.IPv4(quoted).HeaderLen()+8, len(quoted)).Draw(t, "cut")
	quote := bytes.Clone(quoted[:cut])
	if cut == len(quoted) {
		quote = append(quote, rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "behind")...)
	}
	typ := rapid.SampledFrom([]uint8{packet.ICMPUnreachable, packet.ICMPTimeExceeded, packet.ICMPParameterProblem}).Draw(t, "type")
	return packet.Packet{Data: packettest.ICMPError(drawAddr(t, "outer src").String(), drawAddr(t, "outer dst").String(), typ, 0, rapid.Uint32().Draw(t, "info"), quote)}
}

// isRequest reports whether a view's tuple is an echo request's: that of a
// request, or of an error that quotes a reply.
func isRequest(v *packet.View) bool {
	m := packet.ICMP(v.L4)
	if v.Kind != packet.KindICMPError {
		return m.Type() == packet.ICMPEchoRequest
	}
	q := packet.IPv4(m.Payload())
	return q[q.HeaderLen()] == packet.ICMPEchoReply
}

func partialField(v *packet.View) uint16 {
	if v.Kind == packet.KindTCP {
		return packet.TCP(v.L4).Checksum()
	}
	return packet.UDP(v.L4).Checksum()
}
