package load

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is the kernel's struct mmsghdr: one message of a batch.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // bytes sent or received
	_   [4]byte
}

// batch is a set of datagram buffers for one sendmmsg or recvmmsg.
type batch struct {
	messages [batchPackets]mmsghdr
	vectors  [batchPackets]unix.Iovec
	buffers  [batchPackets][packetBytesMax]byte
}

// newBatch prepares every message to carry size bytes.
func newBatch(size int) *batch {
	b := new(batch)
	for i := range b.messages {
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(size)
		b.messages[i].hdr.Iov = &b.vectors[i]
		b.messages[i].hdr.SetIovlen(1)
	}
	return b
}

// send sends the messages from the given one on and returns how many the
// kernel took.
func (b *batch) send(fd, from int) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&b.messages[from])), uintptr(batchPackets-from), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// receive waits for one message and takes those that are there with it.
func (b *batch) receive(fd int) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&b.messages[0])), batchPackets, unix.MSG_WAITFORONE, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// bytes is what message i carries after a receive.
func (b *batch) bytes(i int) []byte { return b.buffers[i][:min(int(b.messages[i].n), packetBytesMax)] }
