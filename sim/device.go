package sim

import (
	"io"

	"hyperplane/packet"
	"hyperplane/tun"
)

// device is a TUN in the simulator: a tun.Device without the merging that
// tuntest.Device shares with the real one, so that what leaves is what the role
// wrote, packet by packet.
type device struct {
	w      *World
	owner  *process
	client *instance // the instance it belongs to; nil at an edge
	in     []int32   // packets of the pool for Read
	out    []int32   // packets written
	stats  tun.Stats
	closed bool
}

var _ tun.Device = (*device)(nil)

// inject makes a copy of b the next packet read.
func (d *device) inject(b []byte) {
	if d.closed || len(d.in) >= devicePacketsMax {
		d.w.stats.deviceFull++
		return
	}
	d.in = append(d.in, d.w.pool.copy(b))
}

// Read implements tun.Device.
func (d *device) Read(buf []byte) (p packet.Packet, ok bool, err error) {
	switch {
	case d.closed:
		return p, false, tun.ErrClosed
	case len(buf) < tun.ReadLen:
		return p, false, io.ErrShortBuffer
	case len(d.in) == 0:
		return p, false, nil
	}
	n := copy(buf[packet.VirtioLen:], d.w.pool.bytes(d.in[0]))
	d.w.pool.give(d.in[0])
	d.in = d.in[:copy(d.in, d.in[1:])]
	p.Data = buf[packet.VirtioLen : packet.VirtioLen+n]
	d.stats.ReadPackets++
	d.stats.ReadBytes += uint64(n)
	return p, true, nil
}

// Write implements tun.Device. A checksum that is still partial is an error
// here: nobody in the simulator sends one.
func (d *device) Write(p *packet.Packet) {
	if d.closed || len(d.out) >= devicePacketsMax {
		d.stats.RefusedPackets++
		return
	}
	d.stats.WrittenPackets++
	d.stats.WrittenBytes += uint64(len(p.Data))
	d.stats.Writes++
	d.out = append(d.out, d.w.pool.copy(p.Data))
}

// Flush implements tun.Device.
func (d *device) Flush() {}

// FD implements tun.Device.
func (d *device) FD() int { return -1 }

// Stats implements tun.Device.
func (d *device) Stats() *tun.Stats { return &d.stats }

// Close implements tun.Device.
func (d *device) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	for _, i := range d.in {
		d.w.pool.give(i)
	}
	for _, i := range d.out {
		d.w.pool.give(i)
	}
	d.in, d.out = nil, nil
	return nil
}
