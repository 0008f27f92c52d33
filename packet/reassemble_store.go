package packet

import (
	"math/bits"
	"time"

	"hyperplane/telemetry/drop"
)

// none is no index.
const none = int32(-1)

// sourceKey is a sender. The IP version is part of it, since an IPv6 header can say any 128 bits: without it a sender
// of IPv6 could stand in an IPv4 sender's place.
type sourceKey struct {
	hash   uint64 // of the rest
	hi, lo uint64 // the address; of IPv4 in lo
	net    uint64 // VNI<<8 | IP version
}

// datagramKey says which fragments belong together: those of one source, so that tenants never meet, destination and
// identification, and of IPv4 also protocol (RFC 791, section 3.2). Of IPv6 fragments the next headers "may differ"
// (RFC 8200, section 4.5).
type datagramKey struct {
	hash         uint64 // of the rest; computed once, by sign
	source       sourceKey
	dstHi, dstLo uint64
	id           uint64 // of IPv4: identification<<8 | protocol
}

const (
	version4 = 4
	version6 = 6
)

func (k sourceKey) isIPv6() bool { return uint8(k.net) == version6 }

func source4(vni uint32, a Addr4) sourceKey {
	return sourceKey{lo: uint64(a), net: uint64(vni)<<8 | version4}
}

func source6(vni uint32, a []byte) sourceKey {
	return sourceKey{hi: be64(a), lo: be64(a[8:]), net: uint64(vni)<<8 | version6}
}

// source is what one sender holds.
type source struct {
	key       sourceKey
	chain     int32 // next in the hash chain, or next free
	oldest    int32 // its datagrams by age
	newest    int32
	datagrams int
	blocks    int
}

// store is the memory of a Reassembler: fixed arrays, linked by index.
//
//	datagramHash ─▶ datagrams ──first──▶ fragments ◀─same index─▶ blocks ─nextBlock─▶ blocks …
//	sourceHash   ─▶ sources ──oldest──▶ datagrams
//
// Invariants: a block is in exactly one of the free list and one fragment; a datagram is in the free list, or in one
// hash chain, the age list and its source's age list; a source is in use while it has datagrams; deadlines do not
// decrease along the age lists.
type store struct {
	memory     []byte
	nextBlock  []int32 // of the same fragment, or next free
	fragments  []fragment
	freeBlock  int32
	freeBlocks int

	datagrams      []datagram
	datagramHash   []int32
	freeDatagram   int32
	used           int
	oldest, newest int32

	sources    []source
	sourceHash []int32
	freeSource int32

	shareBlocks, shareDatagrams int
	seed                        uint64
}

func (s *store) init(blocks, datagrams int, seed uint64) {
	s.seed = seed
	s.memory = make([]byte, blocks*reassemblyBlock)
	s.nextBlock = make([]int32, blocks)
	s.fragments = make([]fragment, blocks)
	s.freeBlock, s.freeBlocks = 0, blocks
	for i := range s.nextBlock {
		s.nextBlock[i] = int32(i + 1)
	}
	s.nextBlock[blocks-1] = none

	s.datagrams = make([]datagram, datagrams)
	s.sources = make([]source, datagrams) // a source in use has at least one datagram
	for i := range s.datagrams {
		s.datagrams[i].chain, s.sources[i].chain = int32(i+1), int32(i+1)
	}
	s.datagrams[datagrams-1].chain, s.sources[datagrams-1].chain = none, none
	s.oldest, s.newest = none, none

	size := 1 << bits.Len(uint(2*datagrams-1)) // a power of two, at most half full
	s.datagramHash = make([]int32, size)
	s.sourceHash = make([]int32, size)
	for i := range size {
		s.datagramHash[i], s.sourceHash[i] = none, none
	}
	s.shareBlocks = max(blocks/reassemblySourceShare, reassemblyBlocksPerPacketMax)
	s.shareDatagrams = max(datagrams/reassemblySourceShare, 1)
}

