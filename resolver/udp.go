package resolver

import (
	"errors"
	"net"

	"github.com/miekg/dns"
)

var errNotUDP = errors.New("resolver: a socket that is none of UDP")

// ServeUDP answers the queries that come by a socket, until Close or until the
// socket is closed; it closes it. The socket is bound to the resolver's address
// and not to all of a machine's, so that answers come from where was asked.
func (s *Server) ServeUDP(c net.PacketConn) error {
	if !s.hold(c) {
		return nil
	}
	defer s.release(c)
	buf := make([]byte, querySizeMax)
	for errorsInRow := 0; ; {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			if errorsInRow++; !s.pause(err, errorsInRow) {
				return s.ended(err)
			}
			continue
		}
		errorsInRow = 0
		s.count.udp.Add(1)
		client, ok := from.(*net.UDPAddr)
		if !ok {
			return errNotUDP
		}
		s.datagram(c, client, buf[:n])
	}
}

// datagram answers one query, at once or by a goroutine of its own.
func (s *Server) datagram(c net.PacketConn, from *net.UDPAddr, raw []byte) {
	l, query, answer := s.admit(plain(from.AddrPort().Addr()), raw)
	if l == nil {
		s.sendUDP(c, from, query, answer)
		return
	}
	// The reader is waited for, so Close is not past its Wait.
	s.wg.Go(func() { s.sendUDP(c, from, query, s.resolve(l)) })
}

// sendUDP sends an answer, if there is one.
func (s *Server) sendUDP(c net.PacketConn, to net.Addr, query, answer *dns.Msg) {
	if answer == nil {
		return
	}
	size := dns.MinMsgSize
	if query != nil {
		size = udpSize(query)
	}
	b := packed(answer, size)
	if answer.Truncated {
		s.count.truncated.Add(1)
	}
	if _, err := c.WriteTo(b, to); err != nil {
		s.count.unsent.Add(1)
	}
}

// packed is an answer's bytes, cut to a size. One that upstream sent but that cannot be
// written again becomes SERVFAIL.
func packed(answer *dns.Msg, size int) []byte {
	answer.Truncate(size)
	b, err := answer.Pack()
	if err != nil {
		b, _ = refuse(answer, dns.RcodeServerFailure).Pack()
	}
	return b
}
