package sim

import "encoding/binary"

// fingerprint sums up everything that happened, so that two runs of one seed
// can be compared.
type fingerprint uint64

func (h *fingerprint) add(at, place uint64, b []byte) {
	x := uint64(*h) ^ at
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	x ^= place<<32 | uint64(len(b))
	for len(b) >= 8 {
		x = (x ^ binary.LittleEndian.Uint64(b)) * 0x9e3779b97f4a7c15
		x ^= x >> 32
		b = b[8:]
	}
	for _, c := range b {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	*h = fingerprint(x ^ x>>31)
}
