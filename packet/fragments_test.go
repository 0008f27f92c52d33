package packet_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// fragment cuts p for an MTU and returns the fragments.
func fragment(t failer, p packet.Packet, mtu int) (out [][]byte) {
	t.Helper()
	var f packet.Fragments
	if r := f.Plan(&p, viewOf(t, &p), mtu); r != drop.None {
		t.Fatalf("plan for %d bytes: %v", mtu, r)
	}
	for i := range f.N() {
		dst := make([]byte, mtu)
		n := f.Piece(i, dst)
		if n == 0 {
			t.Fatalf("piece %d of %d is empty", i, f.N())
		}
		out = append(out, dst[:n])
	}
	return out
}

// glue is the plainest reassembly: fragments in order, offsets checked, the first one's header.
func glue(t failer, fragments [][]byte) []byte {
	t.Helper()
	first := packet.IPv4(fragments[0])
	whole, at := bytes.Clone(fragments[0]), 0
	for i, b := range fragments {
		ip, r := packet.NewIPv4(b)
		if r != drop.None || len(ip) != len(b) {
			t.Fatalf("fragment %d: %v", i, r)
		}
		if ip.FragmentOffset() != at || ip.MoreFragments() != (i < len(fragments)-1) || ip.ID() != first.ID() {
			t.Fatalf("fragment %d: offset %d, want %d, more %v", i, ip.FragmentOffset(), at, ip.MoreFragments())
		}
		if i > 0 {
			whole = append(whole, ip.Payload()...)
		}
		at += len(ip.Payload())
	}
	ip := packet.IPv4(whole)
	ip.SetTotalLen(len(whole))
	ip.SetFragment(false, false, 0)
	return whole
}

// drawWhole draws a packet without DF, some with options of both kinds.
func drawWhole(t *rapid.T) packet.Packet {
	opts := []packettest.Option{packettest.WithID(rapid.Uint16().Draw(t, "id")), packettest.WithTOS(rapid.Byte().Draw(t, "tos"))}
	if o := rapid.SampledFrom([][]byte{nil, {7, 7, 4, 0, 0, 0, 0}, {148, 4, 0, 0}, {1, 148, 4, 0, 0, 7, 3, 4}}).Draw(t, "options"); o != nil {
		opts = append(opts, packettest.WithIPOptions(o...))
	}
	body := packettest.Payload(rapid.IntRange(1, 9000).Draw(t, "size"))
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return packettest.PartialTCP(superFrom, superTo, "A", body, opts...)
	case 1:
		return packettest.PartialUDP(superFrom, superTo, body, opts...)
	case 2:
		return packet.Packet{Data: packettest.UDP(superFrom, superTo, body, append(opts, packettest.WithoutUDPChecksum())...)}
	default:
		return packet.Packet{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 1, body, opts...)}
	}
}

// Fragments fit, carry valid headers, and put together plainly give the packet with its checksum finished; also when
// each is cut again.
func TestFragmentsAreThePacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawWhole(t)
		want := finished(t, p).Data
		mtu := rapid.IntRange(68, 3000).Draw(t, "mtu")
		once := fragment(t, p, mtu)
		var twice [][]byte
		for _, b := range once {
			if len(b) > mtu {
				t.Fatalf("%d bytes for an MTU of %d", len(b), mtu)
			}
			twice = append(twice, fragment(t, packet.Packet{Data: bytes.Clone(b)}, rapid.IntRange(68, 1500).Draw(t, "mtu"))...)
		}
		for _, fragments := range [][][]byte{once, twice} {
			if got := glue(t, fragments); !bytes.Equal(got, want) {
				t.Fatalf("together:\n got % x\nwant % x", headOf(got), headOf(want))
			}
			if err := judgeByGopacket(want); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A superpacket becomes its segments, each in fragments.
func TestFragmentsOfASuperpacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSuper(t, 20, formIPv4)
		packet.IPv4(s.x.Data).SetFragment(false, false, 0)
		mtu := rapid.IntRange(128, s.headLen+s.mss+200).Draw(t, "mtu")
		var got [][]byte
		byID := map[uint16][][]byte{}
		for _, b := range fragment(t, s.x, mtu) {
			got = append(got, b)
			byID[packet.IPv4(b).ID()] = append(byID[packet.IPv4(b).ID()], b)
		}
		for i, want := range s.segments {
			packet.IPv4(want.Data).SetFragment(false, false, 0)
			if b := glue(t, byID[packet.IPv4(want.Data).ID()]); !bytes.Equal(b, finished(t, want).Data) {
				t.Fatalf("segment %d of %d fragments differs", i, len(got))
			}
		}
	})
}

