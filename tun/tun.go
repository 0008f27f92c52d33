package tun

import (
	"errors"
	"os"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Device is one queue of a TUN, or its in-memory twin. One goroutine owns it:
// no method may run while another does.
type Device interface {
	// Read reads one packet into buf, which must hold at least ReadLen bytes.
	// p.Data aliases buf, so p lives until buf is used again. It never blocks:
	// ok is false when nothing is there. An error is lasting: ErrClosed after
	// Close, ErrGone when somebody deleted the device.
	Read(buf []byte) (p packet.Packet, ok bool, err error)

	// Write queues p. p.Data is borrowed until Flush returns and its header
	// bytes may be changed until then; *p itself may be reused at once.
	// Consecutive packets that continue each other leave as one.
	Write(p *packet.Packet)

	// Flush writes what is still queued and ends all borrowing.
	Flush()

	// FD is the descriptor to poll for reading; -1 in memory and after Close.
	FD() int

	// Stats are the device's counters, of this queue alone. They belong to the
	// device's owner and change with every call.
	Stats() *Stats

	// Close flushes nothing: packets still queued are counted as refused. The
	// device disappears with its last queue. A second Close does nothing.
	Close() error
}

// Stats counts what one queue did. It has no lock: it belongs to the owner.
type Stats struct {
	ReadPackets uint64      // packets returned by Read; a superpacket is one
	ReadBytes   uint64      // their bytes from the IP header on
	ReadDrops   drop.Counts // packets whose virtio header made no sense

	WrittenPackets uint64 // packets given to Write that the kernel took
	WrittenBytes   uint64 // bytes the kernel took, from the IP header on
	RefusedPackets uint64 // packets given to Write that it did not take (drop.TUNWrite)
	Writes         uint64 // write calls tried: system calls, on a real device

	RefusedGSO   uint64 // superpackets refused as such and then written in pieces
	GSOOff       uint32 // TUN_F_… bits: superpackets that are not written any more
	ReadOffloads uint32 // TUN_F_… bits: superpackets the kernel hands over whole
}

// ErrClosed is returned after Close.
var ErrClosed = os.ErrClosed

// ErrGone is returned by Read when the device was deleted under us, for
// example together with its namespace. Close it and open another.
var ErrGone = errors.New("tun: the device was deleted")
