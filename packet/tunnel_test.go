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

// One tunnel header of each form.
var (
	testTunnel6 = packet.Tunnel{VNI: 0xabcdef, Service: 0x01020304, Stage: packet.StageData, Hops: 7, IPv6: true, Partial: true, GSO: packet.GSOTCPv6, GSOSize: 1428}
	testTunnel  = packet.Tunnel{VNI: 0xabcdef, Service: 0x01020304, Stage: packet.StageData, Hops: 7, Partial: true, GSO: packet.GSOTCPv4, GSOSize: 1448}
	testChain   = packet.Tunnel{VNI: 0xabcdef, Service: 0x01020304, Stage: packet.StageChain, Hops: 7, Partial: true, GSO: packet.GSOTCPv4, GSOSize: 1448, Chain: chainBody()}
	testControl = packet.Tunnel{Stage: packet.StageHello, Hops: 1}
)

// chainBody counts from 101.
func chainBody() *[packet.ChainLen]byte {
	b := new([packet.ChainLen]byte)
	for i := range b {
		b[i] = byte(101 + i)
	}
	return b
}

// same compares what two headers say, not where their chain option lies.
func same(a, b packet.Tunnel) bool {
	if (a.Chain == nil) != (b.Chain == nil) || a.Chain != nil && *a.Chain != *b.Chain {
		return false
	}
	a.Chain, b.Chain = nil, nil
	return a == b
}

// encoded is a header in a buffer that held other bytes.
func encoded(t packet.Tunnel) []byte {
	b := bytes.Repeat([]byte{0xee}, packet.GeneveMax)
	return b[:t.Encode(b)]
}

