package resolver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// world is what the tests' upstream knows.
func world() zone {
	var big []string
	for i := range 100 {
		big = append(big, fmt.Sprintf("big.example. 60 A 8.8.8.%d", i))
	}
	return zone{
		"v4.example. A":             {answer: rr("v4.example. 60 A 8.8.8.8")},
		"v6.example. AAAA":          {answer: rr("v6.example. 60 AAAA 2001:db8::1")},
		"no.example. AAAA":          {rcode: dns.RcodeNameError, ns: rr(soa)},
		"big.example. A":            {answer: rr(big...)},
		"8.8.8.8.in-addr.arpa. PTR": {answer: rr("8.8.8.8.in-addr.arpa. 60 PTR v4.example.")},
		"ipv4only.arpa. A":          {answer: rr("ipv4only.arpa. 60 A 192.0.0.170", "ipv4only.arpa. 60 A 192.0.0.171")},
	}
}

const upstreamAddr = "127.0.0.53" // not a client's, which is 127.0.0.1

// settled checks that each query has ended once.
func (r rig) settled(t testing.TB) Stats {
	t.Helper()
	var s Stats
	wait(t, "every query has ended once", func() bool {
		s = r.Stats()
		return s.UDP+s.TCP == s.Answered+s.Failed+s.Overloaded+s.Strangers+s.Limited+s.Malformed+s.Unsupported+s.Discarded && len(r.slots) == 0
	})
	return s
}

// A client gets AAAA, real or synthetic, by UDP and TCP.
func TestServer(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	under, _ := dns.ReverseAddr("64:ff9b::808:808")
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			query *dns.Msg
			rcode int
			want  []string
		}{
			{question("v4.example.", dns.TypeAAAA), 0, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"}},
			{question("V4.eXample.", dns.TypeA), 0, nil},
			{question("v4.example.", dns.TypeA), 0, []string{"v4.example. 60 IN A 8.8.8.8"}},
			{question("v6.example.", dns.TypeAAAA), 0, []string{"v6.example. 60 IN AAAA 2001:db8::1"}},
			{question("no.example.", dns.TypeAAAA), dns.RcodeNameError, nil},
			{question("ipv4only.arpa.", dns.TypeAAAA), 0, []string{"ipv4only.arpa. 60 IN AAAA 64:ff9b::c000:aa", "ipv4only.arpa. 60 IN AAAA 64:ff9b::c000:ab"}},
			{question(under, dns.TypePTR), 0, []string{under + " 60 IN CNAME 8.8.8.8.in-addr.arpa.", "8.8.8.8.in-addr.arpa. 60 IN PTR v4.example."}},
		} {
			m := r.ask(t, network, c.query)
			if m.Rcode != c.rcode || m.Question[0] != c.query.Question[0] || !m.RecursionAvailable || m.IsEdns0() != nil {
				t.Errorf("%s:\n%v", network, m)
			}
			section(t, network, m.Answer, c.want)
		}
	}
	s := r.settled(t)
	if s.Answered != 14 || s.UDP != 7 || s.TCP != 7 || s.Synthesised != 2*4 || s.AskedTCP != 0 {
		t.Errorf("%+v", s)
	}
}

// A client that has IPv6 alone asks by IPv6, and is known by its address; one that has
// IPv4 is, too, where the socket has both.
func TestIPv6(t *testing.T) {
	pc, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		t.Skipf("loopback has no IPv6: %v", err)
	}
	both, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan netip.Addr, 2)
	r := start(t, func(client netip.Addr) (DNS64, bool) { seen <- client; return well, true }, nil, upstream(t, upstreamAddr, world().serve))
	_, port, _ := net.SplitHostPort(both.LocalAddr().String())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer r.Close()
	for to, c := range map[string]net.PacketConn{pc.LocalAddr().String(): pc, net.JoinHostPort("127.0.0.1", port): both} {
		wg.Go(func() { _ = r.ServeUDP(c) })
		m := rig{r.Server, to}.ask(t, "udp", question("v4.example.", dns.TypeAAAA))
		section(t, to, m.Answer, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"})
		if host, _, _ := net.SplitHostPort(to); (<-seen).String() != host {
			t.Errorf("%s: another client was seen", to)
		}
	}
}

