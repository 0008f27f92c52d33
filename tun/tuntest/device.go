package tuntest

import (
	"io"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
)

// queuePacketsMax is how many packets wait on either side of a twin: the
// kernel's default transmit queue of a TUN. What is beyond is refused with
// ENOBUFS, to Inject as an error and to Write as a refused packet.
const queuePacketsMax = 500

// Device is a tun.Device in memory. Like the real one it has one owner; the
// test's side of it (Inject, Sent, Refuse) belongs to the same goroutine.
type Device struct {
	mtu    int
	closed bool
	stats  tun.Stats
	writer *tun.Writer

	in, out queue
	refuse  func(off packet.Offload) unix.Errno
}

var _ tun.Device = (*Device)(nil)

// New returns a twin of a device with this MTU.
func New(mtu int) *Device {
	d := &Device{mtu: mtu}
	d.stats.ReadOffloads = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 |
		unix.TUN_F_TSO_ECN | unix.TUN_F_USO4 | unix.TUN_F_USO6
	d.writer = tun.NewWriter(d, &d.stats)
	return d
}

// Inject makes p the next packet that Read returns. It is copied. As in the
// kernel, what is no superpacket must fit the MTU.
func (d *Device) Inject(p packet.Packet) error {
	switch {
	case d.closed:
		return unix.ENXIO
	case p.Offload.GSO == packet.GSONone && len(p.Data) > d.mtu:
		return unix.EMSGSIZE
	case !d.in.push(p.Offload, p.Data, nil):
		return unix.ENOBUFS
	}
	return nil
}

// Sent returns what was written since the last call, message by message, in
// order. The packets are valid until the next Write or Flush.
func (d *Device) Sent() []packet.Packet { return d.out.drain() }

// Refuse makes fn judge each message before it is taken; what fn returns is
// the kernel's answer, and zero takes it. Nil takes all.
func (d *Device) Refuse(fn func(off packet.Offload) unix.Errno) { d.refuse = fn }

// Read implements tun.Device.
func (d *Device) Read(buf []byte) (p packet.Packet, ok bool, err error) {
	if d.closed {
		return p, false, tun.ErrClosed
	}
	if len(buf) < tun.ReadLen {
		return p, false, io.ErrShortBuffer
	}
	in, ok := d.in.pop()
	if !ok {
		return p, false, nil
	}
	// Through the bytes of the virtio header, as the kernel would hand it over.
	in.Offload.EncodeVirtio(buf[:packet.VirtioLen])
	n := copy(buf[packet.VirtioLen:], in.Data)
	if reason := p.Offload.DecodeVirtio(buf[:packet.VirtioLen]); reason != drop.None {
		d.stats.ReadDrops[reason]++
		return packet.Packet{}, false, nil
	}
	p.Data = buf[packet.VirtioLen : packet.VirtioLen+n]
	d.stats.ReadPackets++
	d.stats.ReadBytes += uint64(n)
	return p, true, nil
}

// Write implements tun.Device.
func (d *Device) Write(p *packet.Packet) { d.writer.Write(p) }

// Flush implements tun.Device.
func (d *Device) Flush() { d.writer.Flush() }

// Put implements tun.Sink with the checks that the kernel makes.
func (d *Device) Put(off packet.Offload, head []byte, bodies [][]byte) unix.Errno {
	if d.closed {
		return unix.EBADF
	}
	if d.refuse != nil {
		if errno := d.refuse(off); errno != 0 {
			return errno
		}
	}
	n := len(head)
	for _, b := range bodies {
		n += len(b)
	}
	switch {
	case len(head) == 0 || head[0]>>4 != 4 && head[0]>>4 != 6:
		return unix.EINVAL
	case off.GSO != packet.GSONone && (off.GSOSize == 0 || !off.Partial):
		return unix.EINVAL
	case off.Partial && int(off.CsumStart)+int(off.CsumOffset)+2 > n:
		return unix.EINVAL
	case !d.out.push(off, head, bodies):
		return unix.ENOBUFS
	}
	return 0
}

// FD implements tun.Device: there is nothing to poll.
func (d *Device) FD() int { return -1 }

// Stats implements tun.Device.
func (d *Device) Stats() *tun.Stats { return &d.stats }

// Close implements tun.Device.
func (d *Device) Close() error {
	if !d.closed {
		d.writer.Discard()
		d.closed = true
	}
	return nil
}
