package packet

import (
	"time"

	"hyperplane/telemetry/drop"
)

// Reassembler puts fragments of both IP versions together (RFC 791, section 3.2; RFC 815; RFC 8200, section 4.5), in
// memory that is allocated once.
//
// A datagram is known by (VNI, source, destination, identification), and one of IPv4 also by its protocol. Its fragments are kept sorted, as
// chains of blocks; since no two may overlap, it is complete when the bytes held are the bytes expected, and RFC 815's
// list of holes is not needed.
//
//	Add ─▶ check ─▶ datagram ─▶ room ─▶ insert ─▶ complete? ─▶ whole packet (Consumed)
//	         │          │         │        │
//	         │       discarded    │     overlap: the datagram is discarded, and what still comes of it
//	         ▼          ▼         ▼        ▼
//	      malformed   its reason  oldest   FragmentOverlap (RFC 5722, section 4; applied to IPv4 too)
//	                              evicted
//
//	            first fragment           all bytes
//	  (none) ──────────────────▶ held ──────────────▶ (none), whole packet out
//	    ▲                         │ │
//	    │     timeout, memory     │ │ overlap, contradiction, too many
//	    ├─────────────────────────┘ ▼
//	    └────────────────────── discarded: holds nothing, answers with its reason until the timeout
//
// Accounting is exact (I8): every fragment given to Add ends as one of
//   - dropped now: Add returned its reason, which the caller counts, as with Decode;
//   - dropped later: counted in the drop.Counts given to NewReassembler;
//   - consumed into a whole packet: Consumed;
//   - still held: Held.
//
// Memory is shared fairly, by one rule for both versions: a source (VNI and address) holds at most its share ([reassemblySourceShare]). A source at
// its share evicts its own oldest datagram; one below it evicts the oldest of all. So a flood of fragments from one
// source costs the others at most the room of that share.
//
// Time per fragment is bounded: by the fragments of one datagram (a sorted list, appended to at its ends without a
// search) and, amortised, by one eviction or expiry for each datagram that was added.
//
// One goroutine owns it. Nothing is allocated after NewReassembler.
type Reassembler struct {
	store
	timeout   time.Duration
	drops     *drop.Counts
	held      int
	consumed  uint64
	wholes    []byte // the packets completed since EndTurn …
	wholesLen int    // … take this much of it
}

// ReassemblerLimits bounds a [Reassembler]. Zero fields mean the defaults.
type ReassemblerLimits struct {
	Bytes     int           // of payload memory, in use by blocks of 512; at least 128 KiB, so that any packet fits
	Datagrams int           // unfinished packets
	Timeout   time.Duration // from the first fragment
	Seed      uint64        // of the tables' hash; a random one keeps senders from choosing collisions
}

// NewReassembler allocates all memory that reassembly will ever use. Held fragments that are dropped later are counted
// in drops, which the caller owns.
func NewReassembler(l ReassemblerLimits, drops *drop.Counts) *Reassembler {
	if l.Bytes <= 0 {
		l.Bytes = ReassemblyBytesDefault
	}
	if l.Datagrams <= 0 {
		l.Datagrams = ReassemblyDatagramsDefault
	}
	if l.Timeout <= 0 {
		l.Timeout = ReassemblyTimeoutDefault
	}
	r := &Reassembler{timeout: l.Timeout, drops: drops, wholes: make([]byte, reassemblyWholesPerTurn)}
	r.store.init(max(l.Bytes/reassemblyBlock, reassemblyBlocksPerPacketMax), l.Datagrams, l.Seed)
	return r
}

// Held is the number of fragments waiting for the rest of their packets.
func (r *Reassembler) Held() int { return r.held }

// Consumed is the number of fragments that became part of whole packets.
func (r *Reassembler) Consumed() uint64 { return r.consumed }

// Datagrams is the number of packets in the table: unfinished ones and discarded ones that are remembered.
func (r *Reassembler) Datagrams() int { return r.used }