// Several queries by one connection, each with its answer, those sent at once included.
func TestTCPConnection(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sent bytes.Buffer
	for id := range uint16(10) {
		m := question("v4.example.", dns.TypeAAAA)
		m.Id = id
		b, _ := m.Pack()
		_ = writeTCP(&sent, b)
	}
	for b := range slices.Chunk(sent.Bytes(), 7) { // as no one packs them
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	for id := range uint16(10) {
		raw, err := readTCP(c, make([]byte, dns.MaxMsgSize))
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(raw); err != nil || m.Id != id || len(m.Answer) != 1 {
			t.Fatalf("answer %d: %v\n%v", id, err, m)
		}
	}
	if s := r.settled(t); s.Connections != 1 || s.TCP != 10 {
		t.Errorf("%+v", s)
	}
}

// What does not fit is cut, and comes whole by TCP, from upstream too.
func TestTruncation(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	for _, size := range []uint16{0, 600, 4096} {
		q := question("big.example.", dns.TypeAAAA)
		limit := dns.MinMsgSize
		if size > 0 {
			q.SetEdns0(size, false)
			limit = min(int(size), udpSizeMax)
		}
		c, err := net.Dial("udp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := q.Pack()
		_, _ = c.Write(b)
		buf := make([]byte, dns.MaxMsgSize)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := c.Read(buf)
		_ = c.Close()
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:n]); err != nil || !m.Truncated || n > limit || n <= limit-28 || (m.IsEdns0() != nil) != (size > 0) {
			t.Errorf("size %d: %d bytes, %v\n%v", size, n, err, m)
		}
		if m := r.ask(t, "tcp", q); m.Truncated || len(m.Answer) != 100 {
			t.Errorf("by TCP:\n%v", m)
		}
	}
	if s := r.settled(t); s.Truncated != 3 || s.AskedTCP != 6 {
		t.Errorf("%+v", s)
	}
}

// An upstream that is dead, silent or answers garbage costs a try, no answer.
func TestDeadUpstream(t *testing.T) {
	good := upstream(t, "127.0.0.54", world().serve)
	refusing, l := listen(t, upstreamAddr)
	_, _ = refusing.Close(), l.Close()
	for name, first := range map[string]netip.AddrPort{
		"refuses": refusing.LocalAddr().(*net.UDPAddr).AddrPort(),
		"silent":  upstream(t, upstreamAddr, func(dns.ResponseWriter, *dns.Msg) {}),
		"garbage": upstream(t, upstreamAddr, func(w dns.ResponseWriter, m *dns.Msg) {
			_, _ = w.Write([]byte("garbage"))
			_, _ = w.Write(make([]byte, 2000))
			wrong := world().reply(m)
			wrong.Id++
			_ = w.WriteMsg(wrong)
			wrong.Id--
			wrong.Question[0].Name = "other.example."
			_ = w.WriteMsg(wrong)
		}),
		"cuts by TCP, too":      upstream(t, upstreamAddr, cut),
		"cuts, and refuses TCP": udpOnly(t, cut),
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, everyone(well), func(s *Server) { s.times.try = 100 * time.Millisecond }, first, good)
			began := time.Now()
			m := r.ask(t, "udp", question("v4.example.", dns.TypeAAAA))
			section(t, name, m.Answer, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"})
			s := r.settled(t)
			if s.Failed != 0 || s.Unanswered != 1 || s.AskedUDP != 3 { // the first only once
				t.Errorf("after %v: %+v", time.Since(began), s)
			}
			if (name == "garbage") != (s.Mismatched == 4) {
				t.Errorf("%d mismatched", s.Mismatched)
			}
		})
	}
}

func cut(w dns.ResponseWriter, m *dns.Msg) {
	a := world().reply(m)
	a.Truncated = true
	_ = w.WriteMsg(a)
}

func udpOnly(t *testing.T, handler dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", upstreamAddr+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: pc, Handler: handler}
	var wg sync.WaitGroup
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	wg.Go(func() { _ = s.ActivateAndServe() })
	<-started
	t.Cleanup(func() { _ = s.Shutdown(); wg.Wait() })
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

// A forged answer before the right one does no harm.
func TestForgedAnswer(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, func(w dns.ResponseWriter, m *dns.Msg) {
		if m.Question[0].Qtype == dns.TypeA {
			forged := new(dns.Msg).SetReply(m)
			forged.Id ^= 0x5555
			forged.Answer = rr("v4.example. 60 A 6.6.6.6")
			_ = w.WriteMsg(forged)
		}
		world().serve(w, m)
	}))
	m := r.ask(t, "udp", question("v4.example.", dns.TypeAAAA))
	section(t, "answer", m.Answer, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"})
	if s := r.settled(t); s.Mismatched != 1 {
		t.Errorf("%+v", s)
	}
}

