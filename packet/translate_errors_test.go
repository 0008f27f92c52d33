package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

var (
	outerTo4 = packet.Rewrite{Src: packettest.Addr("192.0.2.1"), Dst: packettest.Addr("203.0.113.10")}
	outerTo6 = packet.Rewrite6{Src: packettest.Addr6("64:ff9b::c000:201"), Dst: packettest.Addr6(inAddr6)}
)

// errorTo4 translates an ICMPv6 error that the inside sends about a reply.
func errorTo4(t testing.TB, data []byte, largest int) ([]byte, drop.Reason) {
	t.Helper()
	p, _ := inRoom(packet.Packet{Data: data})
	v := decode6(t, &p)
	var out packet.View
	r := v.ErrorTo4(&p, outerTo4, flow4, 7, largest, &out)
	if r != drop.None {
		if !bytes.Equal(p.Data, data) {
			t.Errorf("%s, but the packet changed: %s", r, packettest.Line(p.Data))
		}
		return nil, r
	}
	isView(t, out, p)
	if err := plainCheck(p.Data, false); err != nil || out.Tuple != (packet.Tuple{Net: out.Tuple.Net, Src: flow4.Src, Dst: flow4.Dst, SrcPort: flow4.SrcPort, DstPort: flow4.DstPort}) {
		t.Errorf("%v %s", err, out.Tuple)
	}
	return p.Data, r
}

func errorTo6(t testing.TB, data []byte, largest int) ([]byte, drop.Reason) {
	t.Helper()
	p, room := inRoom(packet.Packet{Data: data})
	v := decode(t, &p)
	var out packet.View6
	r := v.ErrorTo6(&p, room, outerTo6, flow6, largest, &out)
	if !neighborUntouched(room, len(data)) {
		t.Error("bytes behind the packet changed")
	}
	if r != drop.None {
		if !bytes.Equal(p.Data, data) {
			t.Errorf("%s, but the packet changed: %s", r, packettest.Line(p.Data))
		}
		return nil, r
	}
	isView6(t, out, p)
	if err := plainCheck(p.Data, false); err != nil || out.Tuple != (packet.Tuple6{Net: out.Tuple.Net, Src: flow6.Src, Dst: flow6.Dst, SrcPort: flow6.SrcPort, DstPort: flow6.DstPort}) {
		t.Errorf("%v %s", err, out.Tuple)
	}
	return p.Data, r
}

// What the flow's packets look like to a router on either side: a reply on the
// inside, a request on the outside.
func reply6(n int) []byte   { return packettest.UDP6(out6, in6, packettest.Payload(n)) }
func request4(n int) []byte { return packettest.UDP(pub, web, packettest.Payload(n)) }

