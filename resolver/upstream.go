package resolver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ask puts a Lookup's question to the upstreams, one after the other, beginning
// with the first-th: the one that answered this query's last question. Whatever an
// upstream answers is the answer. It returns nil if none did in time.
func (s *Server) ask(ctx context.Context, l *Lookup, first *int) *dns.Msg {
	m := l.Ask()
	until, _ := ctx.Deadline()
	share := time.Until(until) / time.Duration(l.Left()) // of the questions that may come
	each := min(s.times.try, share/time.Duration(len(s.upstreams)))
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	for i := range roundsMax * len(s.upstreams) {
		at := (*first + i) % len(s.upstreams)
		if ctx.Err() != nil {
			return nil
		}
		if answer := s.try(ctx, each, s.upstreams[at], m); answer != nil {
			*first = at
			return answer
		}
	}
	return nil
}

// try asks one upstream by UDP, and by TCP if its answer did not fit.
func (s *Server) try(ctx context.Context, each time.Duration, to netip.AddrPort, m *dns.Msg) *dns.Msg {
	answer := s.exchange(ctx, each, "udp", to, m)
	if answer != nil && answer.Truncated {
		// RFC 2181, section 9: what fitted is ignored, and asked again by TCP.
		answer = s.exchange(ctx, each, "tcp", to, m)
	}
	return answer
}

// exchange sends a question by a socket of its own, so that its port is as hard to
// guess as the kernel makes it, and waits for the answer (RFC 5452, section 9).
func (s *Server) exchange(ctx context.Context, each time.Duration, network string, to netip.AddrPort, m *dns.Msg) *dns.Msg {
	if network == "tcp" {
		s.count.askedTCP.Add(1)
	} else {
		s.count.askedUDP.Add(1)
	}
	ctx, cancel := context.WithTimeout(ctx, each)
	defer cancel()
	answer := s.converse(ctx, network, to, m)
	if answer == nil {
		s.count.unanswered.Add(1)
	}
	return answer
}

func (s *Server) converse(ctx context.Context, network string, to netip.AddrPort, m *dns.Msg) *dns.Msg {
	m.Id = randomID()
	question, err := m.Pack()
	if err != nil {
		return nil // a name that was read but cannot be written
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, to.String())
	if err != nil {
		return nil
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })() // ends what waits below
	if network == "tcp" {
		return s.converseTCP(c, question, m)
	}
	return s.converseUDP(c, question, m)
}

// converseUDP waits until the socket is closed for a message that answers.
func (s *Server) converseUDP(c net.Conn, question []byte, asked *dns.Msg) *dns.Msg {
	if _, err := c.Write(question); err != nil {
		return nil
	}
	buf := buffers.Get().(*[udpSizeMax]byte)
	defer buffers.Put(buf)
	for {
		n, err := c.Read(buf[:])
		if err != nil {
			return nil
		}
		if m := s.answerTo(asked, buf[:n]); m != nil {
			return m
		}
	}
}

func (s *Server) converseTCP(c net.Conn, question []byte, asked *dns.Msg) *dns.Msg {
	if err := writeTCP(c, question); err != nil {
		return nil
	}
	raw, err := readTCP(c, make([]byte, dns.MaxMsgSize))
	if err != nil {
		return nil
	}
	m := s.answerTo(asked, raw)
	if m != nil && m.Truncated {
		return nil // there is nothing longer to ask by
	}
	return m
}

// answerTo reads an answer; nil if it is none to what was asked.
func (s *Server) answerTo(asked *dns.Msg, raw []byte) *dns.Msg {
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil || !answers(m, asked) {
		s.count.mismatched.Add(1)
		return nil
	}
	return m
}

// buffers hold what upstreams answer by UDP; what is made of it are copies.
var buffers = sync.Pool{New: func() any { return new([udpSizeMax]byte) }}

func randomID() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}
