package packet

import (
	"bytes"
	"time"

	"hyperplane/telemetry/drop"
)

// datagram is one packet that is being put together.
type datagram struct {
	key       datagramKey
	deadline  time.Duration
	source    int32
	chain     int32 // next in the hash chain, or next free
	prev      int32 // by age, over all
	next      int32
	discarded drop.Reason // not None: holds nothing, answers with this

	sourcePrev, sourceNext int32 // by age, of the same source

	first, last int32 // fragments, sorted by offset; a fragment is the index of its first block
	fragments   int
	blocks      int
	bytes       int   // of payload held
	total       int   // bytes of payload of the whole packet, -1 until its last fragment came
	ecn         uint8 // bit i: a fragment with ECN codepoint i came

	headLen int // of the first fragment, 0 until it came
	head    [reassemblyHeadMax]byte
}

// fragment is what is known of a fragment, kept beside its first block.
type fragment struct {
	from, to   int32 // bytes of the packet's payload
	prev, next int32
}

// fits looks at a fragment before it is stored: drop.FragmentDuplicate drops only this one, any other reason all.
func (r *Reassembler) fits(d int32, a *arrival) drop.Reason {
	x := &r.datagrams[d]
	from, to := a.from, a.from+len(a.payload)
	if x.first != none {
		prev, next := r.neighbours(x, from)
		if next != none && int(r.fragments[next].from) < to {
			if r.same(next, from, a.payload) && a.more == (x.total != to) {
				return drop.FragmentDuplicate // the network copied it (RFC 8200, section 4.5, allows the distinction)
			}
			return drop.FragmentOverlap
		}
		if prev != none && int(r.fragments[prev].to) > from {
			return drop.FragmentOverlap
		}
		// Two different ends, or something beyond the end.
		end := int(r.fragments[x.last].to)
		if !a.more && (x.total >= 0 || end > to) || x.total >= 0 && to > x.total {
			return drop.FragmentMalformed
		}
		if x.fragments == reassemblyFragmentsMax {
			return drop.FragmentMemory
		}
	}
	// The first fragment's header may be longer than the others', for it carries all options.
	headLen, end := x.headLen, to
	if from == 0 {
		headLen = len(a.head)
	}
	if x.last != none {
		end = max(end, int(r.fragments[x.last].to))
	}
	if headLen+end > a.longest {
		return drop.FragmentMalformed
	}
	// RFC 3168, section 5.3: congestion seen by one fragment must not get lost, and must not be claimed where another
	// fragment says that the transport does not understand it.
	const notECT, ce = 1 << 0, 1 << 3
	if ecn := x.ecn | 1<<a.ecn; ecn&notECT != 0 && ecn&ce != 0 {
		return drop.FragmentMalformed
	}
	return drop.None
}

// neighbours are the held fragments between which one belongs that begins at from; at both ends without a search.
func (r *Reassembler) neighbours(x *datagram, from int) (prev, next int32) {
	if x.last == none || r.fragments[x.last].from < int32(from) {
		return x.last, none
	}
	for next = x.first; r.fragments[next].from < int32(from); {
		next = r.fragments[next].next
	}
	return r.fragments[next].prev, next
}

// same reports whether a held fragment has exactly these bytes at this place.
func (r *Reassembler) same(f int32, from int, payload []byte) bool {
	if int(r.fragments[f].from) != from || int(r.fragments[f].to) != from+len(payload) {
		return false
	}
	for b := f; len(payload) > 0; b = r.nextBlock[b] {
		n := min(len(payload), reassemblyBlock)
		if !bytes.Equal(r.block(b)[:n], payload[:n]) {
			return false
		}
		payload = payload[n:]
	}
	return true
}

// insert copies a fragment that fits, for which there is room.
func (r *Reassembler) insert(d int32, a *arrival) {
	x := &r.datagrams[d]
	from, payload := a.from, a.payload
	f := r.store.fill(payload)
	blocks := ceilDiv(len(payload), reassemblyBlock)
	x.fragments++
	x.blocks += blocks
	r.sources[x.source].blocks += blocks
	x.bytes += len(payload)
	x.ecn |= 1 << a.ecn
	if from == 0 {
		x.headLen = copy(x.head[:], a.head)
		if a.key.source.isIPv6() {
			x.head[lastNextHeader(a.head)] = a.proto
		}
	}
	if !a.more {
		x.total = from + len(payload)
	}

	prev, next := r.neighbours(x, from)
	if next != none {
		r.fragments[next].prev = f
	} else {
		x.last = f
	}
	if prev != none {
		r.fragments[prev].next = f
	} else {
		x.first = f
	}
	r.fragments[f] = fragment{from: int32(from), to: int32(from + len(payload)), prev: prev, next: next}
}

// complete writes the whole packet: the first fragment's headers, without the traces of fragmentation, and all payload.
func (r *Reassembler) complete(d int32) ([]byte, bool, drop.Reason) {
	x := &r.datagrams[d]
	whole := r.wholes[r.wholesLen:][: x.headLen+x.total : x.headLen+x.total]
	r.wholesLen += len(whole)
	copy(whole, x.head[:x.headLen])
	for f := x.first; f != none; f = r.fragments[f].next {
		to := whole[x.headLen+int(r.fragments[f].from) : x.headLen+int(r.fragments[f].to)]
		for b := f; len(to) > 0; b = r.nextBlock[b] {
			to = to[copy(to, r.block(b)):]
		}
	}
	congestion := x.ecn&(1<<3) != 0
	if x.key.source.isIPv6() {
		makeWhole6(whole, congestion)
	} else {
		makeWhole4(whole, x.headLen, congestion)
	}

	r.consumed += uint64(x.fragments)
	r.held -= x.fragments
	r.empty(d)
	r.close(d)
	return whole, true, drop.None
}
