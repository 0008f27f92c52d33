package wire

import (
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Send queues p: whole where it fits one datagram of the path or cannot be
// cut, otherwise in the fewest equal pieces that fit.
func (c *conn) Send(p *Packet) {
	if c.fd < 0 || !p.wellFormed() {
		c.stats.RefusedPackets++
		return
	}
	if c.send.n+packetTrainsMax > len(c.send.trains) {
		c.Flush()
	}
	head := p.Tunnel.Len()
	size := head + len(p.Data)
	if size > c.send.sizeOK && p.Offload.GSO != packet.GSONone && !p.Tunnel.Control() {
		c.sendPieces(p)
		return
	}
	if size > datagramMax {
		c.stats.RefusedPackets++
		return
	}
	t, _ := c.send.room(p.Peer, laneOf(&p.Tunnel), size)
	if t == nil {
		c.stats.RefusedPackets++
		return
	}
	tunnel := p.Tunnel
	tunnel.Describe(p.Data, p.Offload)
	tunnel.Encode(t.arena[t.used : t.used+head])
	t.extend(head)
	t.body(p.Data)
	t.finish(size, true)
}

// sendPieces queues a superpacket as several datagrams, each with the whole
// tunnel header: where they are put together is not known here.
func (c *conn) sendPieces(p *Packet) {
	tunnelLen := p.Tunnel.Len()
	// Where even one segment is longer than the path admits, perhaps only by the
	// chain option, each segment is a datagram of its own that the kernel fragments.
	longest := max(c.send.sizeOK-tunnelLen, int(p.Offload.HdrLen)+int(p.Offload.GSOSize))
	if c.cut.Plan(&p.Packet, longest) != drop.None {
		c.stats.RefusedPackets++
		return
	}
	before := -1 // the train of the piece before
	n := c.cut.N()
	for i := range n {
		headLen, body, offload := c.cut.Piece(i, c.head[tunnelLen:])
		tunnel := p.Tunnel
		tunnel.Describe(p.Data, offload)
		tunnel.Encode(c.head[:tunnelLen])
		size := tunnelLen + headLen + len(body)
		t, at := c.send.room(p.Peer, laneOf(&p.Tunnel), size)
		if t == nil {
			// The pieces already queued end no packet, so it is counted here only.
			c.stats.RefusedPackets++
			return
		}
		if before >= 0 && at != before {
			t.from = before
		}
		before = at
		t.copy(c.head[:tunnelLen+headLen])
		t.body(body)
		t.finish(size, i == n-1)
	}
}

// wellFormed says that the chain option belongs to the stage, in which there is
// no IPv6: a receiver refuses any other datagram.
func (p *Packet) wellFormed() bool {
	if p.Tunnel.Stage != packet.StageChain {
		return p.Tunnel.Chain == nil
	}
	return p.Tunnel.Chain != nil && (len(p.Data) == 0 || p.Data[0]>>4 != 6)
}
