package load

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ConnectConfig says where to and how many connections are under way at once.
type ConnectConfig struct {
	To       netip.AddrPort `json:"to"`
	InFlight int            `json:"in_flight"`
	For      time.Duration  `json:"for"`
}

// ConnectResult is what became of the connections.
type ConnectResult struct {
	Completed uint64        `json:"completed"` // opened, one byte each way
	Failed    uint64        `json:"failed"`    // refused, reset, no local port
	TimedOut  uint64        `json:"timed_out"` // not answered within connectTimeout
	Took      time.Duration `json:"took"`
}

// Connect opens connections in a closed loop: as one ends, the next begins.
func Connect(ctx context.Context, c ConnectConfig, _ func()) (r ConnectResult, err error) {
	if err := bounded("for", c.For); err != nil {
		return r, err
	}
	if c.InFlight < 1 || c.InFlight > inFlightMax {
		return r, fmt.Errorf("in_flight is %d, allowed is 1 to %d", c.InFlight, inFlightMax)
	}
	to, err := sockaddr(c.To)
	if err != nil {
		return r, err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return r, fmt.Errorf("epoll: %w", err)
	}
	defer unix.Close(ep)
	o := opener{ep: ep, to: to, slots: make([]slot, c.InFlight)}
	for i := range o.slots {
		o.slots[i].fd = -1
	}
	defer o.closeAll()
	err = onThread(func() error { return o.run(ctx, c.For) })
	return o.result, err
}

// slot is one of the connections under way.
//
//	empty ──socket, connect──▶ connecting ──writable: send 1 byte──▶ asked ──1 byte──▶ empty
type slot struct {
	fd    int // -1: empty
	asked bool
	since time.Duration
}

type opener struct {
	ep     int
	to     *unix.SockaddrInet4
	slots  []slot
	result ConnectResult
}

func (o *opener) run(ctx context.Context, d time.Duration) error {
	events := make([]unix.EpollEvent, 256)
	start := now()
	nextSweep := start + connectTimeout
	for {
		at := now()
		o.result.Took = at - start
		if at-start >= d || ctx.Err() != nil {
			return nil
		}
		if at >= nextSweep {
			o.sweep(at)
			nextSweep = at + connectTimeout/10
		}
		if err := o.fill(at); err != nil {
			return err
		}
		n, err := unix.EpollWait(o.ep, events, int(min(pollEvery, start+d-at)/time.Millisecond)+1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			o.handle(int(events[i].Fd), events[i].Events)
		}
	}
}

// fill begins a connection in every empty slot.
func (o *opener) fill(at time.Duration) error {
	for i := range o.slots {
		s := &o.slots[i]
		if s.fd >= 0 {
			continue
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		*s = slot{fd: fd, since: at}
		// Lingering zero seconds makes close send RST.
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return fmt.Errorf("SO_LINGER: %w", err)
		}
		if err := unix.Connect(fd, o.to); err != nil && err != unix.EINPROGRESS {
			o.end(s)
			o.result.Failed++
			return nil // no local port, most likely: wait for events before the next try
		}
		// Edge-triggered, so that one registration serves both steps. The
		// event carries the slot's number in the place of the descriptor.
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET, Fd: int32(i)}
		if err := unix.EpollCtl(o.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

// handle moves one connection on.
func (o *opener) handle(i int, events uint32) {
	s := &o.slots[i]
	if s.fd < 0 {
		return
	}
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		o.end(s)
		o.result.Failed++
		return
	}
	var one [1]byte
	if !s.asked && events&unix.EPOLLOUT != 0 {
		if _, err := unix.Write(s.fd, one[:]); err != nil {
			o.end(s)
			o.result.Failed++
			return
		}
		s.asked = true
	}
	if events&unix.EPOLLIN == 0 {
		return
	}
	switch n, err := unix.Read(s.fd, one[:]); {
	case n == 1:
		o.end(s)
		o.result.Completed++
	case err == unix.EAGAIN || err == unix.EINTR:
	default:
		o.end(s)
		o.result.Failed++
	}
}

// sweep gives up connections that nobody answered.
func (o *opener) sweep(at time.Duration) {
	for i := range o.slots {
		if s := &o.slots[i]; s.fd >= 0 && at-s.since > connectTimeout {
			o.end(s)
			o.result.TimedOut++
		}
	}
}

func (o *opener) end(s *slot) {
	unix.Close(s.fd)
	s.fd = -1
}

func (o *opener) closeAll() {
	for i := range o.slots {
		if o.slots[i].fd >= 0 {
			o.end(&o.slots[i])
		}
	}
}
