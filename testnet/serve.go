package testnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"hyperplane/telemetry"
	"hyperplane/testnet/hold"
)

// ServeOptions are what an internet host or a service needs.
type ServeOptions struct {
	Name     string   // of the part in the topology
	Topology string   // path of the topology file
	Admin    []string // addresses for /healthz, as telemetry.Admin takes them
}

// Serve is an internet host, or a service on the underlay: HTTP on 80, echo on 7
// (UDP and TCP), DNS on 53 (both), the far end of hold's connections from 10000
// on (both) and, where iperf3 is installed, iperf3 on 5201; all of them at the
// part's IPv4 address and at its IPv6 address, if it has one. It runs in the
// namespace it was started in, until ctx ends.
func Serve(ctx context.Context, o ServeOptions) error {
	t, err := LoadTopology(o.Topology)
	if err != nil {
		return err
	}
	self, err := t.find(o.Name, "internet host or service", func(p Part) bool { return p.Role.serves() })
	if err != nil {
		return err
	}
	stop := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	raiseFileLimit()
	s := &server{name: o.Name, hosts: t.Hosts, ctx: ctx, fail: cancel}
	defer s.wg.Wait()
	defer cancel(nil) // before waiting

	admin := telemetry.NewAdmin(prometheus.NewRegistry(), func(context.Context) error { return context.Cause(ctx) })
	for _, a := range o.Admin {
		if err := admin.Listen(a); err != nil {
			return err
		}
	}
	s.goes("admin", func() error { return admin.Serve(ctx) })
	for _, a := range []netip.Addr{self.Address, self.Address6} {
		if !a.IsValid() {
			continue
		}
		if err := s.listen(a); err != nil {
			return err
		}
	}
	s.iperf()
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return fmt.Errorf("ready notification: %w", err)
	}
	<-ctx.Done()
	if stop.Err() != nil {
		return nil // as asked, by a signal say, which would be the cause
	}
	return context.Cause(ctx) // a server failed
}

// server is the set of servers of one part. The first that fails ends all.
type server struct {
	name  string
	hosts []Host // those that have a name
	ctx   context.Context
	fail  context.CancelCauseFunc
	wg    sync.WaitGroup
}

// goes runs one server until ctx ends.
func (s *server) goes(what string, f func() error) {
	s.wg.Go(func() {
		if err := f(); err != nil && s.ctx.Err() == nil {
			s.fail(fmt.Errorf("%s: %w", what, err))
		}
	})
}

// listen opens every port of an address before anything is called ready.
func (s *server) listen(a netip.Addr) error {
	tcp := func(port uint16) (net.Listener, error) {
		l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", netip.AddrPortFrom(a, port).String())
		if err == nil {
			context.AfterFunc(s.ctx, func() { l.Close() })
		}
		return l, err
	}
	udp := func(port uint16) (*net.UDPConn, error) {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
		if err == nil {
			enlarge(c)
			context.AfterFunc(s.ctx, func() { c.Close() })
		}
		return c, err
	}
	web, err := tcp(80)
	if err != nil {
		return err
	}
	s.goes("http", func() error { return s.http(web) })
	echo, err := tcp(7)
	if err != nil {
		return err
	}
	s.goes("echo over TCP", func() error { return s.echoTCP(echo) })
	datagrams, err := udp(7)
	if err != nil {
		return err
	}
	s.goes("echo over UDP", func() error { return s.echoUDP(datagrams) })
	names, err := udp(53)
	if err != nil {
		return err
	}
	s.goes("DNS over UDP", func() error { return s.dnsUDP(names) })
	namesTCP, err := tcp(53)
	if err != nil {
		return err
	}
	s.goes("DNS over TCP", func() error { return s.dnsTCP(namesTCP) })
	held, err := hold.Listen(a)
	if err != nil {
		return err
	}
	s.goes("hold", func() error {
		defer held.Close()
		return held.Run(s.ctx)
	})
	return nil
}

// raiseFileLimit makes room for one descriptor per echoed connection. Without
// the right to do so the host serves fewer.
func raiseFileLimit() {
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: filesMax, Max: filesMax})
}

// enlarge asks for a large socket buffer, beyond the system's limit if allowed.
func enlarge(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for _, opt := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
			if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, opt, socketBufferBytes); err != nil {
				fmt.Fprintf(os.Stderr, "socket buffer: %v\n", err)
			}
		}
	})
}
