package wire

import "hyperplane/packet"

const (
	// DefaultBufferBytes is the socket buffer asked for in each direction, in
	// bytes: about 5 ms of 100 Gbit/s, or a collector's pause at 10 Gbit/s.
	// Beyond it the kernel drops, which Stats.Overflow counts.
	DefaultBufferBytes = 64 << 20

	// pathMTUMin is the smallest path MTU accepted, in bytes: what every IPv4
	// host must be able to receive (RFC 1122, section 3.3.2). Below it a
	// superpacket could fall into more pieces than a queue has room for.
	pathMTUMin = 576

	// ipLenMax is the longest outer IPv4 packet, in bytes; a loopback's MTU is one more.
	ipLenMax = packet.PacketMax

	// datagramMax is the longest UDP payload over IPv4, in bytes, and the most
	// that one train carries. A longer packet is refused.
	datagramMax = ipLenMax - 20 - 8

	// trainDatagramsMax is the number of datagrams in one UDP_SEGMENT call:
	// what kernels before 6.9 accept (later ones 128). A full train is closed
	// and another begun.
	trainDatagramsMax = 64

	// trainIovecsMax is the number of ranges in one train: at most one copied
	// and one referenced range per datagram.
	trainIovecsMax = 2 * trainDatagramsMax

	// trainsMax is the number of trains queued between two flushes. When fewer
	// than packetTrainsMax are left, Send flushes by itself.
	trainsMax = 64

	// packetTrainsMax is the number of trains that one packet may need: 65,535
	// bytes cut at pathMTUMin with the longest headers and a chain option are 397
	// pieces, seven trains, and the first may begin in a train that is nearly
	// full. What does not fit is refused, so the limit holds even if that sum is
	// wrong.
	packetTrainsMax = 8

	// copyMax is the longest body, in bytes, that is copied beside its header;
	// a longer one is referenced. Measured over a loopback, each packet sent and
	// received, on a shared machine: 300 bytes cost 130 ns copied and 200 ns
	// referenced; at 1,500 bytes no difference could be seen in the noise.
	copyMax = 512

	// messageMax is the room kept for one received message, in bytes.
	messageMax = 64 << 10

	// messageDatagramsMax is the number of datagrams that the kernel merges into
	// one message (UDP_MAX_SEGMENTS since 6.9, 64 before). Recv reads a further
	// message only when pkts has room for as many.
	messageDatagramsMax = 128

	// receiveBytes is the buffer that one Recv fills, in bytes. Messages are
	// laid one after the other, so it holds thousands of small ones or four of
	// the longest; the rest waits for the next call.
	receiveBytes = 4 * messageMax

	// receiveMessagesMax is the number of messages read in one Recv, so that a
	// flood of bad datagrams, which fill nothing, cannot hold the loop.
	receiveMessagesMax = 64

	// segmentRetryTrains is the number of trains sent datagram by datagram
	// after the kernel or the interface refused one as a whole; then a train is
	// tried again, since the route may lead elsewhere by now.
	segmentRetryTrains = 1024

	// inboxPacketsMax is the number of packets that wait at one port of an
	// Exchange, those of its last Recv included: many turns' worth. A packet
	// beyond it is refused to its sender.
	inboxPacketsMax = 4096
)
