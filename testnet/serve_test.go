package testnet

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func query(t *testing.T, name string, typ dnsmessage.Type) []byte {
	t.Helper()
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		t.Fatal(err)
	}
	if err := b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}); err != nil {
		t.Fatal(err)
	}
	q, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// names is a server that knows two hosts, one of them of both families.
func names() *server {
	return &server{hosts: []Host{
		{Name: "web", Address: netip.MustParseAddr("203.0.113.10"), Address6: netip.MustParseAddr("2001:db8:ffff::10")},
		{Name: "old", Address: netip.MustParseAddr("203.0.113.20")},
	}}
}

func TestDNSAnswers(t *testing.T) {
	s := names()
	const (
		ok   = dnsmessage.RCodeSuccess
		none = dnsmessage.RCodeNameError
	)
	for _, tt := range []struct {
		name    string
		typ     dnsmessage.Type
		code    dnsmessage.RCode
		answers string
	}{
		{"web.example.", dnsmessage.TypeA, ok, "203.0.113.10"},
		{"WEB.Example.", dnsmessage.TypeA, ok, "203.0.113.10"},
		{"web.example.", dnsmessage.TypeAAAA, ok, "2001:db8:ffff::10"},
		{"web.example.", dnsmessage.TypeTXT, ok, ""},
		{"old.example.", dnsmessage.TypeA, ok, "203.0.113.20"},
		{"old.example.", dnsmessage.TypeAAAA, ok, ""},
		{"web.v4.example.", dnsmessage.TypeA, ok, "203.0.113.10"},
		{"Web.V4.example.", dnsmessage.TypeAAAA, ok, ""},
		{"ipv4only.arpa.", dnsmessage.TypeA, ok, "192.0.0.170 192.0.0.171"},
		{"ipv4only.arpa.", dnsmessage.TypeAAAA, ok, ""},
		{"big.example.", dnsmessage.TypeA, ok, ""},
		{"example.", dnsmessage.TypeA, ok, ""},
		{"peer.example.", dnsmessage.TypeA, none, ""},
		{"peer.v4.example.", dnsmessage.TypeA, none, ""},
		{"web.v6.example.", dnsmessage.TypeA, none, ""},
		{"example.org.", dnsmessage.TypeA, none, ""},
	} {
		var m dnsmessage.Message
		if err := m.Unpack(s.answer(query(t, tt.name, tt.typ), false)); err != nil {
			t.Fatal(err)
		}
		var answers []string
		for _, a := range m.Answers {
			switch body := a.Body.(type) {
			case *dnsmessage.AResource:
				answers = append(answers, netip.AddrFrom4(body.A).String())
			case *dnsmessage.AAAAResource:
				answers = append(answers, netip.AddrFrom16(body.AAAA).String())
			}
		}
		if got := strings.Join(answers, " "); m.ID != 7 || !m.Response || !m.RecursionAvailable || m.RCode != tt.code || got != tt.answers {
			t.Errorf("%s %v: %v with %q", tt.name, tt.typ, m.RCode, got)
		}
		// RFC 2308: whoever is told that there is nothing is told for how long.
		soa := len(m.Authorities) == 1 && m.Authorities[0].Header.Type == dnsmessage.TypeSOA
		if soa != (tt.answers == "") {
			t.Errorf("%s %v: %v beside %q", tt.name, tt.typ, m.Authorities, tt.answers)
		}
	}
	answer := s.answer(query(t, "web.example.", dnsmessage.TypeA), false)
	if s.answer(answer, false) != nil {
		t.Error("an answer was answered: two servers would talk for ever")
	}
	if s.answer([]byte("no DNS"), false) != nil {
		t.Error("rubbish was answered")
	}
}

// What is longer than the asker takes over UDP is cut, and marked so; over TCP
// all of it comes.
func TestDNSCutsWhatIsTooLong(t *testing.T) {
	s := names()
	for _, tt := range []struct {
		name    string
		edns    dnsmessage.Class // 0: the asker does not speak it
		tcp     bool
		answers int
	}{
		{"no EDNS", 0, false, 0},
		{"1232", 1232, false, 0},
		{"less than the least", 100, false, 0},
		{"4096", 4096, false, bigTexts},
		{"more than there is", 65535, false, bigTexts},
		{"TCP", 0, true, bigTexts},
		{"TCP with EDNS", 512, true, bigTexts},
	} {
		var q dnsmessage.Message
		if err := q.Unpack(query(t, "big.example.", dnsmessage.TypeTXT)); err != nil {
			t.Fatal(err)
		}
		if tt.edns != 0 {
			q.Additionals = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: tt.edns},
				Body:   &dnsmessage.OPTResource{},
			}}
		}
		data, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		answer := s.answer(data, tt.tcp)
		var m dnsmessage.Message
		if err := m.Unpack(answer); err != nil {
			t.Fatal(err)
		}
		if len(m.Answers) != tt.answers || m.Truncated != (tt.answers == 0) || len(m.Additionals) != len(q.Additionals) {
			t.Errorf("%s: %d answers, cut %v, %v", tt.name, len(m.Answers), m.Truncated, m.Additionals)
		}
		if limit := max(512, min(int(tt.edns), dnsBytesMax)); !tt.tcp && len(answer) > limit {
			t.Errorf("%s: %d bytes", tt.name, len(answer))
		}
	}
}

