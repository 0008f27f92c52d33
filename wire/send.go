package wire

import (
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Send queues p: whole where it fits one datagram of the path or cannot be
// cut, otherwise in the fewest equal pieces that fit.
func (c *conn) Send(p *Packet, v *packet.View) {
	if c.fd < 0 {
		c.stats.RefusedPackets++
		return
	}
	if c.send.n+packetTrainsMax > len(c.send.trains) {
		c.Flush()
	}
	if len(p.Data) > c.maxPacket && p.Offload.GSO != packet.GSONone {
		c.sendPieces(p, v)
		return
	}
	size := packet.GeneveLen + len(p.Data)
	if size > datagramMax {
		c.stats.RefusedPackets++
		return
	}
	t, _ := c.send.room(p.Peer, size)
	if t == nil {
		c.stats.RefusedPackets++
		return
	}
	tunnel := tunnelOf(p, p.Offload)
	tunnel.Encode(t.arena[t.used : t.used+packet.GeneveLen])
	t.extend(packet.GeneveLen)
	t.body(p.Data)
	t.finish(size, true)
}

// sendPieces queues a superpacket as several datagrams.
func (c *conn) sendPieces(p *Packet, v *packet.View) {
	// Where even one segment is longer than the path admits, each segment is
	// a datagram of its own that the kernel fragments.
	longest := max(c.maxPacket, v.HeadLen+int(p.Offload.GSOSize))
	if c.cut.Plan(&p.Packet, v, longest) != drop.None {
		c.stats.RefusedPackets++
		return
	}
	before := -1 // the train of the piece before
	n := c.cut.N()
	for i := range n {
		headLen, body, offload := c.cut.Piece(i, c.head[packet.GeneveLen:])
		tunnel := tunnelOf(p, offload)
		tunnel.Encode(c.head[:packet.GeneveLen])
		size := packet.GeneveLen + headLen + len(body)
		t, at := c.send.room(p.Peer, size)
		if t == nil {
			// The pieces already queued end no packet, so it is counted here only.
			c.stats.RefusedPackets++
			return
		}
		if before >= 0 && at != before {
			t.from = before
		}
		before = at
		t.copy(c.head[:packet.GeneveLen+headLen])
		t.body(body)
		t.finish(size, i == n-1)
	}
}

// tunnelOf is p's tunnel header with the offload of the piece that it precedes.
func tunnelOf(p *Packet, o packet.Offload) packet.Tunnel {
	t := p.Tunnel
	t.Partial, t.GSO, t.GSOSize = o.Partial, o.GSO, o.GSOSize
	return t
}
