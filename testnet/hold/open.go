package hold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// connect opens the connections, some at a time.
func (c *Client) connect(ctx context.Context) error {
	opened, opening, next := 0, 0, 0
	for opened < len(c.conns) {
		for ; opening < connectingMax && next < len(c.conns); next++ {
			x := &c.conns[next]
			err := unix.Connect(x.fd, sockaddr(c.remote(next)))
			if err != nil && !errors.Is(err, unix.EINPROGRESS) {
				return fmt.Errorf("connection %d of %d to %s: %w", next+1, len(c.conns), c.remote(next), err)
			}
			x.state = connOpening
			opening++
			if err := c.poll.add(x.fd, unix.EPOLLOUT); err != nil {
				return err
			}
		}
		events, err := c.poll.wait(turnMax)
		if err != nil {
			return err
		}
		for _, e := range events {
			i := c.byFD[e.Fd]
			if err := c.opened(&c.conns[i]); err != nil {
				return fmt.Errorf("connection %d of %d to %s: %w", i+1, len(c.conns), c.remote(int(i)), err)
			}
			opening--
			opened++
		}
		if err := c.late(ctx, "open", len(c.conns)-opened); err != nil {
			return err
		}
	}
	return nil
}

// opened asks a socket how its connecting went.
func (c *Client) opened(x *conn) error {
	code, err := unix.GetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		return err
	}
	x.state = connIdle
	return c.poll.change(x.fd, unix.EPOLLIN)
}

// firstRound uses every connection once, so that each is known to work and to
// be whose it says.
func (c *Client) firstRound(ctx context.Context) error {
	c.pace = newPace(c.conns, c.now())
	for {
		if err := c.turn(); err != nil {
			return err
		}
		left := c.unheardSince(1)
		if n := c.total.broken(); n > 0 {
			return fmt.Errorf("%d of %d connections broke at their first use: %v", n, len(c.conns), c.total.causes)
		}
		if left == 0 {
			c.mark() // what opening cost is not part of any window
			c.total = tally{}
			for i := range c.conns {
				c.conns[i].stalls = [2]time.Duration{}
			}
			return nil
		}
		if err := c.late(ctx, "be answered for the first time", left); err != nil {
			return err
		}
	}
}

// late returns an error when opening takes too long.
func (c *Client) late(ctx context.Context, what string, left int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.now() > openWaitMax {
		return fmt.Errorf("%d of %d connections did not %s within %v", left, len(c.conns), what, openWaitMax)
	}
	return nil
}

// unheardSince counts the connections that are not broken and have no answer
// to an exchange begun at or after a time.
func (c *Client) unheardSince(t time.Duration) (n int) {
	for i := range c.conns {
		if x := &c.conns[i]; x.state != connBroken && x.heard < t {
			n++
		}
	}
	return n
}
