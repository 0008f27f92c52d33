package packet_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// The flow of these tests: an IPv6 host that reaches 203.0.113.10 from the
// public address 198.51.100.1.
var (
	flow4 = packet.Rewrite{Src: packettest.Addr("198.51.100.1"), Dst: packettest.Addr("203.0.113.10"), SrcPort: 50000, DstPort: 80}
	flow6 = packet.Rewrite6{Src: packettest.Addr6(outAddr6), Dst: packettest.Addr6(inAddr6), SrcPort: 80, DstPort: 4000}
)

const (
	pub, web = "198.51.100.1:50000", "203.0.113.10:80"
	web6     = out6
)

func to4(t testing.TB, data []byte, id uint16) []byte {
	t.Helper()
	p, _ := inRoom(packet.Packet{Data: data})
	v := decode6(t, &p)
	var out packet.View
	if r := v.To4(&p, flow4, id, &out); r != drop.None {
		t.Fatalf("%s: %s", r, packettest.Line(data))
	}
	isView(t, out, p)
	if err := plainCheck(p.Data, false); err != nil {
		t.Error(err)
	}
	return p.Data
}

func to6(t testing.TB, data []byte) []byte {
	t.Helper()
	p, room := inRoom(packet.Packet{Data: data})
	v := decode(t, &p)
	var out packet.View6
	if r := v.To6(&p, room, flow6, &out); r != drop.None {
		t.Fatalf("%s: %s", r, packettest.Line(data))
	}
	isView6(t, out, p)
	if err := plainCheck(p.Data, false); err != nil {
		t.Error(err)
	}
	return p.Data
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Whole packets, byte for byte, by the section that says so.
func TestTranslateGolden(t *testing.T) {
	udp6 := unhex(`6b8abcde 000c 11 3f 20010db8000000000000000000000010 0064ff9b0000000000000000cb00710a
		0fa0 0050 000c c14b 61626364`)
	udp4 := unhex(`45b80020 3039 0000 3f11 e49c c6336401 cb00710a
		c350 0050 000c 112f 61626364`)
	chain := packettest.Extend(packettest.Extend(udp6, destOpts, options(2)...), hopByHop, options(1)...)
	first6, last6 := packettest.Fragment6(udp6, 0, 8, 0xabcd1234), packettest.Fragment6(udp6, 8, 4, 0xabcd1234)
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"5.1 IPv6 header", hex.EncodeToString(udp4), udp6},
		{"5.1 extension headers are skipped", hex.EncodeToString(udp4), chain},
		{"5.1.1 fragment header, first", "45b8001c 1234 2000 3f11 e2a5 c6336401 cb00710a 0fa0 0050 000c c4df", first6}, // ports stay
		{"5.1.1 fragment header, last", "45b80018 1234 0001 3f11 02a9 c6336401 cb00710a 61626364", last6},
		{"5.1.1 fragment header, atomic", "45b80020 1234 0000 3f11 02a2 c6336401 cb00710a c350 0050 000c 112f 61626364", packettest.Fragment6(udp6, 0, 12, 0xabcd1234)},
		{"5.2 echo request", "4500001d 3039 0000 4001 e467 c6336401 cb00710a 0800 d3ab c350 0003 61", echo6(128, 4000, 3, []byte("a"))},
		{"5.2 echo reply", "4500001d 3039 0000 4001 e467 c6336401 cb00710a 0000 9eac 0050 0003 61", echo6(129, 4000, 3, []byte("a"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := to4(t, c.data, 12345); !bytes.Equal(got, unhex(c.want)) {
				t.Errorf("% x, want\n% x", got, unhex(c.want))
			}
		})
	}
	back4 := unhex(`45b80020 3039 4000 3f11 a49c cb00710a c6336401 0050 c350 000c 112f 61626364`)
	options4 := unhex(`47b80028 3039 4000 3f11 0000 cb00710a c6336401 0101010101010100 0050 c350 000c 112f 61626364`)
	packet.IPv4(options4).UpdateChecksum()
	first4, last4 := packettest.Fragment(back4, 0, 8), packettest.Fragment(back4, 8, 4)
	want := "6b800000 000c 11 3f 0064ff9b0000000000000000cb00710a 20010db8000000000000000000000010 0050 0fa0 000c c14b 61626364"
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"4.1 IPv4 header", want, back4},
		{"4.1 options are ignored", want, options4},
		{"4.1 fragment, first", "6b800000 0010 2c 3f 0064ff9b0000000000000000cb00710a 20010db8000000000000000000000010 1100 0001 00003039 0050 c350 000c 0d9b", first4},
		{"4.1 fragment, last", "6b800000 000c 2c 3f 0064ff9b0000000000000000cb00710a 20010db8000000000000000000000010 1100 0008 00003039 61626364", last4},
		{"4.2 echo request", "60000000 0009 3a 40 0064ff9b0000000000000000cb00710a 20010db8000000000000000000000010 8000 b494 0050 0003 61", packettest.EchoRequest("203.0.113.10", "198.51.100.1", 7, 3, []byte("a"))},
		{"4.2 echo reply", "60000000 0009 3a 40 0064ff9b0000000000000000cb00710a 20010db8000000000000000000000010 8100 a444 0fa0 0003 61", packettest.EchoReply("203.0.113.10", "198.51.100.1", 7, 3, []byte("a"))},
		{"4.5 UDP without checksum", want, append(append(bytes.Clone(back4[:26]), 0, 0), back4[28:]...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := to6(t, c.data); !bytes.Equal(got, unhex(c.want)) {
				t.Errorf("% x, want\n% x", got, unhex(c.want))
			}
		})
	}
}

