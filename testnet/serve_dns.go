package testnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsTTL is how long, in seconds, an answer may be kept, and that there is none.
const dnsTTL = 60

// The names that are there, beside those of the hosts:
//
//	HOST.example.     its addresses, of both families
//	HOST.v4.example.  only that of IPv4, so that DNS64 has something to do
//	big.example.      texts of 4 KB together
//	ipv4only.arpa.    by which resolvers are asked whether they do DNS64 (RFC 7050)
const (
	zone    = "example."
	zoneV4  = "v4." + zone
	bigName = "big." + zone
	v4Only  = "ipv4only.arpa."
)

// bigTexts is the number of texts that big.example. has, of bigText bytes each.
const (
	bigTexts = 19
	bigText  = 200
)

// v4OnlyAddrs are the addresses of ipv4only.arpa. (RFC 7050, section 8.2).
var v4OnlyAddrs = []netip.Addr{netip.MustParseAddr("192.0.0.170"), netip.MustParseAddr("192.0.0.171")}

// dnsUDP answers questions that come as datagrams.
func (s *server) dnsUDP(c *net.UDPConn) error {
	buf := make([]byte, dnsBytesMax)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			if refused(err) {
				continue
			}
			return err
		}
		if answer := s.answer(buf[:n], false); answer != nil {
			c.WriteToUDPAddrPort(answer, from)
		}
	}
}

// dnsTCP answers questions that come on connections, each in its turn.
func (s *server) dnsTCP(l net.Listener) error {
	return serveConns(l, dnsConnsMax, func(c net.Conn) {
		for s.answerOn(c) == nil {
		}
	})
}

// answerOn answers the next question of a connection. Over TCP a message comes
// after its length in two bytes (RFC 1035, section 4.2.2).
func (s *server) answerOn(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(dnsIdleMax)); err != nil {
		return err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	query := make([]byte, int(length[0])<<8|int(length[1]))
	if _, err := io.ReadFull(c, query); err != nil {
		return err
	}
	answer := s.answer(query, true)
	if answer == nil {
		return errors.New("not a question")
	}
	// Both in one segment: some askers read no more than the first (RFC 7766, 8).
	_, err := c.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...))
	return err
}

// answer builds the reply to one query, nil to what is no query. What is longer
// than the asker takes over UDP is left out and the reply marked as cut.
func (s *server) answer(query []byte, tcp bool) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{
		ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired,
		// There is no name that this server does not know all about.
		Authoritative: true, RecursionAvailable: true,
	}}
	q, err := p.Question()
	if err != nil {
		reply.RCode = dnsmessage.RCodeFormatError
		return pack(reply)
	}
	reply.Questions = []dnsmessage.Question{q}
	size, edns := udpSize(&p)
	if edns {
		reply.Additionals = []dnsmessage.Resource{{ // the class is the size (RFC 6891, section 6.1.2)
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: dnsBytesMax},
			Body:   &dnsmessage.OPTResource{},
		}}
	}
	if h.OpCode != 0 {
		reply.RCode = dnsmessage.RCodeNotImplemented
		return pack(reply)
	}
	s.fill(&reply, q)
	data := pack(reply)
	if !tcp && len(data) > size {
		reply.Truncated, reply.Answers, reply.Authorities = true, nil, nil
		data = pack(reply)
	}
	return data
}

// udpSize is the longest reply that the asker takes over UDP, after the question
// was read, and whether it speaks EDNS.
func udpSize(p *dnsmessage.Parser) (size int, edns bool) {
	const least = 512 // RFC 1035, section 4.2.1
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return least, false
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			return least, false
		}
		if h.Type == dnsmessage.TypeOPT {
			return max(least, min(int(h.Class), dnsBytesMax)), true
		}
		if p.SkipAdditional() != nil {
			return least, false
		}
	}
}

// fill answers a question, or says in the reply that there is no such name, or
// nothing of that type under it (RFC 2308).
func (s *server) fill(reply *dnsmessage.Message, q dnsmessage.Question) {
	var known bool
	if reply.Answers, known = s.records(q); !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	if len(reply.Answers) > 0 {
		return
	}
	root := dnsmessage.MustNewName(".") // everything is one zone
	reply.Authorities = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: root, Class: dnsmessage.ClassINET, TTL: dnsTTL},
		Body: &dnsmessage.SOAResource{
			NS: root, MBox: root, Serial: 1, Refresh: dnsTTL, Retry: dnsTTL, Expire: dnsTTL, MinTTL: dnsTTL,
		},
	}}
}

// records are those that a question asks for; known says whether there is
// anything under its name.
func (s *server) records(q dnsmessage.Question) (list []dnsmessage.Resource, known bool) {
	add := func(body dnsmessage.ResourceBody) {
		list = append(list, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: dnsTTL},
			Body:   body,
		})
	}
	name := strings.ToLower(q.Name.String()) // RFC 4343
	addrs, known := s.lookup(name)
	if q.Class != dnsmessage.ClassINET {
		return nil, known
	}
	for _, a := range addrs {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			add(&dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			add(&dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	if name == bigName && q.Type == dnsmessage.TypeTXT {
		for i := range bigTexts {
			number := fmt.Sprintf("%03d-", i)
			add(&dnsmessage.TXTResource{TXT: []string{number + strings.Repeat("x", bigText-len(number))}})
		}
	}
	return list, known
}

// lookup finds the addresses of a name in lower case.
func (s *server) lookup(name string) (addrs []netip.Addr, known bool) {
	switch name {
	case ".", zone, zoneV4, bigName, "arpa.":
		return nil, true
	case v4Only:
		return v4OnlyAddrs, true
	}
	host, both := strings.CutSuffix(name, "."+zone)
	if v4, ok := strings.CutSuffix(name, "."+zoneV4); ok {
		host, both = v4, false
	} else if !both {
		return nil, false
	}
	i := slices.IndexFunc(s.hosts, func(h Host) bool { return h.Name == host })
	if i < 0 {
		return nil, false
	}
	addrs = []netip.Addr{s.hosts[i].Address}
	if a := s.hosts[i].Address6; both && a.IsValid() {
		addrs = append(addrs, a)
	}
	return addrs, true
}

func pack(m dnsmessage.Message) []byte {
	data, err := m.Pack()
	if err != nil {
		return nil
	}
	return data
}
