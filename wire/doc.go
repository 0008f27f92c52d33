// Package wire carries packets between the roles of a cell: GENEVE datagrams
// over UDP between machines, references between roles that share a process.
//
// What costs on this path is system calls and wake-ups, not bytes. So a
// connection gathers what is sent during one turn of the loop and hands it to
// the kernel in few large calls: datagrams of equal size for one peer leave
// together as a train (UDP_SEGMENT), whatever flows they belong to, and arrive
// together (UDP_GRO). A superpacket stays whole where the path admits it;
// otherwise it is cut only as far as the path's MTU demands, into equal pieces
// which may be superpackets themselves. Small packets are copied next to each
// other, large bodies are referenced where they lie.
//
//	Send(p) ──fits, or cannot be cut──────▶ header + packet ─┐
//	   └──superpacket too long──▶ packet.Pieces ──▶ pieces ──┤   header: 24 bytes, 100 with a chain option
//	                                                         ▼
//	   trains by peer   A │24+1448│24+1448│…│24+712│  B │24+52│24+52│
//	                    └──────── ≤ 64, ≤ 65507 bytes ───┘
//	Flush() ──▶ one sendmsg per train, in order ──refused, or longer than the path──▶ one by one
//
//	Recv(pkts) ◀── decode each datagram ◀── train ◀── one recvmsg
//	                    └─ bad header: Stats.Drops[reason], next datagram
//
// The sockets use IP_PMTUDISC_OMIT: the outer header has DF clear, ICMP about
// the outer path is not believed (anyone could forge it), a train must fit the
// interface's MTU and a single datagram that does not fit is fragmented by the
// kernel. That one setting serves both trains and the rare packet which cannot
// be cut, such as one that was reassembled at the edge of the cell.
//
// A role receives by several connections on one port (Config.Lanes), among which the
// kernel chooses by the header: what nodes tell each other, packets inside the cell,
// and packets of the internet. None waits behind a flood of another, and a train
// holds datagrams of one lane only.
//
// Datagrams have no back-pressure: what the receiver does not take in time is
// dropped by its kernel. Socket buffers are large, and the drops are read from
// the socket itself (SO_MEMINFO), so they are known even if no later datagram
// arrives. The kernel counts messages: a train that it merged and then had no
// room for counts once.
//
// Which IP version a packet is, is nothing to this package but a protocol type in
// the tunnel header (packet.Tunnel). The header that was read is given away as room
// for a packet that grows (Packet.Room).
//
// A datagram need not hold a packet: the nodes' own messages (packet.Tunnel's
// control stages) travel the same way, in the same trains. What they say is
// not this package's business, nor what a chain option says.
//
// Exchange is the carrier inside one process: no header, no cut, no copy.
//
// Invariants:
//   - I8: every packet given to Send ends in SentPackets or RefusedPackets,
//     every datagram received in ReceivedPackets or in one of Drops.
//   - I9: a packet's checksum state travels with it (Tunnel.Partial), so
//     whoever takes it off the wire can finish it.
//   - I11: no datagram of a train is longer than the path's MTU.
//   - I13: trains, buffers and inboxes are fixed at creation.
//   - Packets of one lane for one peer leave in the order in which they were given.
//
// Limits: see limits.go. A Conn belongs to one goroutine.
package wire