// RFC 7915, section 5.1: DF is set where the IPv4 packet, or a segment of a
// superpacket, is longer than 1260 bytes; and never with a fragment header.
func TestTranslateDontFragment(t *testing.T) {
	for n, want := range map[int]bool{0: false, 1260 - 28: false, 1261 - 28: true, 2000: true} {
		udp := packettest.UDP6(in6, out6, packettest.Payload(n))
		packettest.Check(t, to4(t, udp, 7), packettest.DF(want), packettest.ID(7), packettest.Length(n+28))
		packettest.Check(t, to4(t, packettest.Fragment6(udp, 0, 5000, 9), 7), packettest.DF(false), packettest.ID(9))
	}
	for size, want := range map[int]bool{1220: false, 1221: true} {
		p := packettest.SuperTCP6(in6, out6, "A", packettest.Payload(9000), size)
		v := decode6(t, &p)
		var out packet.View
		if r := v.To4(&p, flow4, 7, &out); r != drop.None || out.IP.DontFragment() != want {
			t.Errorf("%s, segments of %d bytes: DF %v", r, size, !want)
		}
	}
}

// What is refused stays as it was.
func TestTranslateRefuses(t *testing.T) {
	long := packettest.SuperTCP6(in6, out6, "A", packettest.Payload(65515), 1400)
	for _, c := range []struct {
		name string
		p    packet.Packet
		want drop.Reason
	}{
		{"longer than IPv4 can say", long, drop.TooBig},
		{"fragmented ICMPv6", packet.Packet{Data: packettest.Fragment6(echo6(128, 1, 1, packettest.Payload(50)), 0, 16, 1)}, drop.FragmentUnexpected},
		{"later fragment of ICMPv6", packet.Packet{Data: packettest.Fragment6(echo6(128, 1, 1, packettest.Payload(50)), 16, 16, 1)}, drop.FragmentUnexpected},
		{"first fragment of UDP without checksum", packet.Packet{Data: packettest.Fragment6(packettest.UDP6(in6, out6, packettest.Payload(50), packettest.WithoutUDPChecksum()), 0, 16, 1)}, drop.NoUDPChecksum},
		{"first fragment with half a TCP header", packet.Packet{Data: packettest.Fragment6(packettest.TCP6(in6, out6, "A", packettest.Payload(50)), 0, 16, 1)}, drop.FragmentMalformed},
		{"second fragment with half a TCP header", packet.Packet{Data: packettest.Fragment6(packettest.TCP6(in6, out6, "A", packettest.Payload(50)), 16, 16, 1)}, drop.FragmentMalformed},
		{"an error", packet.Packet{Data: packettest.ICMP6(router6, outAddr6, 1, 4, 0, packettest.UDP6(out6, in6, nil))}, drop.UnsupportedICMP},
	} {
		p, _ := inRoom(c.p)
		v := decode6(t, &p)
		before, offload := bytes.Clone(p.Data), p.Offload
		var out packet.View
		if r := v.To4(&p, flow4, 1, &out); r != c.want || !bytes.Equal(p.Data, before) || p.Offload != offload {
			t.Errorf("%s: %s", c.name, r)
		}
	}
	for _, c := range []struct {
		name string
		data []byte
		want drop.Reason
	}{
		{"fragmented ICMP", packettest.Fragment(packettest.EchoRequest("203.0.113.10", "198.51.100.1", 1, 1, packettest.Payload(50)), 0, 16), drop.FragmentUnexpected},
		{"first fragment of UDP without checksum", packettest.Fragment(packettest.UDP(web, pub, packettest.Payload(50), packettest.WithoutUDPChecksum()), 0, 16), drop.NoUDPChecksum},
		{"first fragment with half a TCP header", packettest.Fragment(packettest.TCP(web, pub, "A", packettest.Payload(50)), 0, 16), drop.FragmentMalformed},
		{"fragment of 15 bytes and more to come", packettest.Fragment(packettest.UDP(web, pub, packettest.Payload(50)), 8, 15), drop.FragmentMalformed},
		{"fragment without payload", packettest.Fragment(packettest.UDP(web, pub, packettest.Payload(50)), 8, 0), drop.FragmentMalformed},
		{"an error", packettest.ICMPError("203.0.113.1", "198.51.100.1", 3, 3, 0, packettest.UDP(pub, web, nil)), drop.UnsupportedICMP},
	} {
		p, room := inRoom(packet.Packet{Data: c.data})
		v := decode(t, &p)
		var out packet.View6
		if r := v.To6(&p, room, flow6, &out); r != c.want || !bytes.Equal(p.Data, c.data) {
			t.Errorf("%s: %s", c.name, r)
		}
	}
}

