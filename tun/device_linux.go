package tun

import (
	"io"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// device is one queue of a TUN in the kernel.
type device struct {
	fd     int // -1 once closed
	name   string
	stats  Stats
	writer *Writer

	vnet [packet.VirtioLen]byte // virtio header of the message being written
	iov  [iovecsMax]unix.Iovec  // its parts
}

func newDevice(fd int, name string, offloads uint32) *device {
	d := &device{fd: fd, name: name}
	d.stats.ReadOffloads = offloads
	d.writer = NewWriter(d, &d.stats)
	// A kernel that cannot hand over a kind of superpacket cannot take it
	// either: both came with the same change.
	d.writer.SwitchOff(^offloads)
	return d
}

// Read implements Device.
func (d *device) Read(buf []byte) (p packet.Packet, ok bool, err error) {
	if d.fd < 0 {
		return p, false, ErrClosed
	}
	if len(buf) < ReadLen {
		return p, false, io.ErrShortBuffer
	}
	for range readSkipMax {
		n, errno := rawRead(d.fd, buf[:ReadLen])
		switch errno {
		case 0:
		case unix.EAGAIN:
			return p, false, nil
		case unix.EBADFD:
			return p, false, ErrGone
		default:
			return p, false, errno
		}
		if reason := accept(&p, buf[:n]); reason != drop.None {
			d.stats.ReadDrops[reason]++
			continue
		}
		d.stats.ReadPackets++
		d.stats.ReadBytes += uint64(len(p.Data))
		return p, true, nil
	}
	return packet.Packet{}, false, nil
}

// accept makes a packet of what was read.
func accept(p *packet.Packet, b []byte) drop.Reason {
	if len(b) <= packet.VirtioLen {
		return drop.TooShort
	}
	if reason := p.Offload.DecodeVirtio(b[:packet.VirtioLen]); reason != drop.None {
		return reason
	}
	p.Data = b[packet.VirtioLen:]
	return drop.None
}

// Write implements Device.
func (d *device) Write(p *packet.Packet) { d.writer.Write(p) }

// Flush implements Device.
func (d *device) Flush() { d.writer.Flush() }

// Put implements Sink: one message is one writev, of the virtio header and the
// packet's parts as they lie in memory.
func (d *device) Put(off packet.Offload, head []byte, bodies [][]byte) unix.Errno {
	if d.fd < 0 {
		return unix.EBADF
	}
	if len(bodies) > iovecsMax-2 {
		return unix.EMSGSIZE
	}
	off.EncodeVirtio(d.vnet[:])
	n := 0
	n = d.part(n, d.vnet[:])
	n = d.part(n, head)
	for _, b := range bodies {
		n = d.part(n, b)
	}
	return rawWritev(d.fd, d.iov[:n])
}

// part appends one slice to the iovecs.
func (d *device) part(n int, b []byte) int {
	if len(b) == 0 {
		return n
	}
	d.iov[n].Base = &b[0]
	d.iov[n].SetLen(len(b))
	return n + 1
}

// FD implements Device.
func (d *device) FD() int { return d.fd }

// Stats implements Device.
func (d *device) Stats() *Stats { return &d.stats }

// Close implements Device. The kernel deletes the device with its last queue.
func (d *device) Close() error {
	if d.fd < 0 {
		return nil
	}
	d.writer.Discard()
	err := unix.Close(d.fd)
	d.fd = -1
	return err
}
