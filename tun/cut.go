package tun

import (
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// cutter holds what cutting a superpacket needs. It is used only on kernels
// that refuse superpackets, so its buffer is made at the first use.
type cutter struct {
	whole  []byte // the superpacket in one piece, packet.PacketMax long
	pieces packet.Pieces
	views  views
	pkt    packet.Packet
	head   [packet.HeadMax]byte
	body   [1][]byte
}

// cut writes a superpacket as its segments and counts them. It reports whether
// every segment was taken.
//
// Where the segments are the packets that were queued, each is counted by its
// own fate. A superpacket that was queued as such is written only if all of it
// was.
func (w *Writer) cut(off packet.Offload, head []byte, bodies [][]byte, queued uint64) bool {
	c := &w.cutter
	if !c.load(off, head, bodies) {
		w.stats.RefusedPackets += queued
		return false
	}
	n, refused := uint64(c.pieces.N()), uint64(0)
	for i := range c.pieces.N() {
		headLen, body, off := c.pieces.Piece(i, c.head[:])
		c.body[0] = body
		if w.send(off, c.head[:headLen], c.body[:]) != 0 {
			refused++
		}
	}
	switch {
	case refused == 0:
		w.stats.WrittenPackets += queued
	case n == queued:
		w.stats.WrittenPackets += queued - refused
		w.stats.RefusedPackets += refused
	default:
		w.stats.RefusedPackets += queued
	}
	return refused == 0
}

// load joins the superpacket and plans pieces of one segment each. False: it
// cannot be cut.
func (c *cutter) load(off packet.Offload, head []byte, bodies [][]byte) bool {
	if c.whole == nil {
		c.whole = make([]byte, packet.PacketMax)
	}
	n := copy(c.whole, head)
	for _, b := range bodies {
		if len(b) > len(c.whole)-n {
			return false
		}
		n += copy(c.whole[n:], b)
	}
	c.pkt = packet.Packet{Data: c.whole[:n], Offload: off}
	if kind, _ := c.views.decode(&c.pkt); kind == packet.KindNone {
		return false
	}
	segment := int(c.pkt.Offload.HdrLen) + int(c.pkt.Offload.GSOSize)
	return c.pieces.Plan(&c.pkt, segment) == drop.None
}
