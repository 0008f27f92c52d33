package sim

import (
	"bytes"
	"fmt"
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// under is an IPv4 address under a /96 prefix, as blue's and green's are.
func under(prefix, v4 string) string {
	p := Addr6(prefix + "::")
	a := Addr(v4)
	p[12], p[13], p[14], p[15] = byte(a>>24), byte(a>>16), byte(a>>8), byte(a)
	return p.String()
}

// A flow of an instance with an IPv6 address and a server with an IPv4 address: TCP, UDP
// and echo, by the well-known prefix and by one's own, from either host.
func TestNAT64(t *testing.T) {
	for _, c := range []struct{ instance, address, prefix, public string }{
		{"a", addrA, "64:ff9b", blue}, // which has an IPv4 address too
		{"b", addrB, "64:ff9b", blue},
		{"c", addrC, "64:ff9b", blue},
		{"g", addrG, "2001:db8:64", green},
	} {
		w := newDualStack(t)
		server := under(c.prefix, web)
		for _, f := range []struct {
			name      string
			out, back []byte
			reply     func(public string, id uint16) []byte
			check     []Checker
			back6     func(v *packet.View6) bool
		}{
			{
				name: "tcp", out: TCP6(to6(c.address, 4000), to6(server, 443), "S", []byte("tfo"), WithMSS(1440), WithTTL(64), WithTOS(0x2e)),
				reply: func(public string, _ uint16) []byte { return TCP(web+":443", public, "SA", nil, WithMSS(1460)) },
				check: []Checker{IPv4(Dst(web), TTL(63)), TCPFlags("S"), ValidChecksums()},
			},
			{
				name: "udp", out: UDP6(to6(c.address, 4000), to6(server, 53), []byte("question")),
				reply: func(public string, _ uint16) []byte {
					return UDP(web+":53", public, []byte("answer"), WithoutUDPChecksum())
				},
				check: []Checker{IPv4(Dst(web)), ValidChecksums()},
			},
			{
				name: "echo", out: ICMP6(c.address, server, packet.ICMPv6EchoRequest, 0, 7<<16|1, []byte("hello")),
				reply: func(public string, id uint16) []byte {
					return EchoReply(web, c.public, id, 1, []byte("hello"))
				},
				check: []Checker{IPv4(Dst(web)), ValidChecksums()},
			},
		} {
			name := c.instance + " " + f.name
			got := w.out(c.instance, clone(f.out))
			Check(t, got, f.check...)
			var v packet.View
			p := plain(clone(got))
			if r := v.Decode(&p); r != drop.None || v.IP.Src().String() != c.public {
				t.Fatalf("%s: %v: %s", name, r, Line(got))
			}
			if v.IP.TOS() != packet.IPv6(f.out).TrafficClass() {
				t.Errorf("%s: TOS %#x", name, v.IP.TOS())
			}
			back := w.in(c.instance, f.reply(fmt.Sprintf("%v:%d", v.Tuple.Src, v.Tuple.SrcPort), v.Tuple.SrcPort))
			six, sent := w.six(back), w.six(f.out)
			if six.Tuple != sent.Tuple.Reverse() || six.IP.HopLimit() != 63 {
				t.Errorf("%s: back %s, was %v", name, Line(back), sent.Tuple)
			}
		}
		w.dropped(drop.None, 0)
		w.silence()
	}
}

// A segment to an instance of IPv6 has the longer header in its MTU: the SYN says so to
// the server, whatever the instance says.
func TestNAT64ClampsMSS(t *testing.T) {
	w := newDualStack(t)
	for instance, want := range map[string]uint16{addrB: 1500 - 60, addrC: 1400 - 60} {
		name := map[string]string{addrB: "b", addrC: "c"}[instance]
		Check(t, w.out(name, TCP6(to6(instance, 4000), to6(under("64:ff9b", web), 80), "S", nil, WithMSS(9000))), MSS(want))
	}
}

// Errors find their flows in both directions, with what they quote translated.
func TestNAT64Errors(t *testing.T) {
	w := newDualStack(t)
	server := under("64:ff9b", web)
	sent := UDP6(to6(addrB, 4000), to6(server, 53), bytes.Repeat([]byte("x"), 1300))
	out := w.out("b", clone(sent))
	var v packet.View
	p := plain(clone(out))
	if r := v.Decode(&p); r != drop.None || !v.IP.DontFragment() {
		t.Fatalf("%v: %s", r, Line(out))
	}
	// A router on the way says that it does not fit; it is not who the flow is with.
	back := w.in("b", ICMPError("192.0.2.7", blue, packet.ICMPUnreachable, packet.ICMPCodeFragNeeded, 1300, out))
	six := w.six(back)
	if m := packet.ICMPv6(six.L4); m.Type() != packet.ICMPv6PacketTooBig || m.Info() != 1320 || six.IP.Src() != Addr6(under("64:ff9b", "192.0.2.7")) ||
		!bytes.Equal(m.Payload()[8:48], sent[8:48]) {
		t.Errorf("too big: %s", Line(back))
	}
	// The instance has nobody at the port.
	reply := w.in("b", UDP(web+":53", fmt.Sprintf("%s:%d", blue, v.Tuple.SrcPort), []byte("late")))
	got := w.out("b", ICMP6(addrB, server, packet.ICMPv6Unreachable, 4, 0, reply))
	Check(t, got, IPv4(Src(blue), Dst(web)), ValidChecksums())
	p = plain(got)
	if r := v.Decode(&p); r != drop.None || v.Kind != packet.KindICMPError || packet.ICMP(v.L4).Code() != packet.ICMPCodePort {
		t.Errorf("unreachable: %v: %s", r, Line(got))
	}
	w.dropped(drop.None, 0)
	w.silence()
}

// What the Top itself says reaches an instance of IPv6 too: the hop limit, a packet that
// does not fit the internet, a connection that nobody knows.
func TestNAT64AnswersOfTheTop(t *testing.T) {
	w := newDualStack(t)
	server := under("64:ff9b", web)
	w.must(w.Send("b", plain(UDP6(to6(addrB, 4000), to6(server, 53), nil, WithTTL(1)))))
	got := w.six(w.one("b", w.Received("b")))
	if m := packet.ICMPv6(got.L4); m.Type() != packet.ICMPv6TimeExceeded || got.IP.Src() != Addr6(under("64:ff9b", "10.0.0.5")) {
		t.Errorf("hop limit: %s", Line(got.IP))
	}
	w.dropped(drop.TTLExpired, 1)
	w.must(w.Send("b", plain(TCP6(to6(addrB, 4000), to6(server, 80), "A", nil, WithAck(5)))))
	got = w.six(w.one("b", w.Received("b")))
	if got.Kind != packet.KindTCP || got.TCPFlags&packet.TCPRst == 0 || packet.TCP(got.L4).Seq() != 5 {
		t.Errorf("reset: %s", Line(got.IP))
	}
	w.dropped(drop.NoFlow, 1)
	w.silence()
}

// Packets of many fragments pass both ways, echo's too, which no fragment alone tells.
func TestNAT64Fragments(t *testing.T) {
	w := newDualStack(t)
	server, payload := under("64:ff9b", web), bytes.Repeat([]byte("0123456789abcdef"), 600)
	whole := ICMP6(addrC, server, packet.ICMPv6EchoRequest, 0, 7<<16|1, payload)
	var pieces []packet.Packet
	for off := 0; off < len(whole)-40; off += 1200 {
		pieces = append(pieces, plain(Fragment6(whole, off, 1200, 99)))
	}
	w.must(w.Send("c", pieces...))
	out := w.together(w.Internet(), 1500)
	Check(t, out, IPv4(Src(blue), Dst(web)), ValidChecksums())
	var v packet.View
	p := plain(clone(out))
	if r := v.Decode(&p); r != drop.None || !bytes.Equal(v.L4[8:], payload) {
		t.Fatalf("%v: %s", r, Line(out))
	}
	reply := EchoReply(web, blue, v.Tuple.SrcPort, 1, payload)
	var f packet.Fragments
	p = plain(reply)
	if r := v.Decode(&p); r != drop.None {
		t.Fatal(r)
	}
	reply = clone(reply)
	packet.IPv4(reply).SetFragment(false, false, 0)
	p = plain(reply)
	v.Decode(&p)
	if r := f.Plan(&p, &v, 1500); r != drop.None {
		t.Fatal(r)
	}
	for i := range f.N() {
		b := make([]byte, 1500)
		w.must(w.Reply(plain(b[:f.Piece(i, b)])))
	}
	back := w.together(w.Received("c"), 1400)
	if six := w.six(back); six.Tuple != w.six(whole).Tuple.Reverse() || !bytes.Equal(six.L4[8:], payload) {
		t.Errorf("back: %s", Line(back))
	}
	w.dropped(drop.None, 0)
	w.silence()
}

// Superpackets stay whole, and are not copied where there is room before them.
func TestNAT64Superpackets(t *testing.T) {
	w := newDualStack(t)
	server, payload := under("64:ff9b", web), bytes.Repeat([]byte("superpacket "), 3000)
	out := w.out("b", TCP6(to6(addrB, 4000), to6(server, 80), "S", nil))
	public := source(t, out)
	w.must(w.Send("b", SuperTCP6(to6(addrB, 4000), to6(server, 80), "A", payload, 1440)))
	got := w.Internet()
	if len(got) != 1 || got[0].Offload.GSO != packet.GSOTCPv4 || got[0].Offload.GSOSize != 1440 || !bytes.HasSuffix(got[0].Data, payload) {
		t.Fatalf("out: %d packets, %+v", len(got), got)
	}
	w.must(w.Reply(SuperTCP(web+":80", public, "A", payload, 1440)))
	back := w.Received("b")
	if len(back) != 1 || back[0].Offload.GSO != packet.GSOTCPv6 || back[0].Offload.GSOSize != 1440 || !bytes.HasSuffix(back[0].Data, payload) || len(back[0].Data) != 60+len(payload) {
		t.Fatalf("back: %d packets; drops: %v", len(back), w.reasons())
	}
	w.must(w.Reply(SuperTCP(web+":80", public, "A", payload, 1441)))
	w.dropped(drop.TooBig, 1) // and its sender is told, by the Top
	if got := w.Internet(); len(got) != 1 {
		t.Errorf("%d answers", len(got))
	}
}

// Nothing under the prefix that is no host on the internet is sent there.
func TestNAT64Addresses(t *testing.T) {
	w := newDualStack(t)
	for _, dst := range []string{"127.0.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255", "240.1.2.3"} {
		w.must(w.Send("b", plain(UDP6(to6(addrB, 9), to6(under("64:ff9b", dst), 9), nil))))
		w.dropped(drop.BadAddress, 1)
	}
	w.silence()
}
