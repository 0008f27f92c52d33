package demo

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// opener runs a function where a task's sockets are to be opened: inside a
// namespace, on a thread of its own. Sockets stay there; the rest of the
// driver runs anywhere.
type opener func(func() error) error

// driver is one task at work.
type driver struct {
	task  Task
	meter *Meter
	open  opener
	ports ports
}

// ports are the servers' ports; tests use others.
type ports struct{ http, dns uint16 }

var wellKnown = ports{http: 80, dns: 53}

// run drives the task until ctx ends.
func (d *driver) run(ctx context.Context) {
	once := map[Kind]func(context.Context) error{
		Page: d.pages, Ping: d.pings, Name: d.names, Download: d.downloads, Upload: d.uploads,
	}[d.task.Kind]
	for ctx.Err() == nil {
		if err := once(ctx); err != nil && ctx.Err() == nil {
			d.meter.fail(err)
			pause(ctx, retryEvery)
		}
	}
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// tcp opens a connection from the task's port. It is closed when ctx ends.
func (d *driver) tcp(ctx context.Context) (conn *net.TCPConn, err error) {
	dialer := net.Dialer{
		Timeout:   dialWaitMax,
		LocalAddr: &net.TCPAddr{Port: int(d.task.Local)},
		Control:   reusable,
		KeepAlive: -1,
	}
	to := netip.AddrPortFrom(d.task.Host.Address, d.ports.http).String()
	err = d.open(func() error {
		c, err := dialer.DialContext(ctx, "tcp4", to)
		if err == nil {
			conn = c.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// Closed with a reset: the same port must be free at once for the next
	// connection to the same server, without a TIME-WAIT in between.
	_ = conn.SetLinger(0)
	return conn, nil
}

// reusable lets several connections to different servers use one local port.
func reusable(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if err != nil {
		return err
	}
	return failed
}

// closedWith closes c when ctx ends, so that reads and writes end, too. The
// caller calls the result when it is done with c.
func closedWith(ctx context.Context, c net.Conn) (done func()) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	return func() { stop(); c.Close() }
}

func addr4(a netip.Addr) (packet.Addr4, bool) { return packet.AddrFrom(a) }
