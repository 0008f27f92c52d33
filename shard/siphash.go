package shard

import (
	"encoding/binary"
	"math/bits"
)

// Key is SipHash's 128-bit key: K0 is the first eight bytes, little-endian.
type Key struct{ K0, K1 uint64 }

// Placement is the published key of every placement decision. It spells
// "hyperplane shard" and may never change.
var Placement = Key{K0: 0x616c707265707968, K1: 0x647261687320656e}

// Hash is SipHash-2-4 of b (Aumasson and Bernstein, 2012): two rounds for each
// eight bytes, four at the end.
func Hash(key Key, b []byte) uint64 {
	s := newSip(key)
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		s.word(binary.LittleEndian.Uint64(b))
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	return s.sum(last)
}

// hashWords is Hash of the sixteen bytes of a and b, little-endian.
func hashWords(key Key, a, b uint64) uint64 {
	s := newSip(key)
	s.word(a)
	s.word(b)
	return s.sum(16 << 56)
}

// sip is the four words of state.
type sip struct{ v0, v1, v2, v3 uint64 }

// newSip mixes the key with "somepseudorandomlygeneratedbytes".
func newSip(k Key) sip {
	return sip{
		k.K0 ^ 0x736f6d6570736575,
		k.K1 ^ 0x646f72616e646f6d,
		k.K0 ^ 0x6c7967656e657261,
		k.K1 ^ 0x7465646279746573,
	}
}

func (s *sip) word(m uint64) {
	s.v3 ^= m
	s.round()
	s.round()
	s.v0 ^= m
}

func (s *sip) sum(last uint64) uint64 {
	s.word(last)
	s.v2 ^= 0xff
	for range 4 {
		s.round()
	}
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

func (s *sip) round() {
	s.v0 += s.v1
	s.v2 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v1
	s.v0 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
