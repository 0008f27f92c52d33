package testnet

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsTTL is how long, in seconds, an answer may be kept.
const dnsTTL = 60

// dns answers HOST.example. with the address of each internet host, over UDP.
func (s *server) dns(c *net.UDPConn) error {
	buf := make([]byte, 512) // RFC 1035, 4.2.1: messages over UDP
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			if refused(err) {
				continue
			}
			return err
		}
		if answer := s.answer(buf[:n]); answer != nil {
			c.WriteToUDPAddrPort(answer, from)
		}
	}
}

// answer builds the reply to one query; nil to what is no query.
func (s *server) answer(query []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	reply := dnsmessage.Header{ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired, Authoritative: true}
	q, err := p.Question()
	if err != nil {
		reply.RCode = dnsmessage.RCodeFormatError
		b := dnsmessage.NewBuilder(nil, reply)
		return finish(b)
	}
	addr, known := s.lookup(q.Name.String())
	switch {
	case h.OpCode != 0:
		reply.RCode = dnsmessage.RCodeNotImplemented
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, reply)
	if b.StartQuestions() != nil || b.Question(q) != nil || b.StartAnswers() != nil {
		return nil
	}
	if reply.RCode == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA && q.Class == dnsmessage.ClassINET {
		b.AResource(dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: dnsTTL}, dnsmessage.AResource{A: addr})
	}
	return finish(b)
}

func finish(b dnsmessage.Builder) []byte {
	data, err := b.Finish()
	if err != nil {
		return nil
	}
	return data
}

// lookup finds HOST.example., whatever its case (RFC 4343).
func (s *server) lookup(name string) (addr [4]byte, ok bool) {
	host, ok := strings.CutSuffix(strings.ToLower(name), ".example.")
	if !ok {
		return addr, false
	}
	for _, h := range s.hosts {
		if h.Name == host {
			return h.Address.As4(), true
		}
	}
	return addr, false
}
