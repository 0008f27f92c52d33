package flowtable

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// sip is a general SipHash-c-d, the yardstick for the written-out one.
func sip(c, d int, s Seed, msg []byte) uint64 {
	a, _ := sipWide(c, d, s, msg, 0, 0xff)
	return a
}

// sip128 is the same with a result of 128 bits.
func sip128(c, d int, s Seed, msg []byte) (a, b uint64) { return sipWide(c, d, s, msg, 0xee, 0xee) }

// sipWide is both: they differ in two constants, and in whether the second half is made.
func sipWide(c, d int, s Seed, msg []byte, begin, end uint64) (a, b uint64) {
	v0, v1 := s[0]^0x736f6d6570736575, s[1]^0x646f72616e646f6d
	v2, v3 := s[0]^0x6c7967656e657261, s[1]^0x7465646279746573
	v1 ^= begin
	last := uint64(len(msg)) << 56
	for ; len(msg) >= 8; msg = msg[8:] {
		m := binary.LittleEndian.Uint64(msg)
		v3 ^= m
		for range c {
			v0, v1, v2, v3 = round(v0, v1, v2, v3)
		}
		v0 ^= m
	}
	for i, b := range msg {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	for range c {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	v0 ^= last
	v2 ^= end
	for range d {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	a = v0 ^ v1 ^ v2 ^ v3
	v1 ^= 0xdd
	for range d {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	return a, v0 ^ v1 ^ v2 ^ v3
}

// The yardstick gives the value of the SipHash paper's appendix A.
func TestSipVector(t *testing.T) {
	key := Seed{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	msg := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	if got, want := sip(2, 4, key, msg), uint64(0xa129ca6149be45e5); got != want {
		t.Errorf("SipHash-2-4 of the paper's message = %#x, want %#x", got, want)
	}
}

// And the first of the reference implementation's vectors for 128 bits.
func TestSip128Vector(t *testing.T) {
	key := Seed{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	if a, b := sip128(2, 4, key, nil); a != 0xe6a825ba047f81a3 || b != 0x930255c71472f66d {
		t.Errorf("SipHash-2-4-128 of nothing = %#x %#x", a, b)
	}
}

func TestHash128IsSip13(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")}
		var words [5]uint64
		var msg []byte
		for i := range words {
			words[i] = rapid.Uint64().Draw(t, "word")
			msg = binary.LittleEndian.AppendUint64(msg, words[i])
		}
		a, b := seed.Hash128(words)
		if wa, wb := sip128(1, 3, seed, msg); a != wa || b != wb {
			t.Errorf("hash of %x = %#x %#x, want %#x %#x", words, a, b, wa, wb)
		}
	})
}

func TestHashIsSip13(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Seed{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")}
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		msg := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, a), b)
		if got, want := seed.hash(a, b), sip(1, 3, seed, msg); got != want {
			t.Errorf("hash(%#x, %#x) = %#x, want %#x", a, b, got, want)
		}
	})
}
