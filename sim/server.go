package sim

import (
	"time"

	"hyperplane/packet"
)

// serverConn is the server's side of a TCP connection. Servers are never lost.
type serverConn struct {
	conn   *conn
	tuple  packet.Tuple // as the internet sees the client's packets
	tcp    tcpEnd
	open   bool // the handshake is over
	closed bool
	token  int32
	finish bool // it closes first, after its next answer
}

// serverSegment is the server's side of everything that arrives from x by tuple.
func (w *World) serverSegment(x *conn, tuple packet.Tuple, h packet.TCP) {
	s := w.serving[tuple]
	f := h.Flags()
	switch {
	case f&(packet.TCPSyn|packet.TCPAck|packet.TCPRst) == packet.TCPSyn:
		w.serverSYN(s, x, tuple, h)
		return
	case s == nil || s.closed && s.conn != x: // of a connection that is not known here
		if f&packet.TCPRst == 0 {
			w.stats.serverResets++
			w.rawReply(x, tuple, packet.TCPRst, h.Ack(), 0, 0, 0)
		}
		return
	case f&packet.TCPRst != 0:
		if h.Seq() == s.tcp.expect {
			w.serverDone(s)
		}
		return
	case s.conn != x: // a stray of another connection (RFC 9293, section 3.10.7.4)
		w.rawReply(s.conn, tuple, packet.TCPAck, s.tcp.next, s.tcp.expect, 0, 0)
		return
	}
	e := &s.tcp
	if e.acked(h.Ack()) {
		s.token++
		s.open = true
	}
	size := uint32(len(h.Payload()))
	if h.Seq() != e.expect {
		if size > 0 || f&packet.TCPFin != 0 {
			w.rawReply(x, tuple, packet.TCPAck, e.next, e.expect, 0, 0)
		}
		return
	}
	e.expect += size
	if f&packet.TCPFin != 0 {
		e.expect++
		e.finIn, x.closing = true, true
	}
	switch {
	case e.flags != 0: // the answer under way carries the acknowledgment too
		if size > 0 || f&packet.TCPFin != 0 {
			w.rawReply(x, tuple, packet.TCPAck, e.next, e.expect, 0, 0)
		}
	case size >= requestLen && !e.finOut:
		n := requestNumber(h.Payload())
		w.serverEmit(s, packet.TCPAck|packet.TCPPsh, 8+int(n*37%120), n)
	case e.finIn && !e.finOut:
		w.serverEmit(s, packet.TCPFin|packet.TCPAck, 0, 0)
	case f&packet.TCPFin != 0:
		w.rawReply(x, tuple, packet.TCPAck, e.next, e.expect, 0, 0)
	}
	if !e.finIn && !e.finOut && e.flags == 0 && s.finish && x.answered > 2 {
		x.closing = true
		w.serverEmit(s, packet.TCPFin|packet.TCPAck, 0, 0)
	}
	if e.finIn && e.finOut {
		s.closed = true
	}
}

// serverSYN: a new connection, a copy of its first segment, or one on a tuple
// whose last connection has not been closed here.
func (w *World) serverSYN(s *serverConn, x *conn, tuple packet.Tuple, h packet.TCP) {
	switch {
	case s == nil || s.closed && h.Seq() != s.tcp.expect-1 && s.conn != x:
		s = &serverConn{conn: x, tuple: tuple, tcp: newTCPEnd(x.id, 1)}
		s.finish = w.serverDice.below(12) == 0
		x.peer = s
		w.serving[tuple] = s
		s.tcp.expect = h.Seq() + 1
		w.serverEmit(s, packet.TCPSyn|packet.TCPAck, 0, 0)
	case s.conn == x && !s.open:
		w.serverAgain(s)
	case !s.closed:
		w.rawReply(s.conn, tuple, packet.TCPAck, s.tcp.next, s.tcp.expect, 0, 0) // RFC 5961, section 4.2
	}
}

func (w *World) serverEmit(s *serverConn, flags uint8, size int, n uint16) {
	s.tcp.begin(flags, size, n)
	w.serverAgain(s)
}

func (w *World) serverAgain(s *serverConn) {
	e := &s.tcp
	w.rawReply(s.conn, s.tuple, e.flags, e.unack, e.expect, e.size, e.n)
	s.token++
	w.events.push(w.now+e.rto(), evServer, int32(s.conn.id), s.token)
}

// serverTimer sends again what was not acknowledged, and gives up in the end.
func (w *World) serverTimer(x *conn, token int32) {
	s := x.peer
	if s == nil || s.token != token || s.tcp.flags == 0 {
		return
	}
	if s.tcp.tries++; s.tcp.tries > triesMax {
		w.serverDone(s)
		return
	}
	w.serverAgain(s)
}

func (w *World) serverDone(s *serverConn) {
	s.token++
	s.closed = true
	s.tcp.flags = 0
	if w.serving[s.tuple] == s {
		delete(w.serving, s.tuple)
	}
}

// internetDelay is the way between an edge and a server.
func (w *World) internetDelay() time.Duration {
	return 2*time.Millisecond + w.internetDice.between(0, 3*time.Millisecond)
}
