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

// Hash128 is a hash of keys that are longer than a tuple: 128 bits, of which two halves
// are made apart. It is for those who choose neither key nor seed, as hash is.
func (s *Seed) Hash128(words [5]uint64) (a, b uint64) {
	other := Seed{s[1], ^s[0]}
	a, b = uint64(len(words)), uint64(len(words))
	for _, w := range words {
		a, b = s.hash(a, w), other.hash(b, w)
	}
	return a, b
}