// mix adds a word to a hash.
func mix(h, word uint64) uint64 {
	hi, lo := bits.Mul64(h^word, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// sign computes the hashes of a key. IPv4 leaves the words that it does not use out.
func (s *store) sign(k *datagramKey) {
	h := mix(mix(s.seed, k.source.lo), k.source.net)
	if k.source.isIPv6() {
		h = mix(h, k.source.hi)
	}
	k.source.hash = h
	h = mix(mix(h, k.dstLo), k.id)
	if k.source.isIPv6() {
		h = mix(h, k.dstHi)
	}
	k.hash = h
}

func (s *store) datagramSlot(k *datagramKey) *int32 {
	return &s.datagramHash[k.hash&uint64(len(s.datagramHash)-1)]
}

func (s *store) sourceSlot(k *sourceKey) *int32 {
	return &s.sourceHash[k.hash&uint64(len(s.sourceHash)-1)]
}

func (s *store) find(k *datagramKey) int32 {
	d := *s.datagramSlot(k)
	for d != none && s.datagrams[d].key != *k {
		d = s.datagrams[d].chain
	}
	return d
}

func (s *store) findSource(k *sourceKey) int32 {
	i := *s.sourceSlot(k)
	for i != none && s.sources[i].key != *k {
		i = s.sources[i].chain
	}
	return i
}

// open takes a free datagram, which must exist, as the newest of all and of its source.
func (s *store) open(k *datagramKey, deadline time.Duration) int32 {
	src := s.findSource(&k.source)
	if src == none {
		src = s.freeSource
		slot := s.sourceSlot(&k.source)
		s.freeSource = s.sources[src].chain
		s.sources[src] = source{key: k.source, chain: *slot, oldest: none, newest: none}
		*slot = src
	}
	d := s.freeDatagram
	x := &s.datagrams[d]
	s.freeDatagram = x.chain
	slot := s.datagramSlot(k)
	x.key, x.deadline, x.source, x.chain, x.discarded = *k, deadline, src, *slot, drop.None
	x.first, x.last, x.fragments, x.blocks, x.bytes, x.total, x.ecn, x.headLen = none, none, 0, 0, 0, -1, 0, 0
	*slot = d
	s.used++

	x.prev, x.next = s.newest, none
	if s.newest != none {
		s.datagrams[s.newest].next = d
	} else {
		s.oldest = d
	}
	s.newest = d

	o := &s.sources[src]
	x.sourcePrev, x.sourceNext = o.newest, none
	if o.newest != none {
		s.datagrams[o.newest].sourceNext = d
	} else {
		o.oldest = d
	}
	o.newest = d
	o.datagrams++
	return d
}

// close returns an empty datagram, and its source if it was the last.
func (s *store) close(d int32) {
	x := &s.datagrams[d]
	slot := s.datagramSlot(&x.key)
	for *slot != d {
		slot = &s.datagrams[*slot].chain
	}
	*slot = x.chain

	if x.prev != none {
		s.datagrams[x.prev].next = x.next
	} else {
		s.oldest = x.next
	}
	if x.next != none {
		s.datagrams[x.next].prev = x.prev
	} else {
		s.newest = x.prev
	}

	o := &s.sources[x.source]
	if x.sourcePrev != none {
		s.datagrams[x.sourcePrev].sourceNext = x.sourceNext
	} else {
		o.oldest = x.sourceNext
	}
	if x.sourceNext != none {
		s.datagrams[x.sourceNext].sourcePrev = x.sourcePrev
	} else {
		o.newest = x.sourcePrev
	}
	if o.datagrams--; o.datagrams == 0 {
		slot := s.sourceSlot(&o.key)
		for *slot != x.source {
			slot = &s.sources[*slot].chain
		}
		*slot = o.chain
		o.chain, s.freeSource = s.freeSource, x.source
	}
	x.chain, s.freeDatagram = s.freeDatagram, d
	s.used--
}

// fill copies payload into free blocks, of which there must be enough, and returns the first.
func (s *store) fill(payload []byte) int32 {
	first := s.freeBlock
	for b := first; ; b = s.nextBlock[b] {
		payload = payload[copy(s.block(b), payload):]
		s.freeBlocks--
		if len(payload) == 0 {
			s.freeBlock = s.nextBlock[b]
			s.nextBlock[b] = none
			return first
		}
	}
}

// empty returns the blocks of a datagram.
func (s *store) empty(d int32) {
	x := &s.datagrams[d]
	for f := x.first; f != none; {
		next := s.fragments[f].next
		for b := f; b != none; {
			after := s.nextBlock[b]
			s.nextBlock[b], s.freeBlock = s.freeBlock, b
			s.freeBlocks++
			b = after
		}
		f = next
	}
	s.sources[x.source].blocks -= x.blocks
	x.first, x.last, x.fragments, x.blocks, x.bytes = none, none, 0, 0, 0
}

func (s *store) block(b int32) []byte {
	return s.memory[int(b)*reassemblyBlock : (int(b)+1)*reassemblyBlock]
}