// All upstreams get a share of the time: the last answers where the others are silent.
func TestSilentUpstreams(t *testing.T) {
	silent := upstream(t, upstreamAddr, func(dns.ResponseWriter, *dns.Msg) {})
	r := start(t, everyone(well), func(s *Server) { s.times.query = 1200 * time.Millisecond }, silent, silent, upstream(t, "127.0.0.54", world().serve))
	m := r.ask(t, "udp", question("v4.example.", dns.TypeAAAA))
	section(t, "answer", m.Answer, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"})
	if s := r.settled(t); s.Unanswered != 2 || s.AskedUDP != 4 {
		t.Errorf("%+v", s)
	}
}

// A slow upstream is waited for until a query's time is over; a silent answer to
// AAAA leaves time for A.
func TestSlowUpstream(t *testing.T) {
	z := world()
	z["slow.example. A"], z["half.example. AAAA"] = said{silent: true}, said{silent: true}
	z["half.example. A"] = said{answer: rr("half.example. 60 A 8.8.8.8")}
	r := start(t, everyone(well), func(s *Server) { s.times.query = 400 * time.Millisecond }, upstream(t, upstreamAddr, z.serve))
	began := time.Now()
	if m := r.ask(t, "udp", question("slow.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure || time.Since(began) < 350*time.Millisecond {
		t.Errorf("after %v:\n%v", time.Since(began), m)
	}
	m := r.ask(t, "udp", question("half.example.", dns.TypeAAAA))
	section(t, "answer", m.Answer, []string{"half.example. 60 IN AAAA 64:ff9b::808:808"})
	if s := r.settled(t); s.Failed != 1 || s.Answered != 1 {
		t.Errorf("%+v", s)
	}
}

// What clients send that is no query is answered as doc.go says, and served
// is who comes after.
func TestGarbage(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	notify := question("v4.example.", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	whole, _ := question("v4.example.", dns.TypeA).Pack()
	opcode, _ := notify.Pack()
	c, err := net.Dial("udp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, raw := range [][]byte{{}, {1}, whole[:20], opcode, append(slices.Clone(whole), make([]byte, 5000)...)} {
		if _, err := c.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	_ = writeTCP(tcp, whole[:20])
	if raw, err := readTCP(tcp, make([]byte, 512)); err != nil || raw[3]&0xf != dns.RcodeFormatError {
		t.Errorf("by TCP: % x, %v", raw, err)
	}
	_, _ = tcp.Write([]byte{0xff, 0xff, 1})
	_ = tcp.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := tcp.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("a query of 64 KB: %v", err)
	}
	r.ask(t, "udp", question("v4.example.", dns.TypeA))
	s := r.settled(t)
	if s.Discarded != 2 || s.Malformed < 2 || s.Unsupported != 1 {
		t.Errorf("%+v", s)
	}
}

// Clients that are not served are told so.
func TestStrangers(t *testing.T) {
	r := start(t, func(netip.Addr) (DNS64, bool) { return well, false }, nil, upstream(t, upstreamAddr, world().serve))
	if m := r.ask(t, "udp", question("v4.example.", dns.TypeAAAA)); m.Rcode != dns.RcodeRefused {
		t.Errorf("%v", m)
	}
	if _, _, err := (&dns.Client{Net: "tcp"}).Exchange(question("v4.example.", dns.TypeAAAA), r.addr); err == nil {
		t.Error("a connection was served")
	}
	if s := r.settled(t); s.Strangers != 1 || s.Turned != 1 || s.AskedUDP != 0 {
		t.Errorf("%+v", s)
	}
}

// A resolver that is set to ask itself refuses its own question.
func TestLoop(t *testing.T) {
	pc, l := listen(t, "127.0.0.1")
	_ = l.Close()
	s, err := New([]netip.AddrPort{pc.LocalAddr().(*net.UDPAddr).AddrPort()}, everyone(well))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.ServeUDP(pc) })
	defer wg.Wait()
	defer s.Close()
	c := dns.Client{Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}}}
	m, _, err := c.Exchange(question("v4.example.", dns.TypeA), pc.LocalAddr().String())
	if err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("%v\n%v", err, m)
	}
	if s := s.Stats(); s.UDP != 2 || s.AskedUDP != 1 || s.Strangers != 1 {
		t.Errorf("%+v", s)
	}
}

