package packet_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// fragment6 cuts p for an MTU and returns the fragments.
func fragment6(t failer, p packet.Packet, mtu int, id uint32) (out [][]byte) {
	t.Helper()
	var f packet.Fragments6
	v := decode6(t, &p)
	if r := f.Plan(&p, &v, mtu, id); r != drop.None {
		t.Fatalf("plan for %d bytes: %v", mtu, r)
	}
	for i := range f.N() {
		dst := make([]byte, mtu)
		n := f.Piece(i, dst)
		if n == 0 {
			t.Fatalf("piece %d of %d is empty", i, f.N())
		}
		if n != f.Piece(i, dst[:n]) || f.Piece(i, make([]byte, n-1)) != 0 {
			t.Fatalf("piece %d of %d bytes in a buffer of its length, or less", i, n)
		}
		out = append(out, dst[:n])
	}
	return out
}

// unfinished is a packet with a forged partial checksum in place of its own.
func unfinished(t failer, whole []byte) packet.Packet {
	t.Helper()
	p := packet.Packet{Data: bytes.Clone(whole)}
	v := decode6(t, &p)
	switch v.Kind {
	case packet.KindTCP:
		packet.TCP(v.L4).SetChecksum(0x1234)
	case packet.KindUDP:
		packet.UDP(v.L4).SetChecksum(0x1234)
	default:
		return p
	}
	p.Offload.Partial = true
	return p
}

// Fragments are, byte for byte, those of the plain cut, and reassembled they are the packet with all its extension
// headers and its checksum finished.
func TestFragments6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, split, at := drawWhole6(t, 9000)
		mtu, id := rapid.IntRange(packet.IPv6MTUMin, 3000).Draw(t, "mtu"), rapid.Uint32().Draw(t, "id")
		p := packet.Packet{Data: whole}
		if rapid.Bool().Draw(t, "partial") {
			p = unfinished(t, whole)
		}
		given := bytes.Clone(p.Data)
		got := fragment6(t, p, mtu, id)
		want := [][]byte{whole}
		if len(whole) > mtu {
			want = cut6(whole, split, at, (mtu-split-8)/8*8, id)
		}
		if len(got) != len(want) || !bytes.Equal(p.Data, given) {
			t.Fatalf("%d fragments, want %d", len(got), len(want))
		}
		r := newReassembly(packet.ReassemblerLimits{})
		for i := range got {
			if !bytes.Equal(got[i], want[i]) || len(got[i]) > mtu {
				t.Fatalf("fragment %d:\n got % x\nwant % x", i, headOf(got[i]), headOf(want[i]))
			}
			if err := plainCheck(got[i], false); err != nil {
				t.Fatal(err)
			}
			again, done, reason := r.add(0, 0, got[i])
			if reason != drop.None || done != (i == len(got)-1) || done && !bytes.Equal(again, whole) {
				t.Fatalf("reassembled: %v, %v", done, reason)
			}
		}
	})
}

// The header of an atomic fragment is replaced where the packet is cut, and stays where it is not.
func TestFragments6Atomic(t *testing.T) {
	udp := packettest.UDP6(in6, out6, packettest.Payload(3000))
	atomic := packettest.Fragment6(udp, 0, 4000, 1)
	if got := fragment6(t, unfinished(t, atomic), 1500, 7); len(got) != 3 {
		t.Errorf("%d fragments", len(got))
	} else {
		for i, want := range cut6(udp, 40, 6, 1448, 7) {
			if !bytes.Equal(got[i], want) {
				t.Errorf("fragment %d: % x", i, headOf(got[i]))
			}
		}
	}
	if got := fragment6(t, unfinished(t, atomic), len(atomic), 7); len(got) != 1 || !bytes.Equal(got[0], atomic) {
		t.Errorf("%d fragments", len(got))
	}
}

func TestFragments6Refuse(t *testing.T) {
	body := packettest.Payload(3000)
	udp := packettest.UDP6(in6, out6, body)
	long := func(units int) []byte {
		return packettest.Extend(packettest.Extend(udp, destOpts, options(units)...), hopByHop, options(1)...)
	}
	for _, c := range []struct {
		name string
		p    packet.Packet
		mtu  int
		want drop.Reason
	}{
		{"below the least MTU", packet.Packet{Data: udp}, 1279, drop.TooBig},
		{"below the least MTU, but fits", packet.Packet{Data: packettest.UDP6(in6, out6, nil)}, 1279, drop.TooBig},
		{"no MTU", packet.Packet{Data: udp}, -1, drop.TooBig},
		{"superpacket", packettest.SuperTCP6(in6, out6, "A", body, 1400), 1500, drop.TooBig},
		{"superpacket that fits", packettest.SuperTCP6(in6, out6, "A", body, 1400), 9000, drop.TooBig},
		{"fragment", packet.Packet{Data: packettest.Fragment6(udp, 8, 2000, 1)}, 1500, drop.TooBig},
		{"error", packet.Packet{Data: packettest.ICMP6(router6, inAddr6, 1, 4, 0, udp)}, 1500, drop.TooBig},
		{"no room for the transport header", packet.Packet{Data: long(153)}, 1280, drop.TooBig},
		{"just room for the transport header", packet.Packet{Data: long(152)}, 1280, drop.None},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := decode6(t, &c.p)
			f := new(packet.Fragments6)
			r := f.Plan(&c.p, &v, c.mtu, 1)
			if r != c.want || r != drop.None && (f.N() != 0 || f.Piece(0, make([]byte, 9000)) != 0) {
				t.Errorf("%v and %d pieces, want %v", r, f.N(), c.want)
			}
		})
	}
	p := packet.Packet{Data: udp}
	v := decode6(t, &p)
	var f packet.Fragments6
	if f.Plan(&p, &v, 1500, 1) != drop.None || f.Piece(-1, make([]byte, 1500)) != 0 || f.Piece(f.N(), make([]byte, 1500)) != 0 {
		t.Error("a piece where there is none")
	}
}

