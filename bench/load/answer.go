package load

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// AnswerConfig says where the server listens, for TCP and UDP alike.
type AnswerConfig struct {
	Listen netip.AddrPort `json:"listen"`
	Limit  time.Duration  `json:"limit"` // ends by itself after this
}

// AnswerResult is what was answered.
type AnswerResult struct {
	Accepted uint64 `json:"accepted"`
	Refused  uint64 `json:"refused"` // more than answerConnsMax were open
	Echoed   uint64 `json:"echoed"`  // datagrams
}

// Answer replies to the first bytes of each connection with one byte and to
// each datagram with itself, until ctx is done.
func Answer(ctx context.Context, c AnswerConfig, ready func()) (AnswerResult, error) {
	if err := bounded("limit", c.Limit); err != nil {
		return AnswerResult{}, err
	}
	s, err := listenAnswer(c.Listen)
	if err != nil {
		return AnswerResult{}, err
	}
	defer s.close()
	ready()
	err = onThread(func() error { return s.run(ctx, c.Limit) })
	return s.result, err
}

type answerer struct {
	ep, tcp, udp int
	open         map[int]struct{}
	result       AnswerResult
	buf          [packetBytesMax]byte
}

func listenAnswer(listen netip.AddrPort) (s *answerer, err error) {
	s = &answerer{ep: -1, tcp: -1, udp: -1, open: make(map[int]struct{})}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	sa, err := sockaddr(listen)
	if err != nil {
		return nil, err
	}
	if s.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if s.udp, err = udpBound(listen, unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, err
	}
	if s.tcp, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err = unix.SetsockoptInt(s.tcp, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return nil, fmt.Errorf("SO_REUSEADDR: %w", err)
	}
	if err = unix.Bind(s.tcp, sa); err != nil {
		return nil, fmt.Errorf("bind %v: %w", listen, err)
	}
	// The kernel lowers the backlog to net.core.somaxconn.
	if err = unix.Listen(s.tcp, inFlightMax); err != nil {
		return nil, fmt.Errorf("listen %v: %w", listen, err)
	}
	for _, fd := range []int{s.tcp, s.udp} {
		if err = s.watch(fd); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *answerer) watch(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (s *answerer) run(ctx context.Context, limit time.Duration) error {
	events := make([]unix.EpollEvent, 256)
	end := now() + limit
	for ctx.Err() == nil && now() < end {
		n, err := unix.EpollWait(s.ep, events, int(pollEvery/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			switch fd := int(events[i].Fd); fd {
			case s.tcp:
				err = s.accept()
			case s.udp:
				s.echo()
			default:
				s.reply(fd)
			}
			if err != nil && err != unix.EINTR {
				return err
			}
		}
	}
	return nil
}

// accept takes the connections that wait.
func (s *answerer) accept() error {
	for range batchPackets {
		fd, _, err := unix.Accept4(s.tcp, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EAGAIN, unix.EINTR, unix.ECONNABORTED:
			return nil
		default:
			return fmt.Errorf("accept: %w", err)
		}
		if len(s.open) >= answerConnsMax {
			unix.Close(fd)
			s.result.Refused++
			continue
		}
		s.open[fd] = struct{}{}
		s.result.Accepted++
		if err := s.watch(fd); err != nil {
			return err
		}
	}
	return nil
}

// reply answers a connection that sent something and closes one that ended.
func (s *answerer) reply(fd int) {
	n, err := unix.Read(fd, s.buf[:])
	if n > 0 {
		_, err = unix.Write(fd, s.buf[:1])
	}
	if n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR {
		unix.Close(fd)
		delete(s.open, fd)
	}
}

// echo sends back the datagrams that wait.
func (s *answerer) echo() {
	for range batchPackets {
		n, from, err := unix.Recvfrom(s.udp, s.buf[:], 0)
		if err != nil {
			return // EAGAIN, or an ICMP error about an echo
		}
		if unix.Sendto(s.udp, s.buf[:n], 0, from) == nil {
			s.result.Echoed++
		}
	}
}

func (s *answerer) close() {
	for fd := range s.open {
		unix.Close(fd)
	}
	for _, fd := range []int{s.tcp, s.udp, s.ep} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