// Add takes one fragment. done says that it was the last one missing: whole is then the packet, with its header
// checksum complete and its transport checksum as sent, valid until EndTurn. Any reason but drop.None says that
// this fragment was dropped. p's bytes are copied. A packet that is no fragment is whole already and returned as it is;
// so is an atomic fragment of IPv6.
//
// Of IPv6 the whole packet has no fragment header; its IPv6 header and the extension headers before are the first
// fragment's. A first fragment must hold the whole transport header.
func (r *Reassembler) Add(now time.Duration, vni uint32, p *Packet) (whole []byte, done bool, reason drop.Reason) {
	r.Expire(now)
	var a arrival
	whole, reason = a.decode(vni, p)
	if reason != drop.None {
		return nil, false, reason
	}
	if whole != nil {
		r.consumed++
		return whole, true, drop.None
	}
	if p.Offload.Partial || p.Offload.GSO != GSONone {
		return nil, false, drop.BadOffload
	}
	if len(r.wholes)-r.wholesLen < ipv6PacketMax {
		return nil, false, drop.FragmentMemory
	}
	if reason := a.check(); reason != drop.None {
		return nil, false, reason
	}

	r.sign(&a.key)
	d := r.find(&a.key)
	if d != none && r.datagrams[d].discarded != drop.None {
		return nil, false, r.datagrams[d].discarded
	}
	blocks := ceilDiv(len(a.payload), reassemblyBlock)
	isNew := d == none
	if isNew {
		if !r.room(&a.key.source, blocks, true, none) {
			return nil, false, drop.FragmentMemory
		}
		d = r.open(&a.key, now+r.timeout)
	}
	if reason := r.fits(d, &a); reason == drop.FragmentDuplicate {
		return nil, false, reason
	} else if reason != drop.None {
		r.discard(d, reason)
		return nil, false, reason
	}
	if !isNew && !r.room(&a.key.source, blocks, false, d) {
		return nil, false, drop.FragmentMemory
	}
	r.insert(d, &a)
	r.held++
	if x := &r.datagrams[d]; x.total < 0 || x.bytes != x.total {
		return nil, false, drop.None
	}
	return r.complete(d)
}

// EndTurn ends the life of the packets that Add returned. Several may be on their way at once, so they lie side by side
// until then.
func (r *Reassembler) EndTurn() { r.wholesLen = 0 }

// Expire drops the fragments of packets whose time has run out and returns how many there were. Add does it too; a
// caller without traffic calls it from its timer.
func (r *Reassembler) Expire(now time.Duration) (fragments int) {
	for d := r.oldest; d != none && r.datagrams[d].deadline <= now; d = r.oldest {
		fragments += r.datagrams[d].fragments
		r.forget(d, drop.FragmentTimeout)
	}
	return fragments
}

// room evicts datagrams until the source may hold blocks more, and a datagram more if it is new; keep is the one that
// is being added to. It is false only if nothing more can be evicted, which the least sizes of the limits rule out.
func (r *Reassembler) room(source *sourceKey, blocks int, isNew bool, keep int32) bool {
	datagrams := 0
	if isNew {
		datagrams = 1
	}
	for {
		s := r.findSource(source)
		if s == none || r.sources[s].blocks+blocks <= r.shareBlocks && r.sources[s].datagrams+datagrams <= r.shareDatagrams {
			break
		}
		victim := r.sources[s].oldest
		if victim != none && victim == keep {
			victim = r.datagrams[victim].sourceNext
		}
		if victim == none {
			return false
		}
		r.forget(victim, drop.FragmentMemory)
	}
	for r.freeBlocks < blocks || isNew && r.freeDatagram == none {
		victim := r.oldest
		if victim != none && victim == keep {
			victim = r.datagrams[victim].next
		}
		if victim == none {
			return false
		}
		r.forget(victim, drop.FragmentMemory)
	}
	return true
}

// forget removes a datagram; the fragments it held are counted under reason.
func (r *Reassembler) forget(d int32, reason drop.Reason) {
	r.drop(d, reason)
	r.close(d)
}

// discard drops what a datagram holds and remembers it, so that what still comes of it is dropped as well (RFC 5722,
// section 4: "including those not yet received").
func (r *Reassembler) discard(d int32, reason drop.Reason) {
	r.drop(d, reason)
	r.datagrams[d].discarded = reason
}

func (r *Reassembler) drop(d int32, reason drop.Reason) {
	r.drops[reason] += uint64(r.datagrams[d].fragments)
	r.held -= r.datagrams[d].fragments
	r.empty(d)
}
