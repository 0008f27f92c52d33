package wire

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// conn is one UDP socket. The path of a packet through it:
//
//	out: 1. cut or keep (send.go)  2. join a train (train.go)  3. sendmsg (flush.go)
//	in:  1. recvmsg (recv.go)      2. decode each datagram (decode.go)
type conn struct {
	fd        int // -1 when closed
	local     packet.Addr4
	maxPacket int
	stats     Stats

	send queue
	cut  packet.Pieces
	head [packet.GeneveMax + packet.HeadMax]byte // of the piece being queued

	singly int // trains to send datagram by datagram before one is tried whole again
	out    unix.Msghdr
	to     unix.RawSockaddrInet4
	seg    [segmentSpace]byte // control message UDP_SEGMENT
	single [trainIovecsMax]unix.Iovec

	recv    []byte // receiveBytes
	recvEnd int    // recv[recvEnd:] is free
	rest    datagrams
	in      unix.Msghdr
	inIovec unix.Iovec
	from    unix.RawSockaddrInet4
	control [controlSpace]byte

	drops   uint32 // the kernel's counter, 32 bits, at the last look
	meminfo [memInfoWords]uint32
	infoLen uint32
}

// memInfoWords is the number of values that SO_MEMINFO returns.
const memInfoWords = unix.SK_MEMINFO_DROPS + 1

func newConn(fd int, local packet.Addr4, port uint16, pathMTU int) *conn {
	c := &conn{fd: fd, local: local, maxPacket: min(pathMTU, ipLenMax) - packet.TunnelOverhead}
	c.recv = make([]byte, receiveBytes)
	c.send.init(c.maxPacket + packet.GeneveLen)
	c.initSend(port)
	c.initRecv()
	return c
}

func (c *conn) FD() int                 { return c.fd }
func (c *conn) LocalAddr() packet.Addr4 { return c.local }
func (c *conn) MaxPacket() int          { return c.maxPacket }

// Stats asks the socket itself for its drops. The alternative, SO_RXQ_OVFL,
// tells them only with the next datagram, which may never come.
func (c *conn) Stats() *Stats {
	if c.fd < 0 {
		return &c.stats
	}
	c.infoLen = uint32(unsafe.Sizeof(c.meminfo))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&c.meminfo)), uintptr(unsafe.Pointer(&c.infoLen)), 0)
	if errno == 0 {
		now := c.meminfo[unix.SK_MEMINFO_DROPS]
		c.stats.Overflow += uint64(now - c.drops) // modulo 2^32, as the kernel counts
		c.drops = now
	}
	return &c.stats
}

func (c *conn) Close() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	c.refuseQueued()
	c.Stats()
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}