// The layout, byte for byte: changing it is changing the protocol.
func TestTunnelBytes(t *testing.T) {
	option := append([]byte{0xff, 0x48, 0x82, 0x12}, chainBody()[:]...)
	for _, c := range []struct {
		name   string
		tunnel packet.Tunnel
		want   []byte
	}{
		{"data", testTunnel, []byte{
			0x04, 0x40, 0x08, 0x00, 0xab, 0xcd, 0xef, 0x00,
			0xff, 0x48, 0x81, 0x03,
			1, 2, 3, 4, 0, 7, 1, 1, 0x05, 0xa8, 0, 0,
		}},
		{"data of IPv6", testTunnel6, []byte{
			0x04, 0x40, 0x86, 0xdd, 0xab, 0xcd, 0xef, 0x00,
			0xff, 0x48, 0x81, 0x03,
			1, 2, 3, 4, 0, 7, 1, 4, 0x05, 0x94, 0, 0,
		}},
		{"chain", testChain, append([]byte{
			0x17, 0x40, 0x08, 0x00, 0xab, 0xcd, 0xef, 0x00,
			0xff, 0x48, 0x81, 0x03,
			1, 2, 3, 4, 1, 7, 1, 1, 0x05, 0xa8, 0, 0,
		}, option...)},
		{"control", testControl, []byte{
			0x04, 0xc0, 0x88, 0xb5, 0, 0, 0, 0,
			0xff, 0x48, 0x81, 0x03,
			0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0,
		}},
		// Nobody has to clear what a control datagram does not have.
		{"control with offload", packet.Tunnel{Stage: packet.StageProbe, IPv6: true, Partial: true, GSO: packet.GSOUDP, GSOSize: 9}, []byte{
			0x04, 0xc0, 0x88, 0xb5, 0, 0, 0, 0,
			0xff, 0x48, 0x81, 0x03,
			0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
		}},
	} {
		b := bytes.Repeat([]byte{0xee}, len(c.want)+1)
		if n := c.tunnel.Encode(b); n != len(c.want) || n != c.tunnel.Len() {
			t.Errorf("%s: length %d, Len %d, want %d", c.name, n, c.tunnel.Len(), len(c.want))
		}
		if d := cmp.Diff(append(c.want, 0xee), b); d != "" { // beyond: untouched
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestTunnelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := packet.Tunnel{
			VNI: rapid.Uint32Range(0, packet.VNIMax).Draw(t, "vni"), Service: rapid.Uint32().Draw(t, "service"),
			Stage: rapid.OneOf(rapid.ByteRange(0, 5), rapid.Byte()).Draw(t, "stage"), Hops: rapid.Byte().Draw(t, "hops"),
		}
		if want.Control() != (want.Stage >= 2) {
			t.Fatalf("stage %d: Control %v", want.Stage, want.Control())
		}
		if !want.Control() {
			want.Partial, want.GSO, want.GSOSize = rapid.Bool().Draw(t, "partial"), packet.GSOType(rapid.Byte().Draw(t, "gso")), rapid.Uint16().Draw(t, "size")
		}
		if want.Stage == packet.StageChain {
			want.Chain = (*[packet.ChainLen]byte)(rapid.SliceOfN(rapid.Byte(), packet.ChainLen, packet.ChainLen).Draw(t, "chain"))
		}
		want.IPv6 = want.Stage == packet.StageData && rapid.Bool().Draw(t, "ipv6")
		more := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "more")
		if len(more) > 0 && !want.Control() {
			more[0] = 4<<4 | more[0]&15
			if want.IPv6 {
				more[0] ^= 2 << 4
			}
		}
		b := append(encoded(want), more...)
		got := rapid.SampledFrom([]packet.Tunnel{{}, testTunnel, testTunnel6, testChain, testControl}).Draw(t, "earlier packet's")
		if n, r := got.Decode(b); n != want.Len() || r != drop.None || !same(got, want) {
			t.Fatalf("%d %s %+v, want %+v", n, r, got, want)
		}
		if got.Chain != nil && &got.Chain[0] != &b[packet.GeneveMax-packet.ChainLen] {
			t.Fatal("Chain does not point into the datagram")
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

// gopacket finds both options, and sees that a control datagram is one.
func TestTunnelFormsReadByGopacket(t *testing.T) {
	read := func(tunnel packet.Tunnel) *layers.Geneve {
		g, _ := gopacket.NewPacket(append(encoded(tunnel), 0x45, 0), layers.LayerTypeGeneve, gopacket.Default).Layer(layers.LayerTypeGeneve).(*layers.Geneve)
		if g == nil {
			t.Fatalf("stage %d is not readable", tunnel.Stage)
		}
		return g
	}
	g := read(testChain)
	if g.OAMPacket || g.Protocol != layers.EthernetTypeIPv4 || len(g.Options) != 2 {
		t.Fatalf("%+v", g)
	}
	if o := g.Options[1]; o.Class != 0xff48 || o.Type != 0x82 || !bytes.Equal(o.Data, chainBody()[:]) {
		t.Errorf("option %+v", o)
	}
	if g := read(testControl); !g.OAMPacket || !g.CriticalOption || g.Protocol != 0x88b5 || g.VNI != 0 || len(g.Options) != 1 {
		t.Errorf("%+v", g)
	}
}

// Decode reads what gopacket writes, with other options around ours.
func TestTunnelWrittenByGopacket(t *testing.T) {
	body := func(tunnel packet.Tunnel) []byte { return encoded(tunnel)[12:packet.GeneveLen] }
	ours := &layers.GeneveOption{Class: 0xff48, Type: 0x81, Data: body(testTunnel)}
	oursChain := &layers.GeneveOption{Class: 0xff48, Type: 0x81, Data: body(testChain)}
	chain := &layers.GeneveOption{Class: 0xff48, Type: 0x82, Data: chainBody()[:]}
	other := &layers.GeneveOption{Class: 0x0108, Type: 0x01, Data: make([]byte, 8)}
	empty := &layers.GeneveOption{Class: 0xff48, Type: 0x01}
	largest := &layers.GeneveOption{Class: 0x0102, Type: 0x7f, Data: make([]byte, 124)}
	for _, c := range []struct {
		want    packet.Tunnel
		options []*layers.GeneveOption
	}{
		{testTunnel, []*layers.GeneveOption{ours}},
		{testTunnel, []*layers.GeneveOption{other, ours}},
		{testTunnel, []*layers.GeneveOption{ours, other}},
		{testTunnel, []*layers.GeneveOption{empty, ours, empty}},
		{testTunnel, []*layers.GeneveOption{largest, ours, other, empty}},
		{testChain, []*layers.GeneveOption{oursChain, chain}},
		{testChain, []*layers.GeneveOption{chain, oursChain}},
		{testChain, []*layers.GeneveOption{largest, chain, empty, oursChain, other}},
	} {
		data := serialize(t, &layers.Geneve{CriticalOption: true, Protocol: layers.EthernetTypeIPv4, VNI: 0xabcdef, Options: c.options}, gopacket.Payload("E is IPv4's first byte"))
		var got packet.Tunnel
		n, r := got.Decode(data)
		if r != drop.None || string(data[n:]) != "E is IPv4's first byte" || !same(got, c.want) {
			t.Errorf("%d options: %s, %d of %d, %+v", len(c.options), r, n, len(data), got)
		}
	}
}

func TestTunnelRefuses(t *testing.T) {
	good, chained, control := encoded(testTunnel), encoded(testChain), encoded(testControl)
	change := func(b []byte, f func(b []byte)) []byte { b = bytes.Clone(b); f(b); return b }
	set := func(i int, v byte) []byte { return change(good, func(b []byte) { b[i] = v }) }
	// of puts options behind a base header.
	of := func(base []byte, options ...[]byte) []byte {
		b := append(bytes.Clone(base[:8]), bytes.Join(options, nil)...)
		b[0] = byte((len(b) - 8) / 4)
		return b
	}
	with := func(options ...[]byte) []byte { return of(good, options...) }
	ours, chain := good[8:], chained[24:]
	short := append([]byte{0xff, 0x48, 0x81, 2}, make([]byte, 8)...)
	long := append([]byte{0xff, 0x48, 0x81, 4}, make([]byte, 16)...)
	shortChain := append([]byte{0xff, 0x48, 0x82, 17}, make([]byte, 68)...)
	longChain := append([]byte{0xff, 0x48, 0x82, 19}, make([]byte, 76)...)
	critical := []byte{0x01, 0x08, 0x80, 0}
	criticalOfOurs := []byte{0xff, 0x48, 0x83, 0}
	reserved := func(b []byte) {
		b[1] |= 0x3f
		b[7] = 0xff
		b[11] |= 0xe0
		b[18] |= 0xfe
		b[22], b[23] = 0xff, 0xff
	}
	for _, c := range []struct {
		name string
		b    []byte
		want drop.Reason
		as   packet.Tunnel // what is accepted says
	}{
		{"nothing", nil, drop.GeneveTooShort, packet.Tunnel{}},
		{"7 bytes", good[:7], drop.GeneveTooShort, packet.Tunnel{}},
		{"options cut", good[:23], drop.GeneveTooShort, packet.Tunnel{}},
		{"chain option cut", chained[:99], drop.GeneveTooShort, packet.Tunnel{}},
		{"version 1", set(0, 0x44), drop.GeneveBadVersion, packet.Tunnel{}},
		{"Ethernet inside", append([]byte{4, 0x40, 0x65, 0x58}, good[4:]...), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv6 by type, IPv4 inside", append(encoded(testTunnel6), 0x45), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv4 by type, IPv6 inside", append(bytes.Clone(good), 0x60), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv4 by type, neither inside", append(bytes.Clone(good), 0), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv6 by type, neither inside", append(encoded(testTunnel6), 0x75), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv4 by type, IPv6 inside, behind a chain option", append(bytes.Clone(chained), 0x60), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv6 in the chain stage", change(chained, func(b []byte) { b[2], b[3] = 0x86, 0xdd }), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"IPv6 in a control stage", change(control, func(b []byte) { b[2], b[3] = 0x86, 0xdd }), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"no options", with(), drop.GeneveMissingOption, packet.Tunnel{}},
		{"only another option", with([]byte{1, 8, 1, 1, 0, 0, 0, 0}), drop.GeneveMissingOption, packet.Tunnel{}},
		{"only a chain option", with(chain), drop.GeneveMissingOption, packet.Tunnel{}},
		{"other class, our type, not critical", with([]byte{1, 8, 1, 3}, make([]byte, 12)), drop.GeneveMissingOption, packet.Tunnel{}},
		{"our option too short", with(short), drop.GeneveBadOption, packet.Tunnel{}},
		{"our option too long", with(long), drop.GeneveBadOption, packet.Tunnel{}},
		{"our option twice", with(ours, ours), drop.GeneveBadOption, packet.Tunnel{}},
		{"option past the options", with(ours, []byte{1, 8, 1, 1}), drop.GeneveBadOption, packet.Tunnel{}},
		{"our option past the options", with([]byte{0xff, 0x48, 0x81, 3, 0, 0, 0, 0}), drop.GeneveBadOption, packet.Tunnel{}},
		{"unknown critical behind ours", with(ours, critical), drop.GeneveUnknownCritical, packet.Tunnel{}},
		{"unknown critical before ours", with(critical, ours), drop.GeneveUnknownCritical, packet.Tunnel{}},
		{"unknown critical of our class", with(criticalOfOurs, ours), drop.GeneveUnknownCritical, packet.Tunnel{}},

		{"chain stage without its option", with(chained[8:24]), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option in the data stage", with(ours, chain), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option in a control datagram", of(control, control[8:], chain), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option twice", with(chained[8:24], chain, chain), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option too short", with(chained[8:24], shortChain), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option too long", with(chained[8:24], longChain), drop.GeneveBadOption, packet.Tunnel{}},
		{"chain option empty", with(chained[8:24], []byte{0xff, 0x48, 0x82, 0}), drop.GeneveBadOption, packet.Tunnel{}},
		{"O bit in the data stage", set(1, 0xc0), drop.GeneveControl, packet.Tunnel{}},
		{"O bit in the chain stage", change(chained, func(b []byte) { b[1] |= 0x80 }), drop.GeneveControl, packet.Tunnel{}},
		{"no O bit in a control stage", change(control, func(b []byte) { b[1] &^= 0x80 }), drop.GeneveControl, packet.Tunnel{}},
		{"packet in a control stage", change(control, func(b []byte) { b[2], b[3] = 8, 0 }), drop.GeneveBadProtocol, packet.Tunnel{}},
		{"data stage without a packet", change(good, func(b []byte) { b[2], b[3] = 0x88, 0xb5 }), drop.GeneveBadProtocol, packet.Tunnel{}},

		{"reserved bits set", change(good, reserved), drop.None, testTunnel},
		{"reserved bits of a chain option set", change(chained, func(b []byte) { b[27] |= 0xe0 }), drop.None, testChain},
		{"offload in a control stage", change(control, func(b []byte) { reserved(b); b[19], b[20], b[21] = 1, 2, 3 }), drop.None, testControl},
		{"stage of a newer version", change(control, func(b []byte) { b[16] = 5 }), drop.None, packet.Tunnel{Stage: 5, Hops: 1}},
		{"C bit clear", set(1, 0), drop.None, testTunnel},
		{"IPv6", append(encoded(testTunnel6), 0x60), drop.None, testTunnel6},
		{"IPv6 by type, nothing inside", encoded(testTunnel6), drop.None, testTunnel6},
		{"control payload like IPv6", append(bytes.Clone(control), 0x60), drop.None, testControl},
	} {
		got := packet.Tunnel{VNI: 1, Service: 2, Stage: 3, Hops: 4, IPv6: true, Partial: true, GSO: 5, GSOSize: 6, Chain: chainBody()} // of an earlier packet
		n, r := got.Decode(c.b)
		wantN := 0
		if c.want == drop.None {
			wantN = c.as.Len()
		}
		if r != c.want || !same(got, c.as) || n != wantN {
			t.Errorf("%s: %s %d %+v, want %s", c.name, r, n, got, c.want)
		}
	}
}

// What a header says of a packet is the packet's own.
func TestTunnelDescribes(t *testing.T) {
	offload := packet.Offload{GSO: packet.GSOTCPv6, GSOSize: 1428, Partial: true, HdrLen: 60, CsumStart: 40, CsumOffset: 16}
	for _, c := range []struct {
		name string
		from packet.Tunnel
		data []byte
		want packet.Tunnel
	}{
		{"IPv6", testTunnel, []byte{0x60}, testTunnel6},
		{"IPv4", testTunnel6, []byte{0x45}, func() packet.Tunnel { t := testTunnel6; t.IPv6 = false; return t }()},
		{"nothing", testTunnel6, nil, func() packet.Tunnel { t := testTunnel6; t.IPv6 = false; return t }()},
		{"control", packet.Tunnel{Stage: packet.StageHello, IPv6: true, Partial: true, GSO: 1, GSOSize: 1}, []byte{0x60}, packet.Tunnel{Stage: packet.StageHello}},
	} {
		if c.from.Describe(c.data, offload); c.from != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, c.from, c.want)
		}
	}
}