// RFC 7915, section 5.2: types, codes, pointers and MTUs of ICMPv6 errors.
func TestErrorTo4RFC7915Section52(t *testing.T) {
	type message struct {
		typ, code uint8
		info      uint32
	}
	silently := message{typ: 255}
	for in, want := range map[message]message{
		{1, 0, 0}: {3, 1, 0}, {1, 1, 0}: {3, 10, 0}, {1, 2, 0}: {3, 1, 0}, {1, 3, 0}: {3, 1, 0}, {1, 4, 0}: {3, 3, 0},
		{1, 5, 0}: silently, {1, 6, 0}: silently, {1, 255, 0}: silently,
		{2, 0, 1500}: {3, 4, 1480}, {2, 0, 1280}: {3, 4, 1260}, {2, 0, 0}: {3, 4, 68}, {2, 0, 88}: {3, 4, 68}, {2, 0, 89}: {3, 4, 69},
		{2, 0, 1 << 31}: {3, 4, 65515}, {2, 3, 1500}: {3, 4, 1480},
		{3, 0, 0}: {11, 0, 0}, {3, 1, 0}: {11, 1, 0},
		{4, 1, 6}: {3, 2, 0}, {4, 1, 40}: {3, 2, 0}, {4, 2, 6}: silently, {4, 3, 6}: silently,
		// Figure 6
		{4, 0, 0}: {12, 0, 0}, {4, 0, 1}: {12, 0, 1 << 24}, {4, 0, 2}: silently, {4, 0, 3}: silently, {4, 0, 4}: {12, 0, 2 << 24},
		{4, 0, 5}: {12, 0, 2 << 24}, {4, 0, 6}: {12, 0, 9 << 24}, {4, 0, 7}: {12, 0, 8 << 24}, {4, 0, 8}: {12, 0, 12 << 24},
		{4, 0, 23}: {12, 0, 12 << 24}, {4, 0, 24}: {12, 0, 16 << 24}, {4, 0, 39}: {12, 0, 16 << 24}, {4, 0, 40}: silently, {4, 0, 1 << 31}: silently,
	} {
		got, r := errorTo4(t, packettest.ICMP6(router6, outAddr6, in.typ, in.code, in.info, reply6(20)), 0)
		if want == silently {
			if r != drop.UnsupportedICMP {
				t.Errorf("%v: %s", in, r)
			}
			continue
		}
		packettest.Check(t, got, packettest.ICMPType(want.typ, want.code), packettest.ICMPInfo(want.info), packettest.Src("192.0.2.1"), packettest.Dst("203.0.113.10"),
			packettest.ID(7), packettest.Quote(packettest.Src("203.0.113.10"), packettest.Dst("198.51.100.1"), packettest.SrcPort(80), packettest.DstPort(50000)))
	}
	for largest, want := range map[int]uint32{1400: 1400, 1480: 1480, 1500: 1480, 20: 68} {
		got, _ := errorTo4(t, packettest.ICMP6(router6, outAddr6, 2, 0, 1500, reply6(20)), largest)
		packettest.Check(t, got, packettest.ICMPInfo(want))
	}
	// "taking into account whether or not the packet in error includes a Fragment Header"
	got, _ := errorTo4(t, packettest.ICMP6(router6, outAddr6, 2, 0, 1500, packettest.Fragment6(reply6(100), 0, 64, 0x12345)), 0)
	packettest.Check(t, got, packettest.ICMPInfo(1472))
	if q := packet.IPv4(got[28:]); q.ID() != 0x2345 || !q.MoreFragments() || q.DontFragment() || q.TotalLen() != 84 {
		t.Errorf("quoted fragment: % x", []byte(q))
	}
}

