package shard

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// The key of all the paper's vectors: the bytes 00 01 … 0f.
var paperKey = Key{K0: 0x0706050403020100, K1: 0x0f0e0d0c0b0a0908}

// TestSipHashPaper holds Hash to appendix A of the paper (the fifteen-byte
// message) and to the first and last rows of its published table, where the
// message of row n is 00 01 … n-1.
func TestSipHashPaper(t *testing.T) {
	for _, c := range []struct {
		length int
		want   uint64
	}{
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{2, 0x0d6c8009d9a94f5a},
		{3, 0x85676696d7fb7e2d},
		{4, 0xcf2794e0277187b7},
		{5, 0x18765564cd99a68d},
		{6, 0xcbc9466e58fee3ce},
		{7, 0xab0200f58b01d137},
		{8, 0x93f5f5799a932462},
		{9, 0x9e0082df0ba9e4b0},
		{15, 0xa129ca6149be45e5}, // the one worked through in the paper's text
		{16, 0x3f2acc7f57c29bdb},
		{63, 0x958a324ceb064572},
	} {
		b := make([]byte, c.length)
		for i := range b {
			b[i] = byte(i)
		}
		if got := Hash(paperKey, b); got != c.want {
			t.Errorf("Hash of %d bytes = %#016x, want %#016x", c.length, got, c.want)
		}
	}
}

func TestHashWordsIsHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := Key{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")}
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		var m [16]byte
		binary.LittleEndian.PutUint64(m[:], a)
		binary.LittleEndian.PutUint64(m[8:], b)
		if got, want := hashWords(key, a, b), Hash(key, m[:]); got != want {
			t.Errorf("hashWords = %#x, Hash = %#x", got, want)
		}
	})
}

func TestPlacementKeySpells(t *testing.T) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], Placement.K0)
	binary.LittleEndian.PutUint64(b[8:], Placement.K1)
	if string(b[:]) != "hyperplane shard" {
		t.Errorf("Placement spells %q", b)
	}
}
