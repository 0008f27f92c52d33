package resolver

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"hyperplane/packet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// well is AWS's DNS64: the well-known prefix, private addresses included; strict
// is RFC 6052's.
var (
	well   = dns64("64:ff9b::/96", true)
	strict = dns64("64:ff9b::/96", false)
)

func dns64(prefix string, nonGlobal bool) DNS64 {
	p, ok := packet.NewPrefix64(netip.MustParsePrefix(prefix), nonGlobal)
	if !ok {
		panic(prefix)
	}
	return DNS64{Prefix: p}
}

// rr reads records as zone files have them.
func rr(lines ...string) (rrs []dns.RR) {
	for _, l := range lines {
		r, err := dns.NewRR(l)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, r)
	}
	return rrs
}

// question is a client's query.
func question(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	return m
}

// zone is a server for tests: what it answers, by "name TYPE".
type zone map[string]said

type said struct {
	rcode             int
	answer, ns, extra []dns.RR
	silent            bool
}

const soa = "example. 300 SOA ns.example. admin.example. 1 3600 600 86400 120"

// reply answers m out of the zone, as validated. What is not there is an empty answer.
func (z zone) reply(m *dns.Msg) *dns.Msg {
	q := m.Question[0]
	s, ok := z[q.Name+" "+dns.TypeToString[q.Qtype]]
	if s.silent {
		return nil
	}
	a := new(dns.Msg).SetReply(m)
	a.RecursionAvailable, a.AuthenticatedData, a.Rcode, a.Answer, a.Ns, a.Extra = true, true, s.rcode, s.answer, s.ns, s.extra
	if !ok {
		a.Ns = rr(soa)
	}
	if opt := m.IsEdns0(); opt != nil {
		a.SetEdns0(4096, opt.Do())
	}
	return a
}

// listen opens one port for UDP and TCP.
func listen(t testing.TB, addr string) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 { // the kernel chooses a port that TCP need not have free
		pc, err := net.ListenPacket("udp", addr+":0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, l
		}
		_ = pc.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// upstream runs a DNS server on a loopback address of its own, by UDP and TCP.
func upstream(t testing.TB, addr string, handler dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	pc, l := listen(t, addr)
	var wg sync.WaitGroup
	var servers []*dns.Server
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		wg.Go(func() { _ = s.ActivateAndServe() })
		<-started
		servers = append(servers, s)
	}
	t.Cleanup(func() {
		for _, s := range servers {
			_ = s.Shutdown()
		}
		wg.Wait()
	})
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

// serve makes z's handler, with the cut that a server makes by UDP.
func (z zone) serve(w dns.ResponseWriter, m *dns.Msg) {
	a := z.reply(m)
	if a == nil {
		return
	}
	if _, udp := w.LocalAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if opt := m.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		a.Truncate(size)
	}
	_ = w.WriteMsg(a)
}

// everyone serves all clients alike.
func everyone(d DNS64) Settings { return func(netip.Addr) (DNS64, bool) { return d, true } }

// rig is a Server on loopback.
type rig struct {
	*Server
	addr string
}

func start(t testing.TB, settings Settings, change func(*Server), upstreams ...netip.AddrPort) rig {
	t.Helper()
	s, err := New(upstreams, settings)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	pc, l := listen(t, "127.0.0.1")
	var wg sync.WaitGroup
	for _, serve := range []func() error{func() error { return s.ServeUDP(pc) }, func() error { return s.ServeTCP(l) }} {
		wg.Go(func() {
			if err := serve(); err != nil {
				t.Errorf("serve: %v", err)
			}
		})
	}
	t.Cleanup(func() { _ = s.Close(); wg.Wait() })
	return rig{s, pc.LocalAddr().String()}
}

// ask is a client's query and its answer.
func (r rig) ask(t testing.TB, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: 10 * time.Second}
	a, _, err := c.Exchange(m, r.addr)
	if err != nil {
		t.Fatalf("%s %v: %v", network, m.Question, err)
	}
	return a
}

// wait is for counters that follow shortly.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