// RFC 7915, section 4.2: types, codes, pointers and MTUs of ICMP errors.
func TestErrorTo6RFC7915Section42(t *testing.T) {
	type message struct {
		typ, code uint8
		info      uint32
	}
	silently := message{typ: 255}
	for in, want := range map[message]message{
		{3, 0, 0}: {1, 0, 0}, {3, 1, 0}: {1, 0, 0}, {3, 2, 0}: {4, 1, 6}, {3, 3, 0}: {1, 4, 0}, {3, 5, 0}: {1, 0, 0}, {3, 6, 0}: {1, 0, 0},
		{3, 7, 0}: {1, 0, 0}, {3, 8, 0}: {1, 0, 0}, {3, 9, 0}: {1, 1, 0}, {3, 10, 0}: {1, 1, 0}, {3, 11, 0}: {1, 0, 0}, {3, 12, 0}: {1, 0, 0},
		{3, 13, 0}: {1, 1, 0}, {3, 14, 0}: silently, {3, 15, 0}: {1, 1, 0}, {3, 16, 0}: silently, {3, 255, 0}: silently,
		{3, 4, 1480}: {2, 0, 1500}, {3, 4, 1260}: {2, 0, 1280}, {3, 4, 1261}: {2, 0, 1281}, {3, 4, 576}: {2, 0, 1280}, {3, 4, 68}: {2, 0, 1280},
		{3, 4, 65535}: {2, 0, 65555}, {3, 4, 0xffff0000 | 1480}: {2, 0, 1500},
		{11, 0, 0}: {3, 0, 0}, {11, 1, 0}: {3, 1, 0},
		{12, 1, 0}: silently, {12, 3, 0}: silently, {12, 2, 9 << 24}: {4, 0, 6},
		// Figure 3
		{12, 0, 0}: {4, 0, 0}, {12, 0, 1 << 24}: {4, 0, 1}, {12, 0, 2 << 24}: {4, 0, 4}, {12, 0, 3 << 24}: {4, 0, 4}, {12, 0, 4 << 24}: silently,
		{12, 0, 5 << 24}: silently, {12, 0, 6 << 24}: silently, {12, 0, 7 << 24}: silently, {12, 0, 8 << 24}: {4, 0, 7}, {12, 0, 9 << 24}: {4, 0, 6},
		{12, 0, 10 << 24}: silently, {12, 0, 11 << 24}: silently, {12, 0, 12 << 24}: {4, 0, 8}, {12, 0, 15 << 24}: {4, 0, 8},
		{12, 0, 16 << 24}: {4, 0, 24}, {12, 0, 19 << 24}: {4, 0, 24}, {12, 0, 20 << 24}: silently, {12, 0, 255 << 24}: silently,
	} {
		got, r := errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", in.typ, in.code, in.info, request4(20)), 0)
		if want == silently {
			if r != drop.UnsupportedICMP {
				t.Errorf("%v: %s", in, r)
			}
			continue
		}
		quote := packettest.UDP6(in6, out6, packettest.Payload(20))
		if exp := packettest.ICMP6(outerTo6.Src.String(), inAddr6, want.typ, want.code, want.info, quote); !bytes.Equal(got, exp) {
			t.Errorf("%v: %s\nwant %s", in, packettest.Line(got), packettest.Line(exp))
		}
	}
	for largest, want := range map[int]uint32{1400: 1400, 9000: 1500, 1000: 1280} {
		got, _ := errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", 3, 4, 1480, request4(20)), largest)
		if mtu := packet.ICMPv6(got[40:]).Info(); mtu != want {
			t.Errorf("at most %d: %d", largest, mtu)
		}
	}
	// "(Use the greatest plateau value that is less than the returned Total Length
	// field.)" The first and the last of a plateau, and none.
	for total, want := range map[uint16]uint32{
		40: 1280, 1280: 1280, 1492: 1280, 1493: 1512, 2002: 1512, 2003: 2022, 4353: 4372, 8167: 8186, 17915: 17934, 32000: 17934, 32001: 32020, 65535: 32020,
	} {
		quote := request4(12)
		packet.IPv4(quote).SetTotalLen(int(total))
		got, r := errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", 3, 4, 0, quote), 0)
		if r != drop.None || packet.ICMPv6(got[40:]).Info() != want {
			t.Errorf("a packet of %d bytes: %s, % x, want %d", total, r, got[40:48], want)
		}
	}
}

