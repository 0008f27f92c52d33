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

func TestDNSAnswers(t *testing.T) {
	s := &server{hosts: []Host{{"web", netip.MustParseAddr("203.0.113.10")}}}
	for _, tt := range []struct {
		name    string
		typ     dnsmessage.Type
		code    dnsmessage.RCode
		address string
	}{
		{"web.example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, "203.0.113.10"},
		{"WEB.Example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, "203.0.113.10"},
		{"web.example.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, ""},
		{"peer.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
	} {
		var m dnsmessage.Message
		if err := m.Unpack(s.answer(query(t, tt.name, tt.typ))); err != nil {
			t.Fatal(err)
		}
		address := ""
		for _, a := range m.Answers {
			address += netip.AddrFrom4(a.Body.(*dnsmessage.AResource).A).String()
		}
		if m.ID != 7 || !m.Response || m.RCode != tt.code || address != tt.address {
			t.Errorf("%s %v: %v with %q", tt.name, tt.typ, m.RCode, address)
		}
	}
	answer := s.answer(query(t, "web.example.", dnsmessage.TypeA))
	if s.answer(answer) != nil {
		t.Error("an answer was answered: two servers would talk for ever")
	}
	if s.answer([]byte("no DNS")) != nil {
		t.Error("rubbish was answered")
	}
}

func FuzzDNS(f *testing.F) {
	s := &server{hosts: []Host{{"web", netip.MustParseAddr("203.0.113.10")}}}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 1})
	q, _ := b.Finish()
	f.Add(q)
	f.Fuzz(func(t *testing.T, data []byte) {
		if a := s.answer(data); len(a) > 600 {
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
