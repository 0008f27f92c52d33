package hold

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Server answers on all ports of an address.
type Server struct {
	poll    *poller
	wake    int // an eventfd: Run is to look whether it shall end
	ends    []serverEnd
	streams int // open connections
	flows   int // UDP flows that are remembered
}

// serverEnd is what a descriptor is; the list of them is indexed by it.
type serverEnd struct {
	kind   endKind
	peer   netip.AddrPort // of a connection
	stream stream
	flows  map[netip.AddrPort]id // of a UDP port: whose data comes from where
}

type endKind uint8

const (
	endNone endKind = iota
	endListener
	endStream
	endDatagrams
)

// Listen opens the ports of an address, in the namespace of the calling thread.
func Listen(address netip.Addr) (_ *Server, err error) {
	s := &Server{}
	if s.poll, err = newPoller(); err != nil {
		return nil, err
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = s.poll.add(s.wake, unix.EPOLLIN)
	}
	for i := 0; i < Ports && err == nil; i++ {
		at := netip.AddrPortFrom(address, uint16(FirstPort+i))
		if err = s.open(at, unix.SOCK_STREAM, endListener); err == nil {
			err = s.open(at, unix.SOCK_DGRAM, endDatagrams)
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open opens one port.
func (s *Server) open(at netip.AddrPort, kind int, is endKind) error {
	fd, err := unix.Socket(family(at.Addr()), kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	e := s.end(fd)
	e.kind = is
	if is == endDatagrams {
		e.flows = map[netip.AddrPort]id{}
	} else if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if is == endListener {
		if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return s.poll.add(fd, unix.EPOLLIN)
}

// end is the place of a descriptor in the list.
func (s *Server) end(fd int) *serverEnd {
	for fd >= len(s.ends) {
		s.ends = append(s.ends, serverEnd{})
	}
	return &s.ends[fd]
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer stop()
	for ctx.Err() == nil {
		events, err := s.poll.wait(-1)
		if err != nil {
			return err
		}
		for _, e := range events {
			fd := int(e.Fd)
			if fd == s.wake {
				continue
			}
			switch s.ends[fd].kind {
			case endListener:
				s.accept(fd)
			case endStream:
				s.serveStream(fd)
			case endDatagrams:
				s.serveDatagrams(fd)
			}
		}
	}
	return nil
}

// Close closes the ports and every connection. Run must have returned.
func (s *Server) Close() {
	for fd := range s.ends {
		if s.ends[fd].kind != endNone {
			unix.Close(fd)
		}
	}
	s.ends = nil
	unix.Close(s.wake)
	s.poll.close()
}

func (s *Server) accept(port int) {
	for range acceptsMax {
		fd, from, err := unix.Accept4(port, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			time.Sleep(turnMax) // it stays in the list: look again, but not at once
			return
		}
		if err != nil {
			return // none left
		}
		if s.streams >= servedMax || s.poll.add(fd, unix.EPOLLIN) != nil {
			unix.Close(fd)
			continue
		}
		tcpOptions(fd)
		s.streams++
		*s.end(fd) = serverEnd{kind: endStream, peer: addrPort(from)}
	}
}