// Beyond queriesMax a query is refused at once, and nothing else suffers.
func TestOverload(t *testing.T) {
	release := make(chan struct{})
	r := start(t, everyone(well), func(s *Server) { s.slots = make(chan struct{}, 2) }, upstream(t, upstreamAddr, func(w dns.ResponseWriter, m *dns.Msg) {
		<-release
		world().serve(w, m)
	}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if m := r.ask(t, "udp", question("v4.example.", dns.TypeA)); m.Rcode != 0 {
				t.Errorf("%v", m)
			}
		})
	}
	wait(t, "both are being asked", func() bool { return r.Stats().AskedUDP == 2 })
	for _, network := range []string{"udp", "tcp"} {
		if m := r.ask(t, network, question("v4.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
	}
	close(release)
	wg.Wait()
	if s := r.settled(t); s.Overloaded != 2 || s.Answered != 2 {
		t.Errorf("%+v", s)
	}
}

// A client over its rate is not answered; the next second it is.
func TestRate(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	for r.limiter.allow(netip.MustParseAddr("127.0.0.1"), time.Since(r.Server.start)+burst/2) {
	}
	c := dns.Client{Timeout: 100 * time.Millisecond}
	if m, _, err := c.Exchange(question("v4.example.", dns.TypeA), r.addr); err == nil {
		t.Errorf("answered: %v", m)
	}
	if s := r.settled(t); s.Limited != 1 {
		t.Errorf("%+v", s)
	}
	wait(t, "it may send again", func() bool {
		_, _, err := c.Exchange(question("v4.example.", dns.TypeA), r.addr)
		return err == nil
	})
}

// Connections are few per client, and end when nothing comes.
func TestConnections(t *testing.T) {
	r := start(t, everyone(well), func(s *Server) { s.times.idle = 300 * time.Millisecond }, upstream(t, upstreamAddr, world().serve))
	var conns []net.Conn
	for range connectionsPerClientMax + 1 {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write([]byte{0, 100, 1}) // the beginning of a query
		conns = append(conns, c)
	}
	wait(t, "one too many", func() bool { return r.Stats().Turned == 1 })
	began := time.Now()
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) || time.Since(began) > 4*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	}
	wait(t, "none is counted", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.total == 0 && len(r.conns) == 0 && len(r.open) == 2
	})
	r.ask(t, "tcp", question("v4.example.", dns.TypeA))
}

// Close ends what waits for upstreams and clients, at once.
func TestClose(t *testing.T) {
	s, err := New([]netip.AddrPort{upstream(t, upstreamAddr, func(dns.ResponseWriter, *dns.Msg) {})}, everyone(well))
	if err != nil {
		t.Fatal(err)
	}
	pc, l := listen(t, "127.0.0.1")
	served := make(chan error, 2)
	go func() { served <- s.ServeUDP(pc) }()
	go func() { served <- s.ServeTCP(l) }()
	b, _ := question("v4.example.", dns.TypeAAAA).Pack()
	udp, err := net.Dial("udp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for range 20 {
		_, _ = udp.Write(b)
	}
	_ = writeTCP(tcp, b)
	wait(t, "all are being asked", func() bool { return s.Stats().AskedUDP == 21 })
	began := time.Now()
	_ = s.Close()
	_ = s.Close()
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("Close took %v", took)
	}
	for range 2 {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	pc, l = listen(t, "127.0.0.1")
	if err := errors.Join(s.ServeUDP(pc), s.ServeTCP(l)); err != nil || pc.Close() == nil || l.Close() == nil {
		t.Errorf("a closed Server leaves sockets open, or says %v", err)
	}
}

// A socket that its owner closes ends its Serve, and nothing else.
func TestSocketClosed(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	pc, l := listen(t, "127.0.0.1")
	served := make(chan error, 2)
	go func() { served <- r.ServeUDP(pc) }()
	go func() { served <- r.ServeTCP(l) }()
	_, _ = pc.Close(), l.Close()
	for range 2 {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	r.ask(t, "udp", question("v4.example.", dns.TypeA))
}

type brokenConn struct{ net.PacketConn }

var errBroken = errors.New("broken")

func (brokenConn) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errBroken }

// A socket that only fails ends its Serve with the error.
func TestSocketErrors(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	pc, l := listen(t, "127.0.0.1")
	_ = l.Close()
	if err := r.ServeUDP(brokenConn{pc}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if s := r.Stats(); s.SocketErrors != socketErrorsMax {
		t.Errorf("%+v", s)
	}
}

// Many clients at once; for the race detector.
func TestManyClients(t *testing.T) {
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve), upstream(t, "127.0.0.54", world().serve))
	var wg sync.WaitGroup
	for i := range connectionsPerClientMax / 2 { // a connection that ends may still be counted
		wg.Go(func() {
			for j := range 40 {
				m := r.ask(t, []string{"udp", "tcp"}[(i+j)%2], question("v4.example.", dns.TypeAAAA))
				section(t, "answer", m.Answer, []string{"v4.example. 60 IN AAAA 64:ff9b::808:808"})
			}
		})
	}
	wg.Wait()
	if s := r.settled(t); s.Answered != 320 || s.Synthesised != 320 {
		t.Errorf("%+v", s)
	}
}

func TestNew(t *testing.T) {
	ap := netip.MustParseAddrPort
	for _, bad := range [][]netip.AddrPort{
		nil, {{}}, {ap("10.0.0.1:0")}, {ap("0.0.0.0:53")}, {ap("[ff02::fb]:53")},
		slices.Repeat([]netip.AddrPort{ap("10.0.0.1:53")}, upstreamsMax+1),
	} {
		if _, err := New(bad, everyone(well)); err == nil {
			t.Errorf("upstreams %v are accepted", bad)
		}
	}
	if _, err := New([]netip.AddrPort{ap("10.0.0.1:53")}, nil); err == nil {
		t.Error("no settings are accepted")
	}
}
