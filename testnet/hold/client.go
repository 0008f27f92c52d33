package hold

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// Options are what a Client holds.
type Options struct {
	From    []string     // namespaces that the connections are opened in, in turn; "": this one
	Servers []netip.Addr // addresses with a Server each, of any family
	TCP     int          // connections
	UDP     int          // flows
}

// Client holds connections. It is used by one goroutine.
type Client struct {
	options Options
	began   time.Time
	poll    *poller
	conns   []conn
	byFD    []int32 // index of the connection, by descriptor

	window, total tally
	windowBegun   time.Duration
	pace          pace
}

// Open opens every connection, uses each once, and returns when all of them
// were answered. With any error nothing stays open.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.TCP < 0 || o.UDP < 0 || o.TCP+o.UDP == 0 || o.TCP > ConnsMax || o.UDP > ConnsMax {
		return nil, fmt.Errorf("%d TCP connections and %d UDP flows: want 0 to %d of each, and one in all", o.TCP, o.UDP, ConnsMax)
	}
	c := &Client{options: o, began: time.Now(), conns: make([]conn, o.TCP+o.UDP)}
	runtime.LockOSThread() // until then the scheduler's moves would count as stalls
	defer runtime.UnlockOSThread()
	err := c.open(ctx)
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) open(ctx context.Context) (err error) {
	if c.poll, err = newPoller(); err != nil {
		return err
	}
	for i, ns := range c.options.From {
		if err := tun.InNetNS(ns, func() error { return c.sockets(i) }); err != nil {
			return err
		}
	}
	run := rand.Uint32()
	for i := range c.conns {
		c.conns[i].id = id{run, uint32(i)}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	return c.firstRound(ctx)
}

// sockets makes those of the connections that belong to the namespace at place
// first in the list, which the calling thread is in.
func (c *Client) sockets(first int) error {
	for i := first; i < len(c.conns); i += len(c.options.From) {
		x := &c.conns[i]
		kind := unix.SOCK_STREAM
		if x.udp = i >= c.options.TCP; x.udp {
			kind = unix.SOCK_DGRAM
		}
		x.busy = i < min(busyConns, c.options.TCP)
		fd, err := unix.Socket(family(c.remote(i).Addr()), kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("socket %d of %d (the limit of open files counts them): %w", i+1, len(c.conns), err)
		}
		for fd >= len(c.byFD) {
			c.byFD = append(c.byFD, -1)
		}
		x.fd, c.byFD[fd] = fd, int32(i)
		if !x.udp {
			tcpOptions(fd)
		}
	}
	return nil
}

// remote is the server's end of the connection at place i: those of each
// namespace go over all servers and ports.
func (c *Client) remote(i int) netip.AddrPort {
	if i >= c.options.TCP {
		i -= c.options.TCP
	}
	i /= len(c.options.From)
	servers := len(c.options.Servers)
	return netip.AddrPortFrom(c.options.Servers[i%servers], uint16(FirstPort+i/servers%Ports))
}

// now is the time since the client began.
func (c *Client) now() time.Duration { return time.Since(c.began) }

// Close closes every connection.
func (c *Client) Close() {
	for i := range c.conns {
		if c.conns[i].fd > 0 {
			unix.Close(c.conns[i].fd)
		}
		c.conns[i].fd = 0
	}
	if c.poll != nil {
		c.poll.close()
		c.poll = nil
	}
}