// A connection may carry several questions; rubbish ends it.
func TestDNSOverTCP(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		for s := names(); s.answerOn(there) == nil; {
		}
	}()
	here.SetDeadline(time.Now().Add(10 * time.Second))
	send := func(b []byte) {
		t.Helper()
		if _, err := here.Write(append([]byte{byte(len(b) >> 8), byte(len(b))}, b...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"web.example.", "big.example."} {
		send(query(t, name, dnsmessage.TypeTXT))
		var length [2]byte
		if _, err := io.ReadFull(here, length[:]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, int(length[0])<<8|int(length[1]))
		if _, err := io.ReadFull(here, b); err != nil {
			t.Fatal(err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil || m.Questions[0].Name.String() != name {
			t.Errorf("%v, %v", err, m.Questions)
		}
	}
	send([]byte("no DNS"))
	if n, err := here.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes in answer to rubbish, %v", n, err)
	}
}

func FuzzDNS(f *testing.F) {
	s := names()
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 1})
	q, _ := b.Finish()
	f.Add(q)
	f.Fuzz(func(t *testing.T, data []byte) {
		if a := s.answer(data, false); len(a) > dnsBytesMax {
			t.Errorf("%d bytes in answer to %d", len(a), len(data))
		}
	})
}

// Every service of a host does what it is there for, as another host sees it.
func TestInternetHosts(t *testing.T) {
	bringUp(t, "internet-only")
	if out := inside(t, "peer", "curl", "-sfm", "5", "http://203.0.113.10/"); !strings.HasPrefix(out, "This is web. You are 203.0.113.20:") {
		t.Errorf("page %q", out)
	}
	inside(t, "web", "ping", "-nc1", "-W5", "203.0.113.20")
	if out := inside(t, "peer", "dig", "+short", "+time=2", "@203.0.113.10", "web.example"); out != "203.0.113.10\n" {
		t.Errorf("DNS %q", out)
	}
	client := clientIn("peer")
	resp, err := client.Get("http://203.0.113.10/bytes?n=3000000")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if resp.Body.Close(); err != nil || n != 3000000 {
		t.Errorf("download: %d bytes, %v", n, err)
	}
	resp, err = client.Post("http://203.0.113.10/", "application/octet-stream", bytes.NewReader(make([]byte, 2000000)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if resp.Body.Close(); err != nil || string(text) != "2000000 bytes received\n" {
		t.Errorf("upload: %q, %v", text, err)
	}
	for _, page := range []string{"/bytes", "/bytes?n=-1", "/bytes?n=99999999999999"} {
		if resp, err = client.Get("http://203.0.113.10" + page); err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v, %v", page, resp, err)
		}
		resp.Body.Close()
	}
	for _, network := range []string{"tcp", "udp"} {
		c := dialIn(t, "peer", network, "203.0.113.10:7")
		want := bytes.Repeat([]byte("echo"), 300)
		if _, err := c.Write(want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("echo over %s: %d bytes, %v", network, len(got), err)
		}
	}
}

// dialIn opens a connection from inside a part, with a deadline of 5 s.
func dialIn(t *testing.T, name, network, address string) net.Conn {
	t.Helper()
	c, err := dialFrom(t.Context(), name, network, "", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

// dialFrom opens a connection from inside a part, and from a given local
// address if local is not empty.
func dialFrom(ctx context.Context, name, network, local, address string) (c net.Conn, err error) {
	d := net.Dialer{Timeout: 5 * time.Second, FallbackDelay: -1}
	if local != "" {
		ap, err := netip.ParseAddrPort(local)
		if err != nil {
			return nil, err
		}
		if d.LocalAddr = net.Addr(net.TCPAddrFromAddrPort(ap)); network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(ap)
		}
	}
	// The address is literal, so the dialer opens the socket on this thread.
	err = InNamespace(name, func() error {
		c, err = d.DialContext(ctx, network, address)
		return err
	})
	return c, err
}

func clientIn(name string) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialFrom(ctx, name, network, "", address)
		},
		DisableKeepAlives: true,
	}}
}
