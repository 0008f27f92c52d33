package packettest

import (
	"strings"
	"testing"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// What the builders build is right in the eyes of a third party.
func TestBuildersAgainstGopacket(t *testing.T) {
	for name, data := range map[string][]byte{
		"tcp":     TCP("10.0.0.1:1", "10.0.0.2:2", "SA", Payload(9), WithMSS(1460), WithIPOptions(7, 7, 4, 0, 0, 0, 0), WithDF(), WithID(5), WithTOS(3), WithTTL(9)),
		"udp":     UDP("10.0.0.1:1", "10.0.0.2:2", Payload(9)),
		"request": EchoRequest("10.0.0.1", "10.0.0.2", 3, 4, Payload(9)),
		"reply":   EchoReply("10.0.0.1", "10.0.0.2", 3, 4, Payload(9)),
		"error":   ICMPError("10.0.0.1", "10.0.0.2", 3, 4, 1400, UDP("10.0.0.1:1", "10.0.0.2:2", nil)),
	} {
		p := gopacket.NewPacket(data, layers.LayerTypeIPv4, gopacket.Default)
		if e := p.ErrorLayer(); e != nil {
			t.Errorf("%s: %v", name, e.Error())
		}
		if l4, ok := p.TransportLayer().(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l4.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
		if err, bad := p.VerifyChecksums(); err != nil || len(bad) > 0 {
			t.Errorf("%s: %v %+v", name, err, bad)
		}
		Check(t, data, IPv4(), ValidChecksums())
	}
}

func TestSuperpacketsDecode(t *testing.T) {
	for _, p := range []packet.Packet{
		SuperTCP("10.0.0.1:1", "10.0.0.2:2", "A", Payload(5000), 1448),
		SuperUDP("10.0.0.1:1", "10.0.0.2:2", Payload(5000), 1400),
		PartialTCP("10.0.0.1:1", "10.0.0.2:2", "A", Payload(5)),
		PartialUDP("10.0.0.1:1", "10.0.0.2:2", Payload(5)),
	} {
		var v packet.View
		super := p.Offload.GSO != packet.GSONone
		if r := v.Decode(&p); r != drop.None || !p.Offload.Partial || (p.Offload.GSO != packet.GSONone) != super {
			t.Errorf("%s %+v: %s", r, p.Offload, Line(p.Data))
		}
	}
}

// Every checker says yes to what is so and no to what is not.
func TestCheckers(t *testing.T) {
	tcp := TCP("10.0.0.1:1", "10.0.0.2:2", "SA", []byte("abc"), WithMSS(1460), WithSeq(7), WithAck(8), WithWindow(9), WithTTL(3), WithTOS(4), WithID(5), WithDF())
	echo := EchoRequest("10.0.0.1", "10.0.0.2", 3, 4, []byte("abc"))
	wrong := EchoRequest("10.0.0.1", "10.0.0.2", 3, 4, []byte("abc"))
	wrong[len(wrong)-1]++
	e := ICMPError("10.0.0.9", "10.0.0.1", 3, 4, 1400, tcp[:44])
	fragment := Fragment(UDP("10.0.0.1:1", "10.0.0.2:2", Payload(100)), 8, 16)
	for _, c := range []struct {
		name    string
		data    []byte
		yes, no Checker
	}{
		{"src", tcp, Src("10.0.0.1"), Src("10.0.0.2")},
		{"dst", tcp, Dst("10.0.0.2"), Dst("10.0.0.1")},
		{"ttl", tcp, TTL(3), TTL(4)},
		{"tos", tcp, TOS(4), TOS(3)},
		{"id", tcp, ID(5), ID(6)},
		{"df", tcp, DF(true), DF(false)},
		{"length", tcp, Length(47), Length(48)},
		{"src port", tcp, SrcPort(1), SrcPort(2)},
		{"dst port", tcp, DstPort(2), DstPort(1)},
		{"flags", tcp, TCPFlags("AS"), TCPFlags("S")},
		{"seq", tcp, Seq(7), Seq(8)},
		{"ack", tcp, Ack(8), Ack(7)},
		{"window", tcp, Window(9), Window(8)},
		{"mss", tcp, MSS(1460), MSS(0)},
		{"payload", tcp, PayloadIs([]byte("abc")), PayloadIs([]byte("abd"))},
		{"echo payload", echo, PayloadIs([]byte("abc")), PayloadIs(nil)},
		{"echo id", echo, EchoID(3), EchoID(4)},
		{"no port in echo", echo, IPv4(), SrcPort(0)},
		{"no flags in echo", echo, ICMPType(8, 0), TCPFlags("")},
		{"no echo in tcp", tcp, IPv4(), EchoID(0)},
		{"type", e, ICMPType(3, 4), ICMPType(3, 3)},
		{"info", e, ICMPInfo(1400), ICMPInfo(0)},
		{"quote", e, Quote(Src("10.0.0.1"), SrcPort(1), Seq(7)), Quote(Src("10.0.0.2"))},
		{"quote of an echo", echo, IPv4(), Quote()},
		{"checksums", tcp, ValidChecksums(), Seq(0)},
		{"wrong checksum", wrong, IPv4(), ValidChecksums()},
		{"padding", append(tcp[:47:47], 0), Src("10.0.0.1"), IPv4()},
		{"fragment", fragment, All(Length(36), ValidChecksums()), ID(1)},
		{"no packet", []byte{1, 2, 3}, All(), Src("10.0.0.1")},
	} {
		if err := c.yes(c.data); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.no(c.data) == nil {
			t.Errorf("%s: the wrong value passed", c.name)
		}
		if Line(c.data) == "" {
			t.Errorf("%s: no line", c.name)
		}
	}
}

func TestLine(t *testing.T) {
	tcp := TCP("10.0.0.1:1", "10.0.0.2:2", "SA", nil, WithMSS(1460))
	spoilt := func(data []byte, at int) []byte {
		data = append([]byte(nil), data...)
		data[at] ^= 1
		return data
	}
	udp := UDP("10.0.0.1:1", "10.0.0.2:2", Payload(4))
	zero := UDP("10.0.0.1:1", "10.0.0.2:2", []byte{0xeb, 0xd4})
	for want, data := range map[string][]byte{
		"IP 10.0.0.1:1 > 10.0.0.2:2: tcp [SA] seq 0 ack 0 win 65535 csum ok mss 1460": tcp,
		"win 65535 csum bad":                             spoilt(tcp, 30),
		"udp length 12 csum ok":                          udp,
		"udp length 12 csum bad":                         spoilt(udp, 31),
		"udp length 12 csum none":                        UDP("10.0.0.1:1", "10.0.0.2:2", Payload(4), WithoutUDPChecksum()),
		"(ttl 64 id 0 len 32 tos 0xb8 options 94040000)": UDP("10.0.0.1:1", "10.0.0.2:2", nil, WithTOS(0xb8), WithIPOptions(0x94, 4, 0, 0)),
		"udp length 10 csum ffff":                        zero,
		"udp length 12 (ttl 64 id 0 len 32)}":            ICMPError("10.0.0.9", "10.0.0.1", 3, 3, 0, udp[:28]), // not told by half of it
		"payload 0 csum bad":                             spoilt(EchoRequest("10.0.0.1", "10.0.0.2", 3, 4, nil), 27),
		"id 0 len 32 ip csum bad)}":                      ICMPError("10.0.0.9", "10.0.0.1", 3, 3, 0, spoilt(udp, 8)),
		"{IP 10.0.0.1:1 > 10.0.0.2:2: tcp (cut)":         ICMPError("10.0.0.9", "10.0.0.1", 3, 3, 0, tcp[:28]),
		"IP 10.0.0.1 > 10.0.0.2: icmp echo request id 3 seq 4 payload 0 csum ok": EchoRequest("10.0.0.1", "10.0.0.2", 3, 4, nil),
		"IP 10.0.0.1 > 10.0.0.2: fragment 8+16 more=true proto 17":               Fragment(UDP("10.0.0.1:1", "10.0.0.2:2", Payload(100)), 8, 16),
		"not IPv4 (too_short): 01 02":                                            {1, 2},
		"IP 10.0.0.1 > 10.0.0.2: icmp type 13 code 0":                            ICMPError("10.0.0.1", "10.0.0.2", 13, 0, 0, nil),
	} {
		if got := Line(data); !strings.Contains(got, want) {
			t.Errorf("%q does not contain %q", got, want)
		}
	}
}

// IPv6 is printed in the style of IPv4, whatever stands before the transport header.
func TestLine6(t *testing.T) {
	const a, b = "2001:db8::1", "2001:db8::2"
	udp := UDP6("[2001:db8::1]:1", "[2001:db8::2]:2", Payload(4))
	tcp := TCP6("[2001:db8::1]:1", "[2001:db8::2]:2", "SA", nil, WithMSS(1440))
	long := UDP6("[2001:db8::1]:1", "[2001:db8::2]:2", Payload(100))
	spoilt := append([]byte(nil), udp...)
	spoilt[len(spoilt)-1] ^= 1
	for want, data := range map[string][]byte{
		"IP6 [2001:db8::1]:1 > [2001:db8::2]:2: tcp [SA] seq 0 ack 0 win 65535 csum ok mss 1440 payload 0 (hlim 64 len 64)": tcp,
		"IP6 [2001:db8::1]:1 > [2001:db8::2]:2: udp length 12 csum ok (hlim 64 len 52)":                                     udp,
		"udp length 12 csum bad": spoilt,
		"udp length 12 csum none (hlim 9 len 52 class 0xb8 flow 0x12345)": UDP6("[2001:db8::1]:1", "[2001:db8::2]:2", Payload(4),
			WithoutUDPChecksum(), WithTTL(9), WithTOS(0xb8), WithFlowLabel(0x12345)),
		"udp length 12 csum ok (hlim 64 len 68 hop-by-hop 00010400000000 routing 00000000000000)": Extend(Extend(udp, 43, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0, 0, 1, 4, 0, 0, 0, 0),
		"udp length 12 csum ok (hlim 64 len 60 atomic id 7)":                                      Extend(udp, 44, 0, 0, 0, 0, 0, 0, 0, 7),
		"IP6 2001:db8::1 > 2001:db8::2: fragment 8+16 more=true proto 17 id 7 (hlim 64 len 64)":   Fragment6(long, 8, 16, 7),
		"more=false proto 17 id 7": Fragment6(long, 80, 100, 7),
		"IP6 2001:db8::1 > 2001:db8::2: icmp6 echo request id 3 seq 4 payload 5 csum ok": ICMP6(a, b, 128, 0, 3<<16|4, Payload(5)),
		"icmp6 echo reply id 3 seq 4 payload 0":                                          ICMP6(a, b, 129, 0, 3<<16|4, nil),
		"icmp6 type 133 code 0 csum ok":                                                  ICMP6(a, b, 133, 0, 0, nil),
		"icmp6 error type 2 code 0 info 1280 {IP6 [2001:db8::1]:1 > [2001:db8::2]:2: udp length 12 csum ok (hlim 64 len 52)} csum ok": ICMP6(b, a, 2, 0, 1280, udp),
		"udp length 12 (hlim 64 len 52)} csum ok":                            ICMP6(b, a, 1, 4, 0, udp[:48]),
		"tcp (cut) (hlim 64 len 64)} csum ok":                                ICMP6(b, a, 1, 4, 0, tcp[:48]),
		"(hlim 64 len 52)} +3 csum ok":                                       ICMP6(b, a, 1, 4, 0, append(udp[:52:52], 1, 2, 3)),
		"IP6 2001:db8::1 > 2001:db8::2: proto 43, 6 bytes (hlim 64 len 60)}": ICMP6(b, a, 1, 4, 0, Extend(udp, 43, 0, 0, 0, 0, 0, 0, 0, 0)[:46]),
		"not IPv6 (bad_total_length): 60 00 00":                              udp[:51],
	} {
		if got := Line(data); !strings.Contains(got, want) {
			t.Errorf("%q does not contain %q", got, want)
		}
	}
}

// The blocks of the capture file have the lengths they claim.
func TestPcapng(t *testing.T) {
	data := UDP("10.0.0.1:1", "10.0.0.2:2", Payload(5))
	file := Pcapng(data, data)
	if len(file)%4 != 0 {
		t.Fatalf("%d bytes", len(file))
	}
	var types []byte
	for b := file; len(b) > 0; {
		n := int(b[4]) | int(b[5])<<8
		if n < 12 || n > len(b) || b[n-4] != b[4] {
			t.Fatalf("block of %d bytes", n)
		}
		types = append(types, b[0])
		b = b[n:]
	}
	if string(types) != "\x0a\x01\x06\x06" {
		t.Errorf("blocks % x", types)
	}
}
