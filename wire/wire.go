package wire

import (
	"net/netip"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Packet is one packet on its way between two roles, or one control datagram
// (Tunnel.Control). Of the latter Data is the payload, of any content; it has
// no Offload, and is never cut: beyond the path's MTU the kernel fragments it.
type Packet struct {
	packet.Packet
	// Room is free bytes that end exactly where Data begins, in the same buffer,
	// for a header that grows; its capacity reaches over Data. Over UDP it is the
	// tunnel header that was just decoded, so at least packet.GeneveLen bytes after
	// Recv, in which Tunnel.Chain may lie; in memory it is what the sender had, or
	// nil. Its owner is Data's. Who lets Data begin elsewhere must change it too.
	Room []byte

	// Tunnel is what travels beside the packet. Its IPv6, Partial, GSO and GSOSize
	// are ignored by Send, which takes them from Data and Offload, and equal to
	// these after Recv. Chain is set exactly in packet.StageChain: Send refuses
	// another. After Recv it lies in the Conn's buffers, as Data does.
	Tunnel packet.Tunnel

	// Peer is the underlay address: source of what was received, destination
	// of what is sent.
	Peer packet.Addr4
}

// Conn sends packets to peers and receives theirs. It never blocks, allocates
// nothing after its creation and belongs to one goroutine.
type Conn interface {
	// Recv fills pkts and returns how many it filled; 0 when nothing was there
	// or all of it was bad: FD tells. Data aliases the Conn's buffers and may
	// be written to; it is valid until the next Recv. What did not fit into
	// pkts comes with the next call. The offsets in Offload are not known yet:
	// View.Decode derives them. After Close the error is net.ErrClosed.
	Recv(pkts []Packet) (n int, err error)

	// Send queues p for p.Peer. p itself and what Tunnel.Chain points to may be
	// reused at once; p.Data is borrowed until Flush and not changed. A
	// superpacket must be decoded: its Offload says where to cut it. Send may
	// flush when its queue is full. It never fails: what could not be sent is
	// counted.
	Send(p *Packet)

	// Flush sends what was queued.
	Flush()

	// FD is the descriptor to poll for reading; -1 in memory.
	FD() int

	// Stats brings the counters up to date and returns them; they stay
	// readable after Close. Only the Conn's goroutine may read them.
	Stats() *Stats

	// LocalAddr is the underlay address peers send to.
	LocalAddr() packet.Addr4

	// MaxPacket is the longest IP packet, or payload of a control datagram, in
	// bytes, that one datagram carries without being fragmented. With a chain
	// option it is packet.GeneveMax - packet.GeneveLen less; a superpacket is cut
	// accordingly.
	MaxPacket() int

	// Close gives everything back. What is queued and not flushed is refused.
	Close() error
}

// Stats counts what one Conn did. Received datagrams are all accounted for:
// ReceivedDatagrams = ReceivedPackets + Drops.Total().
type Stats struct {
	SentPackets    uint64 // packets of which every datagram was accepted
	SentDatagrams  uint64 // datagrams accepted by the kernel
	RefusedPackets uint64 // packets of which a datagram was refused; count as drop.WireSend
	Sends          uint64 // system calls made to send
	Fallbacks      uint64 // trains refused as a whole and sent datagram by datagram

	ReceivedDatagrams uint64
	ReceivedPackets   uint64
	Recvs             uint64      // system calls made to receive, those that found nothing included
	Drops             drop.Counts // datagrams with a bad tunnel header, by reason
	Overflow          uint64      // messages dropped because the receive buffer was full; a merged train is one

	ReceiveBufferBytes int    // granted by the kernel
	SendBufferBytes    int    // granted by the kernel
	BufferFallbacks    uint64 // buffers for which the privilege to pass net.core.*mem_max was missing
}

// StatsOf brings the counters of all conns up to date and sums them; what is said of
// buffers is the first one's.
func StatsOf(conns []Conn) Stats {
	sum := *conns[0].Stats()
	for _, c := range conns[1:] {
		s := c.Stats()
		sum.SentPackets += s.SentPackets
		sum.SentDatagrams += s.SentDatagrams
		sum.RefusedPackets += s.RefusedPackets
		sum.Sends += s.Sends
		sum.Fallbacks += s.Fallbacks
		sum.ReceivedDatagrams += s.ReceivedDatagrams
		sum.ReceivedPackets += s.ReceivedPackets
		sum.Recvs += s.Recvs
		for r, n := range s.Drops {
			sum.Drops[r] += n
		}
		sum.Overflow += s.Overflow
		sum.BufferFallbacks += s.BufferFallbacks
	}
	return sum
}

// Config says where to listen. The zero value of a field with a default means the default.
type Config struct {
	Local       netip.Addr // own underlay address, IPv4; peers recognise this role by it
	Port        uint16     // own port and that of every peer; default packet.GenevePort
	PathMTU     int        // longest outer IP packet, in bytes, that reaches every peer
	Sockets     int        // default 1; more share the port and get peers by hash (SO_REUSEPORT)
	Lanes       bool       // one connection for each lane instead, the one to send by first; see lanes.go
	BufferBytes int        // default DefaultBufferBytes
}
