package hold

import (
	"net/netip"
	"time"
)

// conn is one connection or flow of a client. Times are since the client began.
type conn struct {
	fd    int
	udp   bool
	busy  bool
	state connState

	id    id
	seq   uint64         // of the exchange under way, or the last one
	token uint64         // and what it carries
	seen  netip.AddrPort // who it is to the server; set by the first answer

	begun  time.Duration // when that exchange was first sent
	sent   time.Duration // and when it was last sent
	heard  time.Duration // when the last exchange that was answered had begun
	stalls [2]time.Duration
	have   int // bytes of an answer that have come
	buf    [recordBytes]byte
}

// The stalls that a connection keeps: the longest of the window, and of all.
const (
	inWindow = iota
	inTotal
)

type connState uint8

const (
	connUnopened connState = iota
	connOpening
	connIdle
	connWaiting
	connBroken
)

// verdict is what an answer is.
type verdict uint8

const (
	exact       verdict = iota
	late                // of a datagram that was sent again; changes nothing
	misdelivery         // another connection's, or the server had data of another
	garbled             // this connection's, but not what was asked
	renamed             // the server sees this connection come from elsewhere
)

// judge compares an answer with what was asked.
func (c *conn) judge(r record) verdict {
	switch {
	case r.id != c.id || r.foreign:
		return misdelivery
	case c.udp && (r.seq < c.seq || r.seq == c.seq && c.state != connWaiting):
		return late
	case r.seq != c.seq || r.token != c.token || c.state != connWaiting:
		return garbled
	case c.seen.IsValid() && r.seen != c.seen:
		return renamed
	}
	return exact
}

// waited adds what the connection has waited for an answer to its stalls. A
// window counts only the part that lies in it.
func (c *conn) waited(now, windowBegun time.Duration) {
	c.stalls[inWindow] = max(c.stalls[inWindow], now-max(c.begun, windowBegun))
	c.stalls[inTotal] = max(c.stalls[inTotal], now-c.begun)
}

// cause is why a connection broke.
type cause string

const (
	causeReset   cause = "reset"
	causeEnd     cause = "end of stream"
	causeError   cause = "error"
	causeSilence cause = "no answer in 30 s"
	causeGarbled cause = "wrong answer"
	causeRenamed cause = "seen from another address or port"
	causeForeign cause = "misdelivered"
)
