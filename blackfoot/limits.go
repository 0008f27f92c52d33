package blackfoot

import "hyperplane/packet"

const (
	// hopBudget is how many of Hyperplane's hops a packet from the internet
	// may make.
	hopBudget = 12

	// piecesMax is how many fragments one turn may make; a packet that would
	// exceed it is dropped and counted as fragment_memory.
	piecesMax = 256

	// pieceArena is the memory that the fragments of one turn share.
	pieceArena = 512 << 10

	// TUNQueueLen is how many packets from the internet wait at the TUN. Beyond it
	// the kernel drops, whosever they are, and counts them as the device's tx_dropped.
	// It is the time for which an edge may be kept from reading: 40 ms of 100,000 packets
	// a second, where the kernel's own 500 are 5 ms, less than a busy machine makes
	// a thread wait. Superpackets of 64 KB would take 256 MB.
	TUNQueueLen = 4096

	// readsPerTurn and readBytesPerTurn are how many packets and bytes one turn
	// takes from the TUN. What is read is sent while it is still in the
	// processor's cache, and the next role starts on it while this one reads on.
	readsPerTurn     = 64
	readBytesPerTurn = 128 << 10

	// roomLen is the free bytes before a packet read from the TUN, less its virtio
	// header: what NAT64 may need (packet.TranslateRoom), where the way to the instance is
	// one in memory.
	roomLen = 64 - packet.VirtioLen

	// arenaLen is the memory for the packets read from the TUN in one turn.
	arenaLen = 8 << 20

	// batch is how many packets one turn takes from the wire.
	batch = 256
)
