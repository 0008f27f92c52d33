// Package tun carries packets between the process and the operating system
// through a TUN device that keeps superpackets whole.
//
// What: [Open] makes a TUN in a network namespace, gives it an MTU, addresses
// and routes, brings it up, and returns one [Device] per queue. A Device reads
// and writes packets that start at the IP header, together with what the
// 10-byte virtio header says about them: up to 64 KB of TCP (TSO) or UDP (USO)
// as one packet, checksums left partial. [Writer] is the writing half, shared
// by the real device and by the in-memory twin in tuntest. IPv4 and IPv6 are
// treated alike.
//
// Why this way: the cost of a TUN is the number of messages and wake-ups, not
// bytes. A superpacket costs one system call and one header to rewrite, where
// its segments would cost forty; so it is never split here, and consecutive
// packets that continue each other are written as one. The descriptor is read
// and written raw and non-blocking: one thread polls all descriptors of the
// process, and the Go runtime's poller is kept out of it (see open_linux.go).
//
//	             Read                                 Write, Flush
//	               ▲                                       │
//	┌──────────────┴───────────┐            ┌──────────────▼───────────────┐
//	│ packet + Offload         │            │ does it continue the last?   │
//	│ (virtio header decoded)  │            │ yes: join (packet.Merge)     │
//	└──────────────▲───────────┘            │ no:  write the last one      │
//	               │                        └──────┬────────────────▲──────┘
//	       one read│                     one writev│                │ EINVAL on a
//	               │                  header, head,│ bodies         │ superpacket: cut it
//	┌──────────────┴──────────────────────────────▼────────────────┴──────┐
//	│ /dev/net/tun, IFF_VNET_HDR, one descriptor per queue                │
//	└─────────────────────────────────────────────────────────────────────┘
//
// Invariants:
//
//   - I8: every packet given to Write ends, at the latest in Flush, as exactly
//     one of Stats.WrittenPackets and Stats.RefusedPackets; every packet read
//     is returned or counted in Stats.ReadDrops.
//   - I9: a packet read with partial checksum says so in its Offload, and one
//     written with such an Offload is finished by the kernel.
//   - I13: one merge in progress, bounded by packet.Merge; no other queue.
//   - Order: packets leave in the order in which they were given to Write.
//   - A merged packet arrives as the packets it was made of: same payload
//     boundaries, same sequence numbers, same order.
//
// Which superpackets a kernel takes is known for each kind and IP version apart;
// the rest is cut.
//
// Limits are named in limits.go. One goroutine owns a Device; different
// queues of one device may have different owners.
package tun