// A translation into bytes that are not before the packet would change another
// packet: it stops the shard instead.
func TestTranslateRoomIsAsserted(t *testing.T) {
	for name, room := range map[string][]byte{"elsewhere": make([]byte, 52, 200), "too short": make([]byte, 52), "none": nil} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("room that is %s was accepted", name)
				}
			}()
			p := packet.Packet{Data: packettest.UDP(web, pub, nil)}
			v := decode(t, &p)
			v.To6(&p, room, flow6, new(packet.View6))
		}()
	}
}

// A packet without DF is cut, as the comment of To6 says, before it is
// translated; no fragment is longer than an IPv6 link must carry (RFC 7915,
// section 4.1), and the receiver puts them together to the packet.
func TestTranslateCutForIPv6(t *testing.T) {
	whole := packettest.UDP(web, pub, packettest.Payload(3000), packettest.WithID(77))
	p := packet.Packet{Data: whole}
	v := decode(t, &p)
	var cut packet.Fragments
	if r := cut.Plan(&p, &v, packet.IPv6MTUMin-28); r != drop.None || cut.N() != 3 {
		t.Fatal(r, cut.N())
	}
	var body []byte
	for i := range cut.N() {
		piece := make([]byte, 1500)
		got := to6(t, piece[:cut.Piece(i, piece)])
		if len(got) > packet.IPv6MTUMin {
			t.Errorf("fragment of %d bytes", len(got))
		}
		body = append(body, got[48:]...)
	}
	want := packettest.UDP6(web6, in6, packettest.Payload(3000))[40:]
	copy(body, want[:4]) // fragments keep their ports
	if packet.UDP(body).SetChecksum(packet.UDP(want).Checksum()); !bytes.Equal(body, want) {
		t.Error("the fragments do not add up to the datagram")
	}
}
