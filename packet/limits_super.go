package packet

import "time"

// MergeBodiesMax is how many packets one [Merge] holds. A 64 KB superpacket is 45 segments of 1448 bytes; 128 also
// covers an MSS of 536 (RFC 9293, section 3.7.1) and stays far below the 1024 buffers one writev takes. At the limit
// Add says false and the next superpacket starts.
const MergeBodiesMax = 128

// MergeUDPSegmentsMax is how many datagrams one UDP superpacket holds. Kernels before 6.9 refuse more than 64 in one
// write. At the limit Add says false.
const MergeUDPSegmentsMax = 64

// fragmentUnit is what the fragment offset counts in (RFC 791, section 3.1; RFC 8200, section 4.5): every fragment but the last carries a
// multiple of 8 bytes.
const fragmentUnit = 8

// Defaults of [ReassemblerLimits].
const (
	// ReassemblyBytesDefault is the payload memory in bytes: 4 MiB, what Linux also gives a namespace. When it is
	// full the oldest unfinished packet is dropped (drop.FragmentMemory).
	ReassemblyBytesDefault = 4 << 20
	// ReassemblyDatagramsDefault is the number of unfinished packets, discarded ones that are remembered included.
	// When all places are taken the oldest is dropped (drop.FragmentMemory).
	ReassemblyDatagramsDefault = 1024
	// ReassemblyTimeoutDefault is the time from a packet's first fragment until its fragments are dropped
	// (drop.FragmentTimeout): the initial value of RFC 791, section 3.2. RFC 8200,
	// section 4.5, gives an IPv6 packet 60 s at most; a time of its own would need a list of its own.
	ReassemblyTimeoutDefault = 15 * time.Second
)

// ipv6PacketMax is the largest IPv6 packet in bytes: its length field has 16 bits, but does not count the header. An
// IPv6 packet is put together up to that length, since as IPv4 it may still fit [PacketMax].
const ipv6PacketMax = IPv6HeaderLen + PacketMax

// reassemblyWholesPerTurn is the memory in bytes for the packets completed between two calls of EndTurn: 64 of the
// longest. When it is full, fragments are dropped (drop.FragmentMemory) until the turn ends.
const reassemblyWholesPerTurn = 64 * ipv6PacketMax

// reassemblyHeadMax is what a packet may have before its first fragment's payload, in bytes: an IPv4 header, or an IPv6
// header and 88 bytes of extension headers. RFC 8504, section 5.3, lets a host limit them. A first fragment with more
// is dropped (drop.BadHeaderLength).
const reassemblyHeadMax = 128

// reassemblySourceShare is the part of the memory and of the places that one source (VNI and address) may hold: an
// eighth, but at least one packet of the largest size. A source that is at its share evicts its own oldest packet and
// never another's.
const reassemblySourceShare = 8

// reassemblyFragmentsMax is the number of fragments of one packet: 65535 bytes over links of 576 bytes are 119. A
// packet in more is dropped (drop.FragmentMemory): only an attack sends it.
const reassemblyFragmentsMax = 128

// reassemblyBlock is the unit of the payload memory in bytes: three blocks hold a fragment of an Ethernet frame with
// 4 % waste, and a fragment of 8 bytes wastes at most one block.
const reassemblyBlock = 512

// reassemblyBlocksPerPacketMax bounds the blocks of one packet: full ones for its bytes and one more for each
// fragment's rest. The memory and a source's share are never smaller, so that any packet can be completed.
const reassemblyBlocksPerPacketMax = (PacketMax+reassemblyBlock)/reassemblyBlock + reassemblyFragmentsMax

// icmpErrorBytesMax is the largest ICMP error that is built (RFC 1812, section 4.3.2.3); the quote is cut to fit.
const icmpErrorBytesMax = 576

// answerTTL is the time to live of what is built here (RFC 1700's default).
const answerTTL = 64