// A UDP checksum that comes out as zero is sent as 0xffff (RFC 8200, section 8.1).
func TestFragments6ZeroChecksum(t *testing.T) {
	body := packettest.Payload(2000)
	sum := packet.UDP(packettest.UDP6(in6, out6, body)[40:]).Checksum() // added to the payload it makes the sum 0xffff
	word := uint32(body[0])<<8 | uint32(body[1])
	word += uint32(sum)
	word = word&0xffff + word>>16
	body[0], body[1] = byte(word>>8), byte(word)
	got := fragment6(t, unfinished(t, packettest.UDP6(in6, out6, body)), 1500, 1)
	if sum := packet.UDP(got[0][48:]).Checksum(); sum != 0xffff {
		t.Errorf("checksum %#x, want 0xffff", sum)
	}
}

// Wireshark puts the fragments together, and finds each checksum right and no part malformed.
func TestFragments6AgainstTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("not supported here: tshark (scripts/packages installs it)")
	}
	body := packettest.Payload(4000)
	udp := packettest.UDP6(in6, out6, body)
	var frames [][]byte
	lasts := map[int]bool{}
	for i, whole := range [][]byte{
		udp, packettest.TCP6(in6, out6, "A", body), echo6(128, 1, 1, body),
		packettest.Extend(udp, destOpts, options(2)...),
		packettest.Extend(packettest.Extend(udp, destOpts, options(2)...), hopByHop, options(1)...),
		packettest.Extend(packettest.Extend(udp, routing, 0, 0, 253, 0, 0, 0, 0, 0), destOpts, options(2)...),
	} {
		frames = append(frames, fragment6(t, unfinished(t, whole), 1400, uint32(i))...)
		lasts[len(frames)-1] = true
	}
	file := filepath.Join(t.ArtifactDir(), "fragments6.pcapng")
	if err := os.WriteFile(file, packettest.Pcapng(frames...), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-n", "-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-e", "tcp.checksum.status", "-e", "udp.checksum.status", "-e", "icmpv6.checksum.status",
		"-e", "_ws.malformed", "-e", "ipv6.fragment.error", "-e", "ipv6.fragment.overlap").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("%d lines for %d packets", len(lines), len(frames))
	}
	for i, l := range lines {
		fields := strings.Split(l, "\t")
		if verified := strings.Join(fields[:3], "") == "1"; verified != lasts[i] || strings.Join(fields[3:], "") != "" {
			t.Errorf("frame %d: %q\n%s", i, l, packettest.Line(frames[i]))
		}
	}
}

func TestFragments6AllocatesNothing(t *testing.T) {
	p := unfinished(t, packettest.TCP6(in6, out6, "A", packettest.Payload(4000)))
	v := decode6(t, &p)
	var f packet.Fragments6
	dst := make([]byte, 1500)
	if n := testing.AllocsPerRun(100, func() {
		accepted(f.Plan(&p, &v, 1500, 7))
		for i := range f.N() {
			f.Piece(i, dst)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No input panics; fragments fit, and what could be cut comes out of a reassembler as it was.
func FuzzFragments6(f *testing.F) {
	for _, p := range seedPackets6() {
		f.Add(p, false, uint8(0), uint16(0), true, 1300)
	}
	f.Add(packettest.UDP6(in6, out6, packettest.Payload(3000)), true, uint8(0), uint16(0), false, 1280)
	f.Add(packettest.Extend(packettest.UDP6(in6, out6, packettest.Payload(3000)), destOpts, options(4)...), true, uint8(0), uint16(0), false, 1500)
	f.Add(packettest.Fragment6(packettest.TCP6(in6, out6, "A", packettest.Payload(3000)), 0, 9000, 1), false, uint8(0), uint16(0), false, 1500)
	f.Fuzz(tryFragments6)
}

func tryFragments6(t *testing.T, data []byte, partial bool, gso uint8, size uint16, mend bool, mtu int) {
	p := packet.Packet{Data: bytes.Clone(data), Offload: offloadOf(partial, gso, size, 9)}
	if mend {
		repair6(p.Data)
	}
	var v packet.View6
	var c packet.Fragments6
	if v.Decode(&p) != drop.None || c.Plan(&p, &v, mtu, 7) != drop.None {
		return
	}
	dst := make([]byte, len(p.Data))
	if c.N() == 1 {
		if n := c.Piece(0, dst); n != len(p.Data) || n > mtu {
			t.Fatalf("%d bytes for %d", n, mtu)
		}
		return
	}
	r := newReassembly(packet.ReassemblerLimits{})
	for i := range c.N() {
		n := c.Piece(i, dst)
		if n == 0 || n > mtu {
			t.Fatalf("piece %d: %d bytes for %d", i, n, mtu)
		}
		whole, done, reason := r.add(0, 0, dst[:n])
		if reason == drop.BadHeaderLength || reason == drop.FragmentMemory {
			return // beyond what a reassembler takes
		}
		last := i == c.N()-1
		if reason != drop.None || done != last {
			t.Fatalf("piece %d: %v, %v", i, done, reason)
		}
		if !last {
			continue
		}
		q := packet.Packet{Data: whole}
		w := decode6(t, &q)
		if w.Kind != v.Kind || w.Tuple != v.Tuple || len(w.L4) != len(v.L4) || partial && !w.VerifyL4(&q) || !partial && !bytes.Equal(w.L4, v.L4) {
			t.Fatalf("%s became %s", packettest.Line(p.Data), packettest.Line(whole))
		}
	}
}
