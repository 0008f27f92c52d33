package hold

import (
	"errors"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// turn does what there is to do, and then waits a little for more.
//
//  1. take the answers
//  2. begin the exchanges that are due
//  3. repeat datagrams, give up on who waited too long
func (c *Client) turn() error {
	events, err := c.poll.wait(turnMax)
	if err != nil {
		return err
	}
	for _, e := range events {
		if i := c.byFD[e.Fd]; i >= 0 {
			c.receive(&c.conns[i])
		}
	}
	p, now := &c.pace, c.now()
	for range p.count(now) {
		c.begin(&c.conns[p.take()])
	}
	if now >= p.busyAt {
		for i := range p.busy {
			c.begin(&c.conns[i])
		}
		p.busyAt = max(now, p.busyAt+busyEvery)
	}
	if now >= p.resendAt {
		c.resend()
		p.resendAt = now + resendEvery
	}
	if now >= p.expireAt {
		c.expire()
		p.expireAt = now + expireEvery
	}
	return nil
}

// begin sends a new request on a connection that waits for none.
func (c *Client) begin(x *conn) {
	if x.state != connIdle {
		return
	}
	x.seq++
	x.token = rand.Uint64()
	x.state = connWaiting
	x.begun = c.now()
	c.send(x)
}

func (c *Client) send(x *conn) {
	x.sent = c.now()
	var b [recordBytes]byte
	record{id: x.id, seq: x.seq, token: x.token}.put(b[:])
	n, err := unix.Write(x.fd, b[:])
	if x.udp {
		return // lost, or it tells of an error for an earlier one: it is repeated
	}
	if err != nil || n != recordBytes {
		c.broke(x, causeOf(err))
	}
}

// receive takes what has come on a connection.
func (c *Client) receive(x *conn) {
	n, err := unix.Read(x.fd, x.buf[x.have:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR || x.state == connBroken:
		return
	case x.udp && (err != nil || n != recordBytes):
		return // an ICMP error says nothing for sure, and it is sent again
	case err != nil:
		c.broke(x, causeOf(err))
		return
	case n == 0:
		c.broke(x, causeEnd)
		return
	}
	if x.have += n; x.have < recordBytes {
		return
	}
	x.have = 0
	c.answered(x, parseRecord(x.buf[:]))
}

func causeOf(err error) cause {
	switch {
	case errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE):
		return causeReset
	case errors.Is(err, unix.ETIMEDOUT):
		return causeSilence
	}
	return causeError
}

// answered acts on an answer.
func (c *Client) answered(x *conn, r record) {
	switch x.judge(r) {
	case exact:
		x.waited(c.now(), c.windowBegun)
		x.state, x.seen, x.heard = connIdle, r.seen, x.begun
		c.window.exchanges++
		c.total.exchanges++
	case misdelivery:
		c.broke(x, causeForeign)
	case garbled:
		c.broke(x, causeGarbled)
	case renamed:
		c.broke(x, causeRenamed)
	case late:
	}
}

// broke closes a connection for good.
func (c *Client) broke(x *conn, why cause) {
	c.byFD[x.fd] = -1
	unix.Close(x.fd)
	x.fd, x.state = 0, connBroken
	c.window.broke(why)
	c.total.broke(why)
}

// resend repeats datagrams that are not answered.
func (c *Client) resend() {
	now := c.now()
	for i := c.options.TCP; i < len(c.conns); i++ {
		if x := &c.conns[i]; x.state == connWaiting && now-x.sent >= resendAfter {
			c.window.resent++
			c.total.resent++
			c.send(x)
		}
	}
}

// expire gives up on connections that wait for an answer too long.
func (c *Client) expire() {
	now := c.now()
	for i := range c.conns {
		if x := &c.conns[i]; x.state == connWaiting && now-x.begun >= answerWaitMax {
			c.broke(x, causeSilence)
		}
	}
}
