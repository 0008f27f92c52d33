package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

var testTunnel = packet.Tunnel{VNI: 0xabcdef, Service: 0x01020304, Stage: 2, Hops: 7, Partial: true, GSO: packet.GSOTCPv4, GSOSize: 1448}

// The layout, byte for byte: changing it is changing the protocol.
func TestTunnelBytes(t *testing.T) {
	b := bytes.Repeat([]byte{0xee}, packet.GeneveLen+1)
	if n := testTunnel.Encode(b); n != packet.GeneveLen {
		t.Errorf("length %d", n)
	}
	want := []byte{
		0x04, 0x40, 0x08, 0x00, 0xab, 0xcd, 0xef, 0x00,
		0xff, 0x48, 0x81, 0x03,
		1, 2, 3, 4, 2, 7, 1, 1, 0x05, 0xa8, 0, 0,
		0xee, // beyond: untouched
	}
	if d := cmp.Diff(want, b); d != "" {
		t.Error(d)
	}
}

func TestTunnelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := packet.Tunnel{
			VNI: rapid.Uint32Range(0, packet.VNIMax).Draw(t, "vni"), Service: rapid.Uint32().Draw(t, "service"), Stage: rapid.Byte().Draw(t, "stage"),
			Hops: rapid.Byte().Draw(t, "hops"), Partial: rapid.Bool().Draw(t, "partial"), GSO: packet.GSOType(rapid.Byte().Draw(t, "gso")), GSOSize: rapid.Uint16().Draw(t, "size"),
		}
		b := make([]byte, packet.GeneveLen+rapid.IntRange(0, 9).Draw(t, "more"))
		want.Encode(b)
		got := testTunnel // of an earlier packet
		if n, r := got.Decode(b); n != packet.GeneveLen || r != drop.None || got != want {
			t.Fatalf("%d %s %+v, want %+v", n, r, got, want)
		}
	})
}

// gopacket reads what Encode writes, with a packet inside.
func TestTunnelReadByGopacket(t *testing.T) {
	inner := serialize(t, &layers.IPv4{Version: 4, TTL: 9, Protocol: layers.IPProtocolUDP, SrcIP: testSrc.Netip().AsSlice(), DstIP: testDst.Netip().AsSlice()}, gopacket.Payload("12345678"))
	b := make([]byte, packet.GeneveLen, 100)
	testTunnel.Encode(b)
	parsed := gopacket.NewPacket(append(b, inner...), layers.LayerTypeGeneve, gopacket.Default)
	g, _ := parsed.Layer(layers.LayerTypeGeneve).(*layers.Geneve)
	if g == nil {
		t.Fatal(parsed.ErrorLayer())
	}
	if g.VNI != 0xabcdef || g.Version != 0 || g.OAMPacket || !g.CriticalOption || g.Protocol != layers.EthernetTypeIPv4 || len(g.Options) != 1 {
		t.Fatalf("%+v", g)
	}
	if o := g.Options[0]; o.Class != 0xff48 || o.Type != 0x81 || o.Flags != 0 || !bytes.Equal(o.Data, b[12:24]) {
		t.Errorf("option %+v", o)
	}
	if ip, _ := parsed.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ip == nil || ip.TTL != 9 {
		t.Error("no inner packet")
	}
}

// Decode reads what gopacket writes, with other options around ours.
func TestTunnelWrittenByGopacket(t *testing.T) {
	b := make([]byte, packet.GeneveLen)
	testTunnel.Encode(b)
	ours := &layers.GeneveOption{Class: 0xff48, Type: 0x81, Data: b[12:24]}
	other := &layers.GeneveOption{Class: 0x0108, Type: 0x01, Data: make([]byte, 8)}
	empty := &layers.GeneveOption{Class: 0xff48, Type: 0x01}
	largest := &layers.GeneveOption{Class: 0x0102, Type: 0x7f, Data: make([]byte, 124)}
	for _, options := range [][]*layers.GeneveOption{{ours}, {other, ours}, {ours, other}, {empty, ours, empty}, {largest, ours, other, empty}} {
		data := serialize(t, &layers.Geneve{CriticalOption: true, Protocol: layers.EthernetTypeIPv4, VNI: 0xabcdef, Options: options}, gopacket.Payload("inner"))
		var got packet.Tunnel
		n, r := got.Decode(data)
		if r != drop.None || string(data[n:]) != "inner" || got != testTunnel {
			t.Errorf("%d options: %s, %d of %d, %+v", len(options), r, n, len(data), got)
		}
	}
}