func TestFragmentsRefuse(t *testing.T) {
	body := packettest.Payload(1000)
	late := packettest.Fragment(packettest.UDP(superFrom, superTo, packettest.Payload(2000)), 8, 1000)
	packet.IPv4(late).SetFragment(false, true, 65528-800)
	for _, c := range []struct {
		name string
		p    packet.Packet
		mtu  int
		want drop.Reason
	}{
		{"DF", packet.Packet{Data: packettest.UDP(superFrom, superTo, body, packettest.WithDF())}, 1027, drop.TooBig},
		{"DF superpacket", packettest.SuperTCP(superFrom, superTo, "A", body, 500, packettest.WithDF()), 539, drop.TooBig},
		{"no room for 8 bytes", packet.Packet{Data: packettest.UDP(superFrom, superTo, body)}, 27, drop.TooBig},
		{"no room at all", packet.Packet{Data: packettest.UDP(superFrom, superTo, body)}, -1, drop.TooBig},
		{"beyond the last offset", packet.Packet{Data: late}, 500, drop.FragmentMalformed},
		{"SYN superpacket", packettest.SuperTCP(superFrom, superTo, "SA", body, 500), 1500, drop.BadOffload},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f packet.Fragments
			if r := f.Plan(&c.p, viewOf(t, &c.p), c.mtu); r != c.want || f.N() != 0 || f.Piece(0, make([]byte, 1500)) != 0 {
				t.Errorf("%v and %d pieces, want %v", r, f.N(), c.want)
			}
		})
	}
	// DF does not matter where nothing is cut; a buffer that is too short gets nothing.
	p := packettest.PartialUDP(superFrom, superTo, body, packettest.WithDF())
	var f packet.Fragments
	if r := f.Plan(&p, viewOf(t, &p), 1028); r != drop.None || f.N() != 1 {
		t.Fatalf("%v, %d pieces", r, f.N())
	}
	if f.Piece(0, make([]byte, 1027)) != 0 || f.Piece(-1, make([]byte, 1500)) != 0 || f.Piece(1, make([]byte, 1500)) != 0 {
		t.Error("a piece where there is none")
	}
	got := make([]byte, 1028)
	f.Piece(0, got)
	must(t, judgeByGopacket(got))
}

// Only options with the copied flag go into later fragments (RFC 791, section 3.1).
func TestFragmentsCopyOptions(t *testing.T) {
	recordRoute, alert := []byte{7, 7, 4, 0, 0, 0, 0}, []byte{148, 4, 0, 0}
	p := packet.Packet{Data: packettest.UDP(superFrom, superTo, packettest.Payload(100), packettest.WithIPOptions(append(recordRoute, alert...)...))}
	out := fragment(t, p, 80)
	if got := packet.IPv4(out[0]).Options(); !bytes.Equal(got, append(append(recordRoute, alert...), 0)) {
		t.Errorf("options of the first: % x", got)
	}
	for _, b := range out[1:] {
		if got := packet.IPv4(b).Options(); !bytes.Equal(got, alert) {
			t.Errorf("options of a later one: % x", got)
		}
	}
}

// No input panics and no fragment is larger than asked for.
func FuzzFragments(f *testing.F) {
	f.Add(packettest.UDP(superFrom, superTo, packettest.Payload(300)), uint8(0), uint16(0), false, 100)
	f.Add(packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(3000), 1000).Data, uint8(packet.GSOTCPv4), uint16(1000), true, 500)
	f.Add(packettest.Fragment(packettest.UDP(superFrom, superTo, packettest.Payload(300)), 8, 200), uint8(0), uint16(0), false, 68)
	f.Fuzz(tryFragments)
}

func tryFragments(t *testing.T, data []byte, gso uint8, size uint16, partial bool, mtu int) {
	p := packet.Packet{Data: mend(data), Offload: packet.Offload{GSO: packet.GSOType(gso), GSOSize: size, Partial: partial}}
	var v packet.View
	var c packet.Fragments
	if v.Decode(&p) != drop.None || c.Plan(&p, &v, mtu) != drop.None {
		return
	}
	dst := make([]byte, packet.PacketMax)
	for i := range c.N() {
		n := c.Piece(i, dst)
		if n == 0 || n > mtu {
			t.Fatalf("piece %d: %d bytes for %d", i, n, mtu)
		}
		if ip, r := packet.NewIPv4(dst[:n]); r != drop.None || len(ip) != n {
			t.Fatalf("piece %d: %v", i, r)
		}
	}
}

// A partial checksum is finished from the packet and not from the field, which an instance may have made up; and a UDP
// checksum that comes out as zero is sent as 0xffff (RFC 768).
func TestFragmentsFinishChecksums(t *testing.T) {
	p := packettest.PartialUDP(superFrom, superTo, packettest.Payload(1000))
	want := finished(t, p).Data
	v := viewOf(t, &p)
	packet.UDP(v.L4).SetChecksum(0x1234)
	if got := glue(t, fragment(t, p, 500)); !bytes.Equal(got, want) {
		t.Error("the forged field was believed")
	}

	body := packettest.Payload(1000)
	sum := packet.UDP(packet.IPv4(want).Payload()).Checksum() // added to the payload it makes the sum 0xffff
	word := uint32(body[0])<<8 | uint32(body[1])
	word += uint32(sum)
	word = word&0xffff + word>>16
	body[0], body[1] = byte(word>>8), byte(word)
	got := glue(t, fragment(t, packettest.PartialUDP(superFrom, superTo, body), 500))
	if sum := packet.UDP(packet.IPv4(got).Payload()).Checksum(); sum != 0xffff {
		t.Errorf("checksum %#x, want 0xffff", sum)
	}
}
