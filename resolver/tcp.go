package resolver

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// ServeTCP answers the queries that come by connections to a listener, until Close
// or until the listener is closed; it closes it.
func (s *Server) ServeTCP(listener net.Listener) error {
	if !s.hold(listener) {
		return nil
	}
	defer s.release(listener)
	for errorsInRow := 0; ; {
		c, err := listener.Accept()
		if err != nil {
			if errorsInRow++; !s.pause(err, errorsInRow) {
				return s.ended(err)
			}
			continue
		}
		errorsInRow = 0
		s.accept(c)
	}
}

// accept starts a connection, or closes it.
func (s *Server) accept(c net.Conn) {
	var client netip.Addr
	if from, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		client = plain(from.AddrPort().Addr())
	}
	if _, served := s.settingsOf(client); !served || !s.enter(client) {
		s.count.turned.Add(1)
		_ = c.Close()
		return
	}
	if !s.hold(c) {
		s.leave(client)
		return
	}
	s.count.connections.Add(1)
	go func() {
		defer s.release(c)
		defer s.leave(client)
		s.serveConn(c, client)
	}()
}

// enter counts a client's connection, if it may have one more.
func (s *Server) enter(client netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= connectionsMax || s.conns[client] >= connectionsPerClientMax {
		return false
	}
	s.total++
	s.conns[client]++
	return true
}

func (s *Server) leave(client netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.conns[client]--; s.conns[client] == 0 {
		delete(s.conns, client)
	}
}

// serveConn answers a connection's queries one after the other.
func (s *Server) serveConn(c net.Conn, client netip.Addr) {
	buf := make([]byte, querySizeMax)
	for {
		_ = c.SetDeadline(time.Now().Add(s.times.idle)) // an error shows in Read
		raw, err := readTCP(c, buf)
		if err != nil {
			return
		}
		s.count.tcp.Add(1)
		l, _, answer := s.admit(client, raw)
		if l != nil {
			answer = s.resolve(l)
		}
		if answer == nil {
			continue // as by UDP: not answered
		}
		_ = c.SetDeadline(time.Now().Add(s.times.idle)) // an error shows in Write
		if writeTCP(c, packed(answer, dns.MaxMsgSize)) != nil {
			s.count.unsent.Add(1)
			return
		}
	}
}

// readTCP reads one message after its length (RFC 1035, section 4.2.2). One longer
// than buf is an error.
func readTCP(r io.Reader, buf []byte) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n > len(buf) {
		return nil, io.ErrShortBuffer
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// writeTCP writes a message and its length at once (RFC 7766, section 8).
func writeTCP(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...))
	return err
}
