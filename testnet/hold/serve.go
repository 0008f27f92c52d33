package hold

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// stream is what a server knows of a TCP connection.
type stream struct {
	buf     [recordBytes]byte
	have    int    // bytes of it that have come
	id      id     // whose data came first
	seq     uint64 // of the last record
	foreign bool   // other data came later; stays
}

// next takes the record in the buffer and returns the answer. A connection
// carries the records of one client in order, or something is wrong.
func (c *stream) next(from netip.AddrPort) record {
	r := parseRecord(c.buf[:])
	c.have = 0
	if c.id == (id{}) {
		c.id, c.seq = r.id, r.seq-1
	}
	c.foreign = c.foreign || r.id != c.id || r.seq != c.seq+1
	c.seq = r.seq
	r.seen, r.foreign = from, c.foreign
	return r
}

// serveStream answers what has come on a connection.
func (s *Server) serveStream(fd int) {
	e := &s.ends[fd]
	c := &e.stream
	n, err := unix.Read(fd, c.buf[c.have:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if err != nil || n == 0 {
		s.drop(fd)
		return
	}
	if c.have += n; c.have < recordBytes {
		return
	}
	var answer [recordBytes]byte
	c.next(e.peer).put(answer[:])
	// One record is under way per connection, so there is room for it.
	if n, err := unix.Write(fd, answer[:]); err != nil || n != recordBytes {
		s.drop(fd)
	}
}

func (s *Server) drop(fd int) {
	s.ends[fd] = serverEnd{}
	s.streams--
	unix.Close(fd)
}

// serveDatagrams answers what has come to a port. Where the kernel does not
// take the answer it is lost, as datagrams are.
func (s *Server) serveDatagrams(fd int) {
	var b [recordBytes + 1]byte
	for range acceptsMax {
		n, from, err := unix.Recvfrom(fd, b[:], 0)
		if err != nil {
			return
		}
		if n != recordBytes {
			continue
		}
		peer := addrPort(from)
		r := parseRecord(b[:])
		r.seen, r.foreign = peer, s.watch(s.ends[fd].flows, peer, r.id)
		r.put(b[:recordBytes])
		_ = unix.Sendto(fd, b[:recordBytes], 0, from)
	}
}

// watch reports whether data of another flow of the same run came from there
// before. What an earlier run did from there is over.
func (s *Server) watch(flows map[netip.AddrPort]id, from netip.AddrPort, who id) (foreign bool) {
	before, known := flows[from]
	switch {
	case known && before.run == who.run:
		return before != who
	case !known && s.flows >= servedMax:
		return false
	case !known:
		s.flows++
	}
	flows[from] = who
	return false
}
