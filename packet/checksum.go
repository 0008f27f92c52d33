package packet

import (
	"encoding/binary"
	"math/bits"
)

// The Internet checksum (RFC 1071) is the one's complement of the one's
// complement sum of all 16-bit words. Sums are kept here as a uint64 that is
// congruent to that sum modulo 65535 and zero only if every word was zero; so
// words may be added with plain additions and folded once at the end.
//
// Zero has two forms, 0x0000 and 0xffff. Fold never turns a sum that is not
// zero into 0x0000, therefore a computed checksum (its complement) is never
// 0xffff unless all bytes under it are zero, which a pseudo header or an IP
// header rules out.

// Sum adds the bytes of b, as big-endian 16-bit words, to initial. An odd last
// byte counts as if a zero byte followed, so only the last piece of a message
// that is summed in pieces may have odd length.
//
// It adds eight bytes at a time in the machine's order: the sum does not depend
// on byte order but for a swap of the result (RFC 1071, section 2 (B)).
func Sum(b []byte, initial uint64) uint64 {
	var acc, carry uint64
	for len(b) >= 64 {
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b), 0)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[8:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[16:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[24:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[32:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[40:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[48:]), carry)
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b[56:]), carry)
		acc += carry // cannot overflow: a carry leaves acc below its maximum
		b = b[64:]
	}
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.NativeEndian.Uint64(b), 0)
		acc += carry
		b = b[8:]
	}
	// The rest is at most 7 bytes, and an IPv4 header always leaves 4.
	var rest uint64
	if len(b) >= 4 {
		rest = uint64(binary.NativeEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		rest += uint64(binary.NativeEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		rest += uint64(binary.NativeEndian.Uint16([]byte{b[0], 0}))
	}
	acc, carry = bits.Add64(acc, rest, 0)
	acc += carry
	s := Fold(acc)
	if littleEndian {
		s = bits.ReverseBytes16(s)
	}
	return initial + uint64(s)
}

// littleEndian is a constant in all but name: the compiler cannot see through
// binary.NativeEndian, and one predictable branch per call costs nothing.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Fold reduces a sum to 16 bits without complementing it.
func Fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum)
}

// Checksum is the finished checksum of b: the complement of its folded sum.
func Checksum(b []byte, initial uint64) uint16 { return ^Fold(Sum(b, initial)) }

// PseudoSum4 is the sum of the IPv4 pseudo header of TCP and UDP (RFC 9293,
// section 3.1; RFC 768). l4len is the length of transport header and data.
func PseudoSum4(src, dst Addr4, proto uint8, l4len int) uint64 {
	return uint64(src) + uint64(dst) + uint64(proto) + uint64(l4len)
}

// PseudoSum6 is the sum of the IPv6 pseudo header (RFC 8200, section 8.1); src
// and dst are 16 bytes each.
func PseudoSum6(src, dst []byte, proto uint8, l4len int) uint64 {
	return Sum(src, Sum(dst, uint64(proto)+uint64(l4len)))
}

// Update16 returns the checksum after one 16-bit word under it changed from
// old to new: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3).
func Update16(csum, old, new uint16) uint16 { return amend(csum, change16(old, new)) }

// change16 and change32 are what a change adds to a sum: ~m + m'. Changes of
// several words are added together and applied once.
func change16(old, new uint16) uint64 { return uint64(^old) + uint64(new) }
func change32(old, new uint32) uint64 { return uint64(^old) + uint64(new) }

// amend applies changes to a finished checksum (RFC 1624, equation 3).
func amend(csum uint16, change uint64) uint16 { return ^Fold(uint64(^csum) + change) }

// amendPartial applies changes to the field of a partial checksum, which holds
// the folded pseudo-header sum and is not complemented.
func amendPartial(field uint16, change uint64) uint16 { return Fold(uint64(field) + change) }
