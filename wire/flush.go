package wire

import (
	"encoding/binary"
	"math/bits"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// segmentSpace is the room of the control message UDP_SEGMENT on 64-bit
// machines: a header of 16 bytes, two bytes of size, padding.
const segmentSpace = 24

func (c *conn) initSend(port uint16) {
	c.to.Family = unix.AF_INET
	c.to.Port = bigEndian16(port)
	c.out.Name = (*byte)(unsafe.Pointer(&c.to))
	c.out.Namelen = unix.SizeofSockaddrInet4
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c.seg[0]))
	h.Level = unix.SOL_UDP
	h.Type = unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
}

// Flush sends the trains in the order in which they began.
func (c *conn) Flush() {
	for i := range c.send.n {
		c.flush(&c.send.trains[i])
	}
	c.send.reset()
}

func (c *conn) flush(t *train) {
	if t.n > 1 && t.singly {
		c.flushSingly(t)
		return
	}
	if t.n > 1 && c.singly > 0 {
		c.singly--
		c.flushSingly(t)
		return
	}
	seg := 0
	if t.n > 1 {
		seg = t.seg
	}
	errno := c.sendmsg(t.peer, t.iovec[:t.iovecs], seg)
	if t.n > 1 && refusedAsTrain(errno) {
		c.stats.Fallbacks++
		if errno != unix.EMSGSIZE {
			c.singly = segmentRetryTrains
		}
		c.flushSingly(t)
		return
	}
	ends, carried := bits.OnesCount64(t.ends), c.carried(t)
	if errno != 0 {
		c.stats.RefusedPackets += uint64(ends)
		t.broken = true
		return
	}
	c.stats.SentDatagrams += uint64(t.n)
	if carried && ends > 0 {
		c.stats.RefusedPackets++ // its beginning was
		ends--
	} else {
		t.broken = carried
	}
	c.stats.SentPackets += uint64(ends)
}

// carried says whether the packet that t begins with already lost a datagram.
func (c *conn) carried(t *train) bool { return t.from >= 0 && c.send.trains[t.from].broken }

// flushSingly sends each datagram of t by a call of its own.
func (c *conn) flushSingly(t *train) {
	var at iovecCursor
	broken := c.carried(t)
	for i := range t.n {
		size := min(t.seg, t.bytes-i*t.seg)
		if c.sendmsg(t.peer, at.take(&c.single, t.iovec[:t.iovecs], size), 0) != 0 {
			broken = true
		} else {
			c.stats.SentDatagrams++
		}
		if t.ends&(1<<i) == 0 {
			continue
		}
		if broken {
			c.stats.RefusedPackets++
		} else {
			c.stats.SentPackets++
		}
		broken = false
	}
	t.broken = broken
}

// refuseQueued counts what is queued as refused.
func (c *conn) refuseQueued() {
	for i := range c.send.n {
		c.stats.RefusedPackets += uint64(bits.OnesCount64(c.send.trains[i].ends))
	}
	c.send.reset()
}

// sendmsg sends one datagram, or with seg > 0 a train of datagrams of seg bytes.
func (c *conn) sendmsg(peer packet.Addr4, iovec []unix.Iovec, seg int) syscall.Errno {
	binary.BigEndian.PutUint32(c.to.Addr[:], uint32(peer))
	c.out.Iov = unsafe.SliceData(iovec)
	c.out.SetIovlen(len(iovec))
	if seg > 0 {
		binary.NativeEndian.PutUint16(c.seg[unix.CmsgLen(0):], uint16(seg))
		c.out.Control = &c.seg[0]
		c.out.SetControllen(len(c.seg))
	} else {
		c.out.Control = nil
		c.out.SetControllen(0)
	}
	for {
		c.stats.Sends++
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&c.out)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if errno != unix.EINTR {
			return errno
		}
	}
}

// refusedAsTrain says whether the datagrams may pass one by one: EIO from an
// interface without checksum offload, EINVAL from a kernel with fewer segments
// or none, EMSGSIZE where the interface's MTU is below the path MTU that was
// configured. The last concerns one peer only. Everything else, such as
// EAGAIN and ENOBUFS, refuses the datagrams and not their form.
func refusedAsTrain(errno syscall.Errno) bool {
	return errno == unix.EIO || errno == unix.EINVAL || errno == unix.EMSGSIZE
}

// iovecCursor walks through the ranges of a train.
type iovecCursor struct{ i, off int }

// take returns the ranges of the next size bytes, written into dst.
func (k *iovecCursor) take(dst *[trainIovecsMax]unix.Iovec, src []unix.Iovec, size int) []unix.Iovec {
	n := 0
	for size > 0 {
		from := &src[k.i]
		part := min(size, int(from.Len)-k.off)
		dst[n].Base = (*byte)(unsafe.Add(unsafe.Pointer(from.Base), k.off))
		dst[n].SetLen(part)
		n++
		size -= part
		if k.off += part; k.off == int(from.Len) {
			k.i, k.off = k.i+1, 0
		}
	}
	return dst[:n]
}

// bigEndian16 is v as it stands in memory in network order.
func bigEndian16(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
