// Package load holds the small programs that put load on a path and measure
// what came of it. Each runs as its own process inside a network namespace.
//
// What: a flooder and a counter for small UDP packets, an opener of TCP
// connections, a UDP round-trip timer, and the one server that answers both.
//
// Why own programs: general tools measure themselves. iperf3 sends one small
// packet per system call, so its packet rate is the sender's; and a counter
// that divides by the sender's time counts what still waits in buffers. Here
// the sender hands 64 packets to the kernel at once, and the counter notes when
// the last packet arrived; both read CLOCK_MONOTONIC, which all processes of a
// machine share, so that the caller can divide by (first sent .. last received).
//
//	client namespace                                     server namespace
//	┌──────────┐  64-byte UDP, sendmmsg                  ┌────────┐
//	│ flood    ├────────────────────────────────────────▶│ count  │ recvmmsg
//	└──────────┘                                         └────────┘
//	┌──────────┐  SYN, 1 byte                            ┌────────┐
//	│ connect  ├────────────────────────────────────────▶│        │
//	│ 64 at a  │◀──────────────────────────────── 1 byte │ answer │
//	│ time     ├─ RST ──────────────────────────────────▶│        │
//	└──────────┘                                         │        │
//	┌──────────┐  one datagram, its echo, a pause        │        │
//	│ pingpong ├◀───────────────────────────────────────▶│        │
//	└──────────┘                                         └────────┘
//
// A program takes its settings as one JSON argument and answers with one line
// of JSON on standard output; count and answer first print [ReadyLine].
//
// Invariants:
//
//   - Every load ends by itself: each has a duration or a limit, and none
//     passes limits.go's loadMax even if the caller is gone.
//   - Only packets of the same run are counted; strays of an earlier one are
//     told apart by the run number they carry.
//   - Connections end by RST, so that TIME_WAIT never limits the rate.
//
// Limits are named in limits.go. IPv4 only, as the measured paths are.
package load
