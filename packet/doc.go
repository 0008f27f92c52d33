// Package packet is everything that is known about bytes: IPv4, IPv6, TCP, UDP,
// ICMP and ICMPv6 headers, checksums, flows' keys, superpackets, fragments,
// answers, translation between IPv4 and IPv6, and the GENEVE header between
// Hyperplane's nodes. It decodes a packet once into a View, and translates, cuts,
// joins and answers it by way of what that found. It decides nothing.
//
// Headers are byte slices with methods, because a translator changes a few
// bytes of a packet and looks at a few more: parsing into structs would copy
// what is not needed and serialising would touch what did not change.
// Constructors check once and return a drop.Reason, never an error value; the
// methods after them check nothing. Checksums are updated from the difference
// (RFC 1624), so that a 64 KB superpacket costs what a small packet does, and
// a partial checksum (see Offload) stays partial. Nothing here allocates, and
// nothing knows a clock, a socket or a goroutine. Concurrent use of one value
// is the caller's mistake.
//
//	bytes ─▶ Packet ──Decode──▶ View ──▶ Rewrite ─ DecrementTTL ─ ClampMSS ─▶ bytes
//	            │                │
//	            │  virtio header │ Kind: TCP UDP Echo ICMPError Fragment
//	            ▼                │                                │
//	         Offload             ├──▶ Pieces  (cut)   ◀──▶  Merge (join)
//	    GSO? partial checksum?   ├──▶ Fragments (cut) ◀──▶  Reassembler (join)
//	                             └──▶ BuildICMPError, BuildEchoReply, BuildRST
//
//	IPv4 ──Decode──▶ View ──To6, ErrorTo6──▶ View6 ◀──Decode── IPv6
//	                   ▲                       │ │
//	                   └─────To4, ErrorTo4─────┘ ├──▶ Fragments6 (cut)
//	                        addresses: Prefix64  └──▶ BuildICMPv6Error, BuildEchoReply6
//
//	on the wire:  outer IPv4 │ UDP 6081 │ GENEVE + options (Tunnel) │ packet
//
// Invariants held here:
//
//	I2   translating there and back gives the original bytes, quoted packets included
//	I9   what had valid checksums and lengths still has them; UDP's zero stays zero,
//	     and is computed where a packet becomes IPv6
//	I10  the tunnel header carries a hop budget; an error is never answered with an error
//	I12  a fragment never joins another packet; reassembly is bounded; overlaps are dropped
//	I13  every header, walk and buffer has a limit (limits.go)
//
// No input makes a function of this package panic; the fuzz tests hold this.
// Functions that write into a caller's buffer (Encode, EncodeVirtio, To6) need the
// room that their comments name.
//
// Limits: View refuses IPv6, which View6 decodes. Merge takes no extension headers.
// IPv4 options pass unless they are source routes, but not into IPv6. Other limits, with
// reasons, are in limits.go.
package packet
