package sim

import (
	"time"

	"hyperplane/packet"
)

// conn is a connection as its client sees it: TCP, or requests and answers by
// UDP or echo. Its number stands in the upper half of every sequence number of
// both sides, and in every datagram: whoever gets a packet knows whose it is.
type conn struct {
	id     uint16
	client *client
	inside packet.Tuple // as the instance sends it, with the VNI
	state  connState
	tcp    tcpEnd

	asked, answered uint16        // requests
	left            int           // requests until it closes
	askedAt         time.Duration // of the request that has no answer yet
	tries           int
	unlucky         int   // packets of it that links have lost since, by chance alone
	token           int32 // of its timer

	// What the outside has seen of it.
	outside  packet.Tuple  // as the internet sees it; zero until then
	through  time.Duration // when a packet of it last came out on either side
	opened   time.Duration
	closing  bool          // a FIN or RST of it has been sent by either side
	doubt    time.Duration // until then its flow may be forgotten although it has packets again; 0 once it is sure
	excused  bool          // it lived through more losses than one at a time
	peer     *serverConn
	liveSlot int
}

type connState uint8

const (
	opening     connState = iota
	established           // UDP and echo: from the beginning
	finishing             // FIN sent
	lingering             // closed, in TIME-WAIT
	over
)

// openConn opens a client's next connection. The source port may be that of an
// earlier one, whose tuple then comes again.
func (w *World) openConn(c *client) {
	if len(w.conns) >= connsMax || c.at.device == nil {
		return
	}
	pl := c.plan
	port := c.base + uint16(c.dice.below(pl.ports))
	dst, dport := serverBase+packet.Addr4(pl.server), pl.port
	if w.plan.isIndependent(pl.tenant) {
		dst = serverBase + packet.Addr4(c.dice.below(servers)) // one port, towards anyone
	}
	if pl.proto == packet.ProtoICMP {
		dport = 0
	}
	t := packet.MakeTuple(vniBase+uint32(pl.tenant), pl.proto, c.at.addr, port, dst, dport)
	if old := c.at.conns[t]; old != nil {
		if old.state != lingering {
			w.later(c, 100*time.Millisecond) // another program's
			return
		}
		w.sometimes[TupleReused]++
		w.finish(old)
	}
	x := &conn{id: uint16(len(w.conns) + 1), client: c, inside: t, left: c.requests(), opened: w.now, excused: w.excusable()}
	if old := w.lastOf[t]; old != nil && pl.proto != packet.ProtoTCP {
		x.doubt = old.doubt
		if w.now-old.through > old.idleTimeout(w.plan)*rateSlack/100 {
			x.doubt = w.now + doubtMax
		}
	}
	w.conns = append(w.conns, x)
	x.liveSlot = len(w.live)
	w.live = append(w.live, x)
	c.at.conns[t] = x
	c.conn = x
	w.stats.opened++
	x.askedAt = w.now
	if pl.proto == packet.ProtoTCP {
		x.tcp = newTCPEnd(x.id, 0)
		w.emit(x, packet.TCPSyn, 0, 0)
		return
	}
	x.state = established
	w.ask(x)
}

// use sends the next request, or closes.
func (w *World) use(x *conn) {
	if x.state != established {
		return
	}
	if x.left <= 0 || x.tcp.full() {
		w.closeConn(x)
		return
	}
	x.left--
	if w.now-x.through > x.idleTimeout(w.plan)*rateSlack/100 {
		x.doubt = w.now + doubtMax
	}
	w.ask(x)
}

func (w *World) ask(x *conn) {
	x.asked++
	x.askedAt, x.tries, x.unlucky = w.now, 0, 0
	if x.inside.Proto() == packet.ProtoTCP {
		w.emit(x, packet.TCPAck|packet.TCPPsh, 8+x.client.dice.below(40), x.asked)
		return
	}
	w.sendRequest(x)
}

// gotAnswer notes the answer to request n.
func (w *World) gotAnswer(x *conn, n uint16) {
	if n != x.asked || x.answered == n {
		return
	}
	x.answered = n
	w.stats.answer(w.now - x.askedAt)
	x.askedAt = 0
	if x.inside.Proto() != packet.ProtoTCP {
		x.token++
		x.tries = 0
		// A flow of datagrams that was let off is whole again with its answer.
		x.excused = w.excusable()
	}
	w.later(x.client, w.thought(x))
}

// closeConn ends a connection in one of the ways there are.
func (w *World) closeConn(x *conn) {
	if x.inside.Proto() != packet.ProtoTCP {
		w.stats.closed++
		w.finish(x)
		return
	}
	x.closing = true
	if x.client.dice.below(5) == 0 {
		w.rawTCP(x, packet.TCPRst|packet.TCPAck, x.tcp.next, x.tcp.expect, 0, 0)
		w.stats.closed++
		w.finish(x)
		return
	}
	x.state = finishing
	w.emit(x, packet.TCPFin|packet.TCPAck, 0, 0)
}

// finish forgets a connection at its instance.
func (w *World) finish(x *conn) {
	if x.state == over {
		return
	}
	x.state = over
	x.token++
	delete(x.client.at.conns, x.inside)
	last := w.live[len(w.live)-1]
	w.live[x.liveSlot], last.liveSlot = last, x.liveSlot
	w.live = w.live[:len(w.live)-1]
	if x.client.conn == x {
		x.client.conn = nil
		w.later(x.client, x.client.dice.about(400*time.Millisecond))
	}
}

// idleTimeout is how long the gateway remembers the connection in silence.
func (x *conn) idleTimeout(p *Plan) time.Duration {
	switch x.inside.Proto() {
	case packet.ProtoUDP:
		return p.timeouts.udpIdle
	case packet.ProtoICMP:
		return p.timeouts.icmpIdle
	}
	switch {
	case x.closing:
		return p.timeouts.tcpClosing
	case x.state == opening:
		// An RST about an earlier connection on the tuple may have cut it short.
		return min(p.timeouts.tcpOpening, p.timeouts.tcpClosing)
	}
	return p.timeouts.tcpIdle
}

// mustLive reports whether the gateway still has to know the connection.
func (w *World) mustLive(x *conn) bool {
	return x.outside != (packet.Tuple{}) && !x.excused && x.doubt == 0 &&
		w.now-x.through < x.idleTimeout(w.plan)*rateSlack/100
}