// RFC 7915, sections 4.2 and 5.2, and RFC 4884: extensions travel on, behind a
// quote of another length.
func TestErrorExtensions(t *testing.T) {
	extension := append([]byte{0x20, 0, 0xab, 0xcd, 0, 8, 1, 1}, "label!!!"...)
	pad := func(b []byte, n int) []byte {
		return append(bytes.Clone(b[:min(n, len(b))]), make([]byte, max(0, n-len(b)))...)
	}
	extended := func(b []byte, n int) []byte { return append(pad(b, n), extension...) }
	in4, in6 := packettest.UDP(pub, web, packettest.Payload(500)), packettest.UDP6(in6, out6, packettest.Payload(500))
	short4, short6 := in4[:20+100], in6[:40+100]
	packet.IPv4(short4).SetTotalLen(120) // a packet of 100 bytes, whose checksum does not matter
	packet.IPv6(short6).SetPayloadLen(100)
	from4 := func(typ uint8, info uint32, quote []byte) []byte {
		return packettest.ICMPError("192.0.2.1", "198.51.100.1", typ, 0, info, quote)
	}
	from6 := func(typ uint8, info uint32, quote []byte) []byte {
		return packettest.ICMP6(outerTo6.Src.String(), inAddr6, typ, 0, info, quote)
	}
	for _, c := range []struct {
		name       string
		four, want []byte
	}{
		{"unreachable, padded to 8", from4(3, 32<<16, extended(short4, 128)), from6(1, 19<<24, extended(short6, 152))},
		{"time exceeded, no padding", from4(11, 33<<16, extended(short4, 132)), from6(3, 19<<24, extended(short6, 152))},
		{"parameter problem has no attribute", from4(12, 9<<24|32<<16, extended(short4, 128)), from6(4, 6, pad(short6, 148))},
		{"an attribute without extensions", from4(11, 32<<16, pad(short4, 128)), from6(3, 0, pad(short6, 148))},
		{"an attribute beyond the message", from4(11, 255<<16, pad(short4, 128)), from6(3, 0, pad(short6, 148))},
		{"an attribute below 128 bytes", from4(11, 31<<16, extended(short4, 124)), from6(3, 0, extended(short6, 144))},
		{"a structure of another version", from4(11, 32<<16, append(pad(short4, 128), make([]byte, 12)...)), from6(3, 0, append(pad(short6, 148), make([]byte, 12)...))},
		{"too long: the quote is cut", from4(11, 127<<16, append(in4[:508:508], append([]byte{0x20, 0, 0, 0}, packettest.Payload(800)...)...)),
			from6(3, 53<<24, append(in6[:424:424], append([]byte{0x20, 0, 0, 0}, packettest.Payload(800)...)...))},
		{"far too long: the extensions are cut", from4(11, 127<<16, append(in4[:508:508], append([]byte{0x20, 0, 0, 0}, packettest.Payload(1200)...)...)), from6(3, 0, in6[:528])},
	} {
		got, r := errorTo6(t, c.four, 0)
		if r != drop.None {
			t.Errorf("%s: %s", c.name, r)
			continue
		}
		// The quoted UDP checksum of short packets is wrong either way, and not compared.
		if len(got) != len(c.want) || !bytes.Equal(got[44:48], c.want[44:48]) || !bytes.Equal(got[96:], c.want[96:]) {
			t.Errorf("%s:\n%s\n% x, want\n% x", c.name, packettest.Line(got), got, c.want)
		}
	}
	// Back: the quote shrinks by 20 bytes and is padded to 128.
	reply := packettest.UDP6(out6, "[2001:db8::10]:4000", packettest.Payload(500))
	tiny := packettest.UDP6(out6, "[2001:db8::10]:4000", packettest.Payload(30))
	for _, c := range []struct {
		name   string
		quote  []byte
		length int // of the ICMPv6 quote
		want   uint32
		total  int
	}{
		{"padded to 128 bytes", extended(tiny, 128), 128, 128, 28 + 128 + 16},
		{"a quote of 108 bytes is padded", extended(reply, 128), 128, 128, 28 + 128 + 16},
		{"no padding", extended(reply, 152), 152, 132, 28 + 132 + 16},
		{"fragment header", extended(packettest.Fragment6(reply, 0, 496, 5), 160), 160, 132, 28 + 132 + 16},
		{"the longest that is not cut", extended(reply, 544), 544, 524, 28 + 524 + 16},
		{"cut", extended(append(reply, reply...), 600), 600, 532, 576},
	} {
		got, r := errorTo4(t, packettest.ICMP6(router6, outAddr6, 3, 0, uint32(c.length)/8<<24, c.quote), 0)
		if r != drop.None || len(got) != c.total || packet.ICMP(got[20:]).Info() != c.want/4<<16 || !bytes.Equal(got[len(got)-16:], extension) {
			t.Errorf("%s: %s, %d bytes, %s", c.name, r, len(got), packettest.Line(got))
			continue
		}
		x := len(c.quote) - 16 - c.length + 40 // the quoted transport header
		if c.name == "fragment header" {
			x += 8
		}
		n := min(c.length-x, int(c.want)-20)
		if !bytes.Equal(got[48+8:48+n], c.quote[x+8:x+n]) || len(bytes.Trim(got[48+n:28+c.want], "\x00")) != 0 {
			t.Errorf("%s: the quote is % x", c.name, got[28:])
		}
	}
}

