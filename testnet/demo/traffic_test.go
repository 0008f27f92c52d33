package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"hyperplane/testnet"
)

// here opens sockets where the test runs.
func here(f func() error) error { return f() }

// loopback drives one task against servers on 127.0.0.1 until ready says so.
func loopback(t *testing.T, task Task, p ports, ready func(Activity) bool) Activity {
	t.Helper()
	task.Host.Address = netip.MustParseAddr("127.0.0.1")
	m := newMeter(task)
	d := &driver{task: task, meter: m, open: here, ports: p}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for !ready(m.Read()) && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(2 * dialWaitMax):
		t.Fatal("the driver does not end with its context")
	}
	a := m.Read()
	if !ready(a) {
		t.Fatalf("not within 10 s: %+v", a)
	}
	return a
}

// webServer answers as an internet host does; page is what GET / says.
func webServer(t *testing.T, page func(r *http.Request) string) ports {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, page(r)) })
	mux.HandleFunc("GET /bytes", func(w http.ResponseWriter, r *http.Request) {
		var n int64
		fmt.Sscan(r.URL.Query().Get("n"), &n)
		io.CopyN(w, zeros{}, n)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d bytes received\n", n)
	})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-ended })
	return ports{http: uint16(l.Addr().(*net.TCPAddr).Port)}
}

func honest(r *http.Request) string {
	return fmt.Sprintf("This is web. You are %s.\n", r.RemoteAddr)
}

var web = testnet.Host{Name: "web"}

// Pages come over connections from the chosen port, also again and again.
func TestPages(t *testing.T) {
	p := webServer(t, honest)
	task := Task{Kind: Page, Host: web, Local: freePort(t), Public: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	a := loopback(t, task, p, func(a Activity) bool { return a.OK >= 3 })
	if want := fmt.Sprintf("127.0.0.1:%d", task.Local); a.Public != want || a.Failed != 0 || a.Foreign != "" {
		t.Errorf("seen as %s, want %s: %+v", a.Public, want, a)
	}
	loopback(t, task, p, func(a Activity) bool { return a.OK >= 1 }) // the port is free at once
}

// An answer that was another tenant's is noticed and stays.
func TestForeignPage(t *testing.T) {
	calls := 0
	p := webServer(t, func(r *http.Request) string {
		if calls++; calls == 1 {
			return "This is web. You are 198.51.100.2:7.\n"
		}
		return honest(r)
	})
	task := Task{Kind: Page, Host: web, Public: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	a := loopback(t, task, p, func(a Activity) bool { return a.OK >= 1 })
	if !strings.Contains(a.Foreign, "198.51.100.2:7") || a.Failed != 1 {
		t.Errorf("%+v", a)
	}
}

func TestWrongPage(t *testing.T) {
	p := webServer(t, func(*http.Request) string { return "Hello" })
	a := loopback(t, Task{Kind: Page, Host: web}, p, func(a Activity) bool { return a.Failed >= 1 })
	if !strings.Contains(a.Error, "Hello") || !a.Broken {
		t.Errorf("%+v", a)
	}
}

func TestBulk(t *testing.T) {
	p := webServer(t, honest)
	for _, k := range []Kind{Download, Upload} {
		a := loopback(t, Task{Kind: k, Host: web}, p, func(a Activity) bool { return a.OK >= 2 })
		if a.Bytes < 2*transferBytesMin || a.Failed != 0 {
			t.Errorf("%s: %+v", k, a)
		}
	}
}

// Where nothing listens, the failure is told and the driver goes on trying.
func TestRefused(t *testing.T) {
	p := ports{http: freePort(t), dns: freePort(t)}
	for _, k := range []Kind{Page, Download, Upload, Name} {
		a := loopback(t, Task{Kind: k, Host: web}, p, func(a Activity) bool { return a.Failed >= 2 })
		if a.OK != 0 || a.Error == "" || !a.Broken {
			t.Errorf("%s: %+v", k, a)
		}
	}
}

func TestNames(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); answerNames(c) }()
	t.Cleanup(func() { c.Close(); <-ended })
	p := ports{dns: uint16(c.LocalAddr().(*net.UDPAddr).Port)}
	a := loopback(t, Task{Kind: Name, Host: web}, p, func(a Activity) bool { return a.OK >= 2 })
	if a.Failed != 0 {
		t.Errorf("%+v", a)
	}
}

// answerNames says 127.0.0.1 to every question, and before that something late.
func answerNames(c net.PacketConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil {
			continue
		}
		m.Response = true
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
		for _, id := range []uint16{m.ID - 1, m.ID} {
			m.ID = id
			if b, err := m.Pack(); err == nil {
				c.WriteTo(b, from)
			}
		}
	}
}

func TestPings(t *testing.T) {
	probe, err := net.ListenPacket("ip4:icmp", "127.0.0.1")
	if errors.Is(err, os.ErrPermission) {
		t.Skip("not supported here: raw sockets (CAP_NET_RAW)")
	}
	if err != nil {
		t.Fatal(err)
	}
	probe.Close()
	a := loopback(t, Task{Kind: Ping, Host: web, Local: 17}, ports{}, func(a Activity) bool { return a.OK >= 3 })
	if a.Failed != 0 {
		t.Errorf("%+v", a)
	}
}

func TestIsEchoReply(t *testing.T) {
	request := echoRequest(3, 4)
	if isEchoReply(request, 3, 4) {
		t.Error("a request taken for a reply")
	}
	reply := append([]byte{0}, request[1:]...)
	if !isEchoReply(reply, 3, 4) || isEchoReply(reply, 3, 5) || isEchoReply(reply, 2, 4) || isEchoReply(reply[:7], 3, 4) {
		t.Error("replies are told apart wrongly")
	}
}

func TestNextSize(t *testing.T) {
	for _, tt := range []struct {
		size int64
		took time.Duration
		want int64
	}{
		{transferBytesMin, transferAim, transferBytesMin},
		{transferBytesMin, 100 * transferAim, transferBytesMin},
		{transferBytesMin, 0, 8 * transferBytesMin},
		{64 << 20, transferAim / 2, 128 << 20},
		{transferBytesMax, time.Millisecond, transferBytesMax},
	} {
		if got := nextSize(tt.size, tt.took); got != tt.want {
			t.Errorf("%d in %s: then %d, want %d", tt.size, tt.took, got, tt.want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, b []byte) { _, _, _ = answer(b) })
}

func FuzzParsePage(f *testing.F) {
	f.Add("This is web. You are 198.51.100.1:53533.\n")
	f.Fuzz(func(t *testing.T, text string) { _, _, _ = parsePage(text) })
}

// freePort returns a TCP port that nothing uses.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}
