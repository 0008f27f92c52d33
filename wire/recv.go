package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// controlSpace is the room for control messages on receiving. Only UDP_GRO is
// asked for, which takes 24 bytes.
const controlSpace = 64

func (c *conn) initRecv() {
	c.in.Name = (*byte)(unsafe.Pointer(&c.from))
	c.in.Iov = &c.inIovec
	c.in.SetIovlen(1)
	c.in.Control = &c.control[0]
}

// Recv hands out what is left of the last message, then reads more as long as
// there are places in pkts and room in the buffer. Messages stand one after
// the other in the buffer, because pkts refer to them until the next call.
func (c *conn) Recv(pkts []Packet) (n int, err error) {
	if c.fd < 0 {
		return 0, net.ErrClosed
	}
	for messages := 0; ; messages++ {
		n += c.rest.decode(pkts[n:], &c.stats)
		if n == len(pkts) || messages == receiveMessagesMax {
			return n, nil
		}
		if n == 0 {
			c.recvEnd = 0 // nothing of this call is in the buffer yet
		}
		if len(c.recv)-c.recvEnd < messageMax || n > 0 && len(pkts)-n < messageDatagramsMax {
			// Nothing is left over from this call: the descriptor would not
			// tell of what waits here and not in the kernel.
			return n, nil
		}
		size, errno := c.recvmsg(c.recv[c.recvEnd:][:messageMax])
		switch errno {
		case 0:
		case unix.EAGAIN:
			return n, nil
		default:
			return n, fmt.Errorf("wire: receive: %w", errno)
		}
		end := c.recvEnd + size
		c.rest.begin(c.recv[c.recvEnd:end:end], groSize(c.control[:c.in.Controllen]), packet.Addr4(binary.BigEndian.Uint32(c.from.Addr[:])))
		c.recvEnd = end
	}
}

// recvmsg reads one message: a datagram, or a train that the kernel merged.
func (c *conn) recvmsg(b []byte) (int, syscall.Errno) {
	c.inIovec.Base = unsafe.SliceData(b)
	c.inIovec.SetLen(len(b))
	for {
		// The kernel leaves what it wrote in both lengths.
		c.in.Namelen = unix.SizeofSockaddrInet4
		c.in.SetControllen(len(c.control))
		c.stats.Recvs++
		size, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&c.in)), unix.MSG_DONTWAIT)
		if errno != unix.EINTR {
			return int(size), errno
		}
	}
}

// groSize finds the size of a merged train's datagrams among control
// messages; 0 when the message is a single datagram.
func groSize(control []byte) int {
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(control) {
			return 0
		}
		if h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && size >= unix.CmsgLen(4) {
			return int(int32(binary.NativeEndian.Uint32(control[unix.CmsgLen(0):])))
		}
		control = control[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(control)):]
	}
	return 0
}
