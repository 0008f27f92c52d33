package sim

import (
	"time"

	"hyperplane/packet"
)

// tcpEnd is one side of a TCP connection (RFC 9293) that has at most one
// segment under way: enough for a NAT, which sees no window.
type tcpEnd struct {
	base   uint32 // the initial sequence number
	unack  uint32 // the first byte that is not acknowledged
	next   uint32
	expect uint32 // the next byte from the other side

	flags uint8 // of the segment under way; 0: none
	size  int
	n     uint16 // the request that it carries
	tries int

	finIn, finOut bool // seen, acknowledged
}

// newTCPEnd: the client counts from the connection's number, the server from
// half way to the next.
func newTCPEnd(id uint16, side uint32) tcpEnd {
	base := uint32(id)<<16 | side<<15
	return tcpEnd{base: base, unack: base, next: base}
}

func (e *tcpEnd) full() bool { return e.next-e.base > connBytesMax }

// begin takes a segment under way.
func (e *tcpEnd) begin(flags uint8, size int, n uint16) {
	e.flags, e.size, e.n, e.tries = flags, size, n, 0
	e.next = e.unack + uint32(size)
	if flags&(packet.TCPSyn|packet.TCPFin) != 0 {
		e.next++
	}
}

// acked takes an acknowledgment; true when it is for the segment under way.
func (e *tcpEnd) acked(ack uint32) bool {
	if e.flags == 0 || ack != e.next {
		return false
	}
	if e.flags&packet.TCPFin != 0 {
		e.finOut = true
	}
	e.unack, e.flags = e.next, 0
	return true
}

// rto is when to send the segment under way again.
func (e *tcpEnd) rto() time.Duration { return min(rtoMin<<e.tries, rtoMax) }

// emit sends a segment of the client's that has to be acknowledged.
func (w *World) emit(x *conn, flags uint8, size int, n uint16) {
	x.tcp.begin(flags, size, n)
	w.emitAgain(x)
}

func (w *World) emitAgain(x *conn) {
	e := &x.tcp
	w.rawTCP(x, e.flags, e.unack, e.expect, e.size, e.n)
	x.token++
	w.events.push(w.now+e.rto(), evTimer, int32(x.id), x.token)
}

// timer is the client's: of a segment without acknowledgment, of TIME-WAIT, of
// a request without answer.
func (w *World) timer(x *conn, token int32) {
	if x.token != token || x.state == over {
		return
	}
	if x.inside.Proto() != packet.ProtoTCP {
		w.requestTimer(x)
		return
	}
	if x.state == lingering {
		w.finish(x)
		return
	}
	e := &x.tcp
	if e.flags == 0 {
		if x.state == finishing { // the server's FIN never came
			w.finish(x)
		}
		return
	}
	e.tries++
	w.stats.retransmitted++
	switch {
	case x.state == opening && e.tries > triesSYN:
		w.couldNotOpen(x)
	case e.tries > triesMax:
		w.broke(x, "no acknowledgment")
	default:
		w.emitAgain(x)
	}
}

// clientSegment is the client's side of everything that arrives.
func (w *World) clientSegment(x *conn, h packet.TCP) {
	e := &x.tcp
	f := h.Flags()
	if f&packet.TCPRst != 0 {
		switch {
		case x.state == opening && f&packet.TCPAck != 0 && h.Ack() == e.next, x.state != opening && h.Seq() == e.expect:
			w.reset(x)
		case x.state != opening && h.Seq()-e.expect < 65535:
			w.rawTCP(x, packet.TCPAck, e.next, e.expect, 0, 0) // RFC 5961, section 3.2
		}
		return
	}
	if f&packet.TCPAck == 0 {
		return
	}
	if x.state == opening {
		switch {
		case h.Ack() != e.next: // an old connection on this tuple (RFC 9293, section 3.5.1)
			w.sometimes[HalfOpen]++
			w.rawTCP(x, packet.TCPRst, h.Ack(), 0, 0, 0)
		case f&packet.TCPSyn != 0:
			e.acked(h.Ack())
			e.expect = h.Seq() + 1
			x.state = established
			x.token++
			w.stats.established++
			w.rawTCP(x, packet.TCPAck, e.next, e.expect, 0, 0)
			x.askedAt = 0
			w.later(x.client, x.client.dice.about(20*time.Millisecond))
		}
		return
	}
	if e.acked(h.Ack()) {
		x.token++
		if x.state == finishing && !e.finIn {
			w.events.push(w.now+4*rtoMax, evTimer, int32(x.id), x.token)
		}
	}
	size := uint32(len(h.Payload()))
	if size == 0 && f&(packet.TCPSyn|packet.TCPFin) == 0 {
		w.maybeLinger(x)
		return
	}
	if h.Seq() == e.expect && f&packet.TCPSyn == 0 {
		e.expect += size
		if f&packet.TCPFin != 0 {
			e.expect++
			e.finIn, x.closing = true, true
		}
		if size >= requestLen {
			w.gotAnswer(x, requestNumber(h.Payload()))
		}
	}
	if x.state == over {
		return
	}
	w.rawTCP(x, packet.TCPAck, e.next, e.expect, 0, 0)
	w.maybeLinger(x)
}

// maybeLinger follows the server's FIN with one of its own, and goes to
// TIME-WAIT when both sides have finished.
func (w *World) maybeLinger(x *conn) {
	if x.tcp.finIn && x.state == established && x.tcp.flags == 0 {
		x.state = finishing
		w.emit(x, packet.TCPFin|packet.TCPAck, 0, 0)
	}
	if x.state == finishing && x.tcp.finIn && x.tcp.finOut {
		x.state = lingering
		w.stats.closed++
		x.token++
		w.events.push(w.now+timeWait, evTimer, int32(x.id), x.token)
		if x.client.conn == x {
			x.client.conn = nil
			w.later(x.client, x.client.dice.about(300*time.Millisecond))
		}
	}
}