func TestTunnelRefuses(t *testing.T) {
	good := make([]byte, packet.GeneveLen)
	testTunnel.Encode(good)
	set := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	// with puts options behind the base header.
	with := func(options ...[]byte) []byte {
		b := append(bytes.Clone(good[:8]), bytes.Join(options, nil)...)
		b[0] = byte((len(b) - 8) / 4)
		return b
	}
	ours := good[8:]
	short := append([]byte{0xff, 0x48, 0x81, 2}, make([]byte, 8)...)
	long := append([]byte{0xff, 0x48, 0x81, 4}, make([]byte, 16)...)
	critical := []byte{0x01, 0x08, 0x80, 0}
	criticalOfOurs := []byte{0xff, 0x48, 0x82, 0}
	for _, c := range []struct {
		name string
		b    []byte
		want drop.Reason
	}{
		{"nothing", nil, drop.GeneveTooShort},
		{"7 bytes", good[:7], drop.GeneveTooShort},
		{"options cut", good[:23], drop.GeneveTooShort},
		{"version 1", set(0, 0x44), drop.GeneveBadVersion},
		{"control", set(1, 0xc0), drop.GeneveControl},
		{"Ethernet inside", append([]byte{4, 0x40, 0x65, 0x58}, good[4:]...), drop.GeneveBadProtocol},
		{"IPv6 inside", append([]byte{4, 0x40, 0x86, 0xdd}, good[4:]...), drop.GeneveBadProtocol},
		{"no options", with(), drop.GeneveMissingOption},
		{"only another option", with([]byte{1, 8, 1, 1, 0, 0, 0, 0}), drop.GeneveMissingOption},
		{"other class, our type, not critical", with([]byte{1, 8, 1, 3}, make([]byte, 12)), drop.GeneveMissingOption},
		{"our option too short", with(short), drop.GeneveBadOption},
		{"our option too long", with(long), drop.GeneveBadOption},
		{"our option twice", with(ours, ours), drop.GeneveBadOption},
		{"option past the options", with(ours, []byte{1, 8, 1, 1}), drop.GeneveBadOption},
		{"our option past the options", with([]byte{0xff, 0x48, 0x81, 3, 0, 0, 0, 0}), drop.GeneveBadOption},
		{"unknown critical behind ours", with(ours, critical), drop.GeneveUnknownCritical},
		{"unknown critical before ours", with(critical, ours), drop.GeneveUnknownCritical},
		{"unknown critical of our class", with(criticalOfOurs, ours), drop.GeneveUnknownCritical},
		{"reserved bits set", func() []byte {
			b := bytes.Clone(good)
			b[1] |= 0x3f
			b[7] = 0xff
			b[11] |= 0xe0
			b[18] |= 0xfe
			b[22], b[23] = 0xff, 0xff
			return b
		}(), drop.None},
		{"C bit clear", set(1, 0), drop.None},
	} {
		got := packet.Tunnel{VNI: 1, Service: 2, Stage: 3, Hops: 4, Partial: true, GSO: 5, GSOSize: 6} // of an earlier packet
		n, r := got.Decode(c.b)
		want, wantN := packet.Tunnel{}, 0
		if c.want == drop.None {
			want, wantN = testTunnel, packet.GeneveLen
		}
		if r != c.want || got != want || n != wantN {
			t.Errorf("%s: %s %d %+v, want %s", c.name, r, n, got, c.want)
		}
	}
}
