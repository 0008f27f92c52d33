package flowtable

import "math/bits"

// Seed is the key of a table's hash. It must not be known to those who choose
// the tuples.
type Seed [2]uint64

// hash is SipHash-1-3 of the 16 bytes of two little-endian words. Written out
// for that one length it takes a third of what a general SipHash-2-4 takes.
// SipHash-1-3 is what hash tables elsewhere rely on against chosen collisions;
// where the value leaves the process, package shard's SipHash-2-4 is used.
func (s *Seed) hash(a, b uint64) uint64 {
	v0 := s[0] ^ 0x736f6d6570736575
	v1 := s[1] ^ 0x646f72616e646f6d
	v2 := s[0] ^ 0x6c7967656e657261
	v3 := s[1] ^ 0x7465646279746573

	v3 ^= a
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= a
	v3 ^= b
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= b

	const length = 16 << 56 // the last word: the length in its top byte, no bytes left over
	v3 ^= length
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= length

	v2 ^= 0xff
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

func round(v0, v1, v2, v3 uint64) (_, _, _, _ uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}

// Hash128 is SipHash-1-3 with its result of 128 bits, for keys that are longer than a
// tuple, of five words.
func (s *Seed) Hash128(words [5]uint64) (a, b uint64) {
	v0 := s[0] ^ 0x736f6d6570736575
	v1 := s[1] ^ 0x646f72616e646f6d ^ 0xee
	v2 := s[0] ^ 0x6c7967656e657261
	v3 := s[1] ^ 0x7465646279746573
	for _, w := range words {
		v3 ^= w
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
		v0 ^= w
	}
	const length = 40 << 56
	v3 ^= length
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= length

	v2 ^= 0xee
	for range 3 {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	a = v0 ^ v1 ^ v2 ^ v3
	v1 ^= 0xdd
	for range 3 {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	return a, v0 ^ v1 ^ v2 ^ v3
}
