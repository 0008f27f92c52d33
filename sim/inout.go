package sim

import (
	"encoding/binary"
	"fmt"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// fromInstance gives a packet to an instance's interface.
func (w *World) fromInstance(in *instance, b []byte) {
	w.stats.injected++
	w.trace(traceInstance, int32(in.tenant), 0, b)
	if in.device == nil || in.host == nil || !in.host.up {
		return
	}
	in.device.inject(b)
	w.soon(in.host)
}

// fromInternet sends a packet of a server's to the edges, to one by the flow's
// hash, as routers do.
func (w *World) fromInternet(tuple packet.Tuple, b []byte) {
	w.stats.injected++
	if w.internetDice.chance(w.plan.internetLoss) {
		w.unluckyPacket(b)
		return
	}
	a, c := tuple.Words()
	edge := int(scramble(a^scramble(c))%uint64(w.plan.edges)) + len(w.plan.nodes)
	if w.internetDice.below(50) == 0 { // the way changes
		edge = len(w.plan.nodes) + w.internetDice.below(w.plan.edges)
	}
	w.events.push(w.now+w.internetDelay(), evInside, int32(edge), w.pool.copy(b))
}

// toEdge is the arrival of such a packet.
func (w *World) toEdge(p *process, id int32) {
	if p.up && len(p.devices) > 0 {
		b := w.pool.bytes(id)
		w.hash.add(uint64(w.now), uint64(p.index), b)
		w.trace(traceInside, int32(p.index), 0, b)
		p.devices[0].inject(b)
		w.soon(p)
	}
	w.pool.give(id)
}

// toInternet takes what an edge wrote.
func (w *World) toInternet(id int32) {
	w.stats.emitted++
	if w.internetDice.chance(w.plan.internetLoss) {
		w.unluckyPacket(w.pool.bytes(id))
		w.pool.give(id)
		return
	}
	w.events.push(w.now+w.internetDelay(), evOutside, 0, id)
}

// atServer is its arrival at the server.
func (w *World) atServer(id int32) {
	b := w.pool.bytes(id)
	w.hash.add(uint64(w.now), 1<<16, b)
	w.trace(traceOutside, 0, 0, b)
	if v, ok := w.valid("the internet", b); ok {
		if x := w.identify(v, true); x != nil {
			tuple := v.Tuple
			w.leaves(x, tuple)
			switch v.Kind {
			case packet.KindTCP:
				w.serverSegment(x, tuple, packet.TCP(v.L4))
			case packet.KindUDP:
				p := packet.UDP(v.L4).Payload()
				w.fromInternet(tuple, w.buildUDP(tuple.Reverse(), x.id, requestNumber(p), len(p)))
			case packet.KindEcho:
				h := packet.ICMP(v.L4)
				p := h.Payload()
				w.fromInternet(tuple, w.buildEcho(tuple.Reverse(), packet.ICMPEchoReply, h.ID(), x.id, requestNumber(p), len(p)))
			}
		}
	}
	w.pool.give(id)
}

// toInstance takes what a host wrote to an instance.
func (w *World) toInstance(in *instance, b []byte) {
	w.stats.emitted++
	w.hash.add(uint64(w.now), uint64(2<<16|in.tenant), b)
	w.trace(traceToInstance, int32(in.tenant), 0, b)
	v, ok := w.valid(in.name, b)
	if !ok {
		return
	}
	local := v.Tuple.Reverse().WithVNI(vniBase + uint32(in.tenant))
	x := in.conns[local]
	if v.Kind == packet.KindICMPError {
		w.gotError(in, x, packet.ICMP(v.L4))
		return
	}
	y := w.identify(v, false)
	if y == nil {
		return
	}
	if y.client.at != in || y.inside != local {
		w.misdelivered(y, fmt.Sprintf("a packet of %v came to %s as %v", y.inside, in.name, local))
		y = nil
	}
	if x == nil || x != y {
		if v.Kind == packet.KindTCP && v.TCPFlags&packet.TCPRst == 0 {
			h := packet.TCP(v.L4) // a connection that is not known here is reset
			w.stats.strays++
			if x != nil && x.state == opening {
				w.sometimes[HalfOpen]++ // the server still has the one before (RFC 9293, section 3.5.1)
			}
			w.fromInstance(in, w.buildTCP(local, 0, packet.TCPRst, h.Ack(), 0, 0, 0))
		}
		return
	}
	if v.Kind != packet.KindTCP || v.TCPFlags&packet.TCPRst == 0 {
		x.through = w.now
	}
	switch v.Kind {
	case packet.KindTCP:
		w.clientSegment(x, packet.TCP(v.L4))
	case packet.KindUDP:
		w.gotAnswer(x, requestNumber(packet.UDP(v.L4).Payload()))
	case packet.KindEcho:
		w.gotAnswer(x, requestNumber(packet.ICMP(v.L4).Payload()))
	}
}

// valid decodes a packet that came out, which must be without fault (I9).
func (w *World) valid(where string, b []byte) (*packet.View, bool) {
	p := packet.Packet{Data: b}
	v := &w.view
	if r := v.Decode(&p); r != drop.None {
		w.violate(I9, fmt.Sprintf("%s received a packet that is refused for %v", where, r))
		return nil, false
	}
	if !v.VerifyL4(&p) {
		if !w.plan.DeliverCorrupt {
			w.violate(I9, fmt.Sprintf("%s received a packet with a wrong checksum: %v", where, v.Tuple))
		}
		return nil, false
	}
	return v, true
}

// identify says which connection a packet belongs to. A client's bare RST has
// the other side's numbers, so it says nothing.
func (w *World) identify(v *packet.View, outgoing bool) *conn {
	if outgoing && v.Kind == packet.KindTCP && v.TCPFlags&(packet.TCPRst|packet.TCPAck) == packet.TCPRst {
		if s := w.serving[v.Tuple]; s != nil && packet.TCP(v.L4).Seq() == s.tcp.expect {
			w.serverDone(s)
		}
		return nil
	}
	id := connID(v)
	if id == 0 && v.TCPFlags&packet.TCPRst != 0 {
		return nil
	}
	if id == 0 || int(id) > len(w.conns) {
		if !w.plan.DeliverCorrupt && v.Kind != packet.KindICMPError {
			w.violate(I7, fmt.Sprintf("a packet of no connection came out: %v", v.Tuple))
		}
		return nil
	}
	return w.conns[id-1]
}

// connID is the number of the connection that a packet says it belongs to; 0: none.
func connID(v *packet.View) (id uint16) {
	switch v.Kind {
	case packet.KindTCP:
		id = uint16(packet.TCP(v.L4).Seq() >> 16)
	case packet.KindUDP:
		if p := packet.UDP(v.L4).Payload(); len(p) >= requestLen {
			id = binary.BigEndian.Uint16(p)
		}
	case packet.KindEcho:
		if p := packet.ICMP(v.L4).Payload(); len(p) >= requestLen {
			id = binary.BigEndian.Uint16(p)
		}
	}
	return id
}
