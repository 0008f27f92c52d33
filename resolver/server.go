package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// The way of a query:
//
//	1. receive   ServeUDP, ServeTCP
//	2. admit     served? within its rate? well-formed? room for one more?
//	3. resolve   ask upstream what the Lookup wants to know, until it answers
//	4. send      cut to the client's size by UDP

// Settings says of a client whether it is served at all, and how answers are made
// for it. It is called for each query, by several goroutines at once.
type Settings func(client netip.Addr) (d DNS64, served bool)

// Server answers queries of one VPC's instances (addresses are only unique within
// one), by as many sockets as it is given.
type Server struct {
	upstreams []netip.AddrPort
	settings  Settings
	own       []netip.Addr // of upstreams
	times     times
	start     time.Time

	slots   chan struct{} // one for each query that is being answered
	limiter limiter
	count   counters

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // of everything that Close waits for

	mu     sync.Mutex // guards what follows; held for no call that waits, and nothing is locked under it
	closed bool
	open   map[io.Closer]struct{}
	conns  map[netip.Addr]int // by client
	total  int                // of conns
}

// times are limits that tests shorten.
type times struct{ query, try, idle time.Duration }

// New returns a Server that asks these upstreams, in their order. What they send
// as clients is refused, so that a resolver that is set to ask itself, or one that
// asks it, cannot go round: no query comes from a server that was asked.
func New(upstreams []netip.AddrPort, settings Settings) (*Server, error) {
	if settings == nil {
		return nil, errors.New("resolver: no settings")
	}
	if n := len(upstreams); n == 0 || n > upstreamsMax {
		return nil, fmt.Errorf("resolver: %d upstreams, want 1 to %d", n, upstreamsMax)
	}
	for _, u := range upstreams {
		if !u.IsValid() || u.Port() == 0 || u.Addr().IsUnspecified() || u.Addr().IsMulticast() {
			return nil, fmt.Errorf("resolver: upstream %v is no server's address", u)
		}
	}
	s := &Server{
		upstreams: slices.Clone(upstreams),
		settings:  settings,
		times:     times{queryTimeMax, tryTimeMax, idleTimeMax},
		start:     time.Now(),
		slots:     make(chan struct{}, queriesMax),
		open:      map[io.Closer]struct{}{},
		conns:     map[netip.Addr]int{},
	}
	for _, u := range upstreams {
		s.own = append(s.own, plain(u.Addr()))
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close closes all sockets and connections, and returns when nothing of the Server
// runs any more. Serve calls return nil.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.stop()
	for c := range s.open {
		_ = c.Close() // its reader sees it
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// hold registers what Close has to close, and counts its reader. It closes c itself if
// the Server is closed.
func (s *Server) hold(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.open[c] = struct{}{}
	s.wg.Add(1)
	return true
}

// release is for the reader's end.
func (s *Server) release(c io.Closer) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	_ = c.Close()
	s.wg.Done()
}

// pause waits after an error of a socket. It returns false if the reader has to end:
// the socket was closed, or there were too many errors in a row.
func (s *Server) pause(err error, inRow int) bool {
	if errors.Is(err, net.ErrClosed) || s.ctx.Err() != nil {
		return false
	}
	s.count.socketErrors.Add(1)
	if inRow >= socketErrorsMax {
		return false
	}
	select {
	case <-time.After(socketPause):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// ended is what a Serve call returns.
func (s *Server) ended(err error) error {
	if errors.Is(err, net.ErrClosed) || s.ctx.Err() != nil {
		return nil
	}
	return err
}

// admit decides about one message of a client. It returns a Lookup, for which a
// slot is taken, or what to answer at once, or neither: it is not answered.
func (s *Server) admit(client netip.Addr, raw []byte) (l *Lookup, query, answer *dns.Msg) {
	d, served := s.settingsOf(client)
	if served && !s.limiter.allow(client, time.Since(s.start)) {
		s.count.limited.Add(1)
		return nil, nil, nil
	}
	query, answer = parse(raw)
	switch {
	case query == nil && answer == nil:
		s.count.discarded.Add(1)
		return nil, nil, nil
	case !served && query == nil:
		s.count.strangers.Add(1)
		answer.Rcode = dns.RcodeRefused
		return nil, nil, answer
	case !served:
		s.count.strangers.Add(1)
		return nil, query, refuse(query, dns.RcodeRefused)
	case answer != nil && answer.Rcode == dns.RcodeFormatError:
		s.count.malformed.Add(1)
		return nil, nil, answer
	case answer != nil:
		s.count.unsupported.Add(1)
		return nil, nil, answer
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.count.overloaded.Add(1)
		return nil, query, refuse(query, dns.RcodeServerFailure)
	}
	l, _ = d.Begin(query) // parse has found no fault
	return l, query, nil
}

func (s *Server) settingsOf(client netip.Addr) (d DNS64, served bool) {
	if slices.Contains(s.own, client) {
		return DNS64{}, false
	}
	return s.settings(client)
}

// resolve brings an admitted query to its answer, and gives its slot back.
func (s *Server) resolve(l *Lookup) *dns.Msg {
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeout(s.ctx, s.times.query)
	defer cancel()
	for first := 0; ; {
		said := s.ask(ctx, l, &first)
		answer := l.Take(said)
		if answer == nil {
			continue // at most questionsMax times
		}
		if said == nil {
			s.count.failed.Add(1)
		} else {
			s.count.answered.Add(1)
		}
		s.count.synthesised.Add(uint64(l.Synthesised()))
		return answer
	}
}

// plain is a client's address without what depends on the socket.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