// Errors are cut to what every link carries (RFC 4443, section 2.4 (c); RFC 1812,
// section 4.3.2.3).
func TestErrorsAreCut(t *testing.T) {
	for n, want := range map[int]int{100: 40 + 8 + 48 + 100, 1184: 1280, 1185: 1280, 1400: 1280} {
		got, r := errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", 3, 3, 0, request4(n)), 0)
		if r != drop.None || len(got) != want || !bytes.Equal(got[96:], packettest.Payload(n)[:want-96]) {
			t.Errorf("%d bytes: %s, %d, want %d", n, r, len(got), want)
		}
	}
	for n, want := range map[int]int{100: 20 + 8 + 28 + 100, 520: 576, 521: 576, 1184: 576} {
		got, r := errorTo4(t, packettest.ICMP6(router6, outAddr6, 1, 4, 0, reply6(n)), 0)
		if r != drop.None || len(got) != want || !bytes.Equal(got[56:], packettest.Payload(n)[:want-56]) {
			t.Errorf("%d bytes: %s, %d, want %d", n, r, len(got), want)
		}
	}
}

// A quoted packet is translated without its options and extension headers, and
// what cannot be is refused.
func TestErrorQuotes(t *testing.T) {
	got, _ := errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", 3, 3, 0, packettest.UDP(pub, web, packettest.Payload(9), packettest.WithIPOptions(7, 7, 4, 0, 0, 0, 0)), packettest.WithIPOptions(1, 1, 1, 1)), 0)
	if want := packettest.ICMP6(outerTo6.Src.String(), inAddr6, 1, 4, 0, packettest.UDP6(in6, out6, packettest.Payload(9))); !bytes.Equal(got, want) {
		t.Errorf("%s", packettest.Line(got))
	}
	got, _ = errorTo6(t, packettest.ICMPError("192.0.2.1", "198.51.100.1", 3, 3, 0, packettest.UDP(pub, web, packettest.Payload(9), packettest.WithoutUDPChecksum())), 0)
	if packet.UDP(got[88:]).Checksum() != 0 {
		t.Errorf("a checksum was made for a quoted datagram without one: % x", got)
	}
	chain := packettest.Extend(packettest.Extend(reply6(9), destOpts, options(2)...), hopByHop, options(1)...)
	got, _ = errorTo4(t, packettest.Extend(packettest.ICMP6(router6, outAddr6, 1, 4, 0, chain), destOpts, options(1)...), 0)
	want := packettest.ICMPError("192.0.2.1", "203.0.113.10", 3, 3, 0, packettest.UDP(web, pub, packettest.Payload(9)), packettest.WithID(7))
	if !bytes.Equal(got, want) {
		t.Errorf("%s", packettest.Line(got))
	}
	long := reply6(9)
	packet.IPv6(long).SetPayloadLen(65535)
	if _, r := errorTo4(t, packettest.ICMP6(router6, outAddr6, 1, 4, 0, long), 0); r != drop.BadICMPQuote {
		t.Errorf("a quoted packet that is too long for IPv4: %s", r)
	}
	hidden := packettest.Extend(reply6(100), destOpts, options(14)...)
	hidden[128] = 0x20 // where the length attribute says that extensions begin
	if _, r := errorTo4(t, packettest.ICMP6(router6, outAddr6, 1, 4, 16<<24, hidden), 0); r != drop.BadICMPQuote {
		t.Errorf("a quote that ends in its extension headers: %s", r)
	}
}

// Only an error becomes an error.
func TestErrorsOnly(t *testing.T) {
	udp := packet.Packet{Data: packettest.UDP(web, pub, nil)}
	v := decode(t, &udp)
	if r := v.ErrorTo6(&udp, nil, flow6, flow6, 0, nil); r != drop.UnsupportedICMP {
		t.Errorf("ErrorTo6 of a datagram: %s", r)
	}
	udp = packet.Packet{Data: packettest.UDP6(in6, out6, nil)}
	w := decode6(t, &udp)
	if r := w.ErrorTo4(&udp, flow4, flow4, 0, 0, nil); r != drop.UnsupportedICMP {
		t.Errorf("ErrorTo4 of a datagram: %s", r)
	}
}
