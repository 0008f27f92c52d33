package packet_test

import (
	"testing"

	"hyperplane/packet"

	"pgregory.net/rapid"
)

// slowFold is RFC 1071 as it is written: 16-bit words, end-around carry.
func slowFold(b []byte, initial uint16) uint16 {
	sum := uint32(initial)
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		sum += w
		if sum > 0xffff {
			sum = sum&0xffff + 1
		}
	}
	return uint16(sum)
}

func TestSumKnownValues(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want uint16
	}{
		{"empty", nil, 0},
		{"RFC 1071 section 3", []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0xddf2},
		{"odd length", []byte{0x12, 0x34, 0x56}, 0x6834},
		{"one byte", []byte{0xab}, 0xab00},
		{"all ones stay minus zero", []byte{0xff, 0xff, 0xff, 0xff}, 0xffff},
		{"zeros stay zero", make([]byte, 128), 0},
	} {
		if got := packet.Fold(packet.Sum(c.in, 0)); got != c.want {
			t.Errorf("%s: %#04x, want %#04x", c.name, got, c.want)
		}
	}
}

// Every length up to several unrolled rounds, at every alignment.
func TestSumAgainstSlow(t *testing.T) {
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(i*151 + 7)
	}
	for off := range 9 {
		for n := 0; off+n <= len(b); n++ {
			in := b[off : off+n]
			if got, want := packet.Fold(packet.Sum(in, 0x1234)), slowFold(in, 0x1234); got != want {
				t.Fatalf("offset %d length %d: %#04x, want %#04x", off, n, got, want)
			}
		}
	}
	for i := range b {
		b[i] = 0xff // the most carries
	}
	for n := range len(b) {
		if got, want := packet.Fold(packet.Sum(b[:n], 0xffff)), slowFold(b[:n], 0xffff); got != want {
			t.Fatalf("0xff x %d: %#04x, want %#04x", n, got, want)
		}
	}
}

// Summing in pieces of even length equals summing at once.
func TestSumInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "b")
		cut := rapid.IntRange(0, len(b)/2).Draw(t, "cut") * 2
		whole := packet.Fold(packet.Sum(b, 0))
		if got := packet.Fold(packet.Sum(b[cut:], packet.Sum(b[:cut], 0))); got != whole {
			t.Fatalf("in pieces %#04x, at once %#04x", got, whole)
		}
		if slow := slowFold(b, 0); whole != slow {
			t.Fatalf("fast %#04x, slow %#04x", whole, slow)
		}
	})
}

func TestFoldExtremes(t *testing.T) {
	for _, c := range []struct {
		in   uint64
		want uint16
	}{{0, 0}, {0xffff, 0xffff}, {0x10000, 1}, {0xffffffff, 0xffff}, {1 << 32, 1}, {1<<64 - 1, 0xffff}, {0xfffffffffffffffe, 0xfffe}} {
		if got := packet.Fold(c.in); got != c.want {
			t.Errorf("Fold(%#x) = %#04x, want %#04x", c.in, got, c.want)
		}
	}
}

// RFC 1624, section 4: the example that equation 2 of RFC 1141 gets wrong.
func TestUpdate16RFC1624Example(t *testing.T) {
	if got := packet.Update16(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("%#04x, want 0x0000", got)
	}
}

// Update16 equals computing anew, at words of both forms of zero too.
func TestUpdate16AgainstRecompute(t *testing.T) {
	word := rapid.OneOf(rapid.Uint16(), rapid.SampledFrom([]uint16{0, 0xffff, 1, 0xfffe}))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 2, 20).Draw(t, "words")
		words[0] |= 0x4000 // a header is never all zero (RFC 1624, section 3)
		i := rapid.IntRange(1, len(words)-1).Draw(t, "i")
		next := word.Draw(t, "next")
		sum := func() uint16 {
			var s uint64
			for _, w := range words {
				s += uint64(w)
			}
			return ^packet.Fold(s)
		}
		before, old := sum(), words[i]
		words[i] = next
		if got, want := packet.Update16(before, old, next), sum(); got != want {
			t.Fatalf("word %d %#04x -> %#04x: updated %#04x, computed %#04x", i, old, next, got, want)
		}
	})
}

func TestPseudoSum(t *testing.T) {
	src, dst := packet.Addr4(0xcb00710a), packet.Addr4(0x0a00010a)
	pseudo := []byte{0xcb, 0, 0x71, 0x0a, 0x0a, 0, 1, 0x0a, 0, 6, 0x12, 0x34}
	if got, want := packet.Fold(packet.PseudoSum4(src, dst, 6, 0x1234)), slowFold(pseudo, 0); got != want {
		t.Errorf("IPv4: %#04x, want %#04x", got, want)
	}
	a, b := make([]byte, 16), make([]byte, 16)
	for i := range a {
		a[i], b[i] = byte(i+1), byte(0xf0-i)
	}
	pseudo = append(append(append([]byte{}, a...), b...), 0, 0, 0x12, 0x34, 0, 0, 0, 17)
	if got, want := packet.Fold(packet.PseudoSum6(a, b, 17, 0x1234)), slowFold(pseudo, 0); got != want {
		t.Errorf("IPv6: %#04x, want %#04x", got, want)
	}
}
