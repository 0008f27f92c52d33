package testnet

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dig takes an answer of 4 KB over UDP, which its server's kernel cuts into
// three fragments: to an instance that takes it whole, and to one that does not.
func judgedByDig(t *testing.T, _ Dir) {
	c := listenUDP(t, "web", web+":5353")
	go answerLarge(c)
	for _, name := range []string{"blue-1", "green-1"} {
		out := inside(t, name, "dig", "+bufsize=4096", "+notcp", "+ignore", "+tries=3", "+time=2", "-p", "5353", "@"+web, "large.example", "TXT")
		want(t, out, "status: NOERROR", "flags: qr aa;", "ANSWER: 19,", "udp: 4096", "MSG SIZE  rcvd: 4089")
		for i := range 19 {
			want(t, out, fmt.Sprintf("%03d-%s\"", i, strings.Repeat("x", 196)))
		}
	}
}

// listenUDP opens a socket in a part.
func listenUDP(t *testing.T, name, address string) (c *net.UDPConn) {
	t.Helper()
	err := InNamespace(name, func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answerLarge answers every question with 19 texts of 200 bytes each, until the
// socket is closed. What is no question is not answered.
func answerLarge(c *net.UDPConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var p dnsmessage.Parser
		h, err := p.Start(buf[:n])
		if err != nil {
			continue
		}
		q, err := p.Question()
		if err != nil {
			continue
		}
		reply := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: h.ID, Response: true, Authoritative: true},
			Questions: []dnsmessage.Question{q},
			Additionals: []dnsmessage.Resource{{ // EDNS, the class is the size (RFC 6891, 6.1.2)
				Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 4096},
				Body:   &dnsmessage.OPTResource{},
			}},
		}
		for i := range 19 {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: dnsTTL},
				Body:   &dnsmessage.TXTResource{TXT: []string{fmt.Sprintf("%03d-%s", i, strings.Repeat("x", 196))}},
			})
		}
		if out, err := reply.Pack(); err == nil {
			c.WriteToUDPAddrPort(out, from)
		}
	}
}
