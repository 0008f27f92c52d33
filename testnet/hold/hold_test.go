package hold

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/testnet/lab"
	"hyperplane/tun"
)

// bed is two namespaces with a link between them, and a server at one end.
type bed struct {
	client, server string
	address        netip.Addr
}

func newBed(t *testing.T) bed {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not supported here: namespaces need root")
	}
	l, err := lab.New("hph-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ends := make([]lab.End, 2)
	for i, name := range []string{"client", "server"} {
		ns, err := l.Namespace(name, lab.IPv6...)
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = lab.End{NS: ns, Link: "eth0", Address: netip.MustParsePrefix(fmt.Sprintf("10.9.0.%d/24", i+1))}
	}
	if err := lab.Connect(ends[0], ends[1], 1500); err != nil {
		t.Fatal(err)
	}
	for i, e := range ends {
		mac := lab.MAC(ends[1-i].Address.Addr())
		err := errors.Join(
			e.NS.Address(e.Link, netip.MustParsePrefix(fmt.Sprintf("2001:db8:9::%d/64", i+1))),
			e.NS.Neighbour(e.Link, netip.MustParseAddr(fmt.Sprintf("2001:db8:9::%d", 2-i)), mac),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	return bed{"hph-client", "hph-server", netip.MustParseAddr("10.9.0.2")}
}

// serve runs a Server until the returned function is called.
func (b bed) serve(t *testing.T) (stop func()) {
	t.Helper()
	var s *Server
	if err := tun.InNetNS(b.server, func() (err error) { s, err = Listen(b.address); return err }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
	}
	t.Cleanup(stop)
	return stop
}

// run holds connections; f is told every event and returns the next command.
func (b bed) run(t *testing.T, tcp, udp int, f func(Event) string) Window {
	t.Helper()
	c, err := Open(t.Context(), Options{From: []string{b.client}, Servers: []netip.Addr{b.address}, TCP: tcp, UDP: udp})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	commands := make(chan string, 10)
	w, err := c.Run(t.Context(), commands, func(e Event) {
		if next := f(e); next != "" {
			commands <- next
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// over6 is the bed with the server at its IPv6 address.
func (b bed) over6() bed {
	b.address = netip.MustParseAddr("2001:db8:9::2")
	return b
}

// Connections of IPv6 are held as those of IPv4, and the server tells apart who
// comes from where.
func TestHoldsIPv6(t *testing.T) {
	b := newBed(t).over6()
	b.serve(t)
	w := b.run(t, 50, 50, func(e Event) string {
		return map[string]string{EventHeld: "round", EventRound: "stop"}[e.Event]
	})
	if !w.Intact() || w.TCP != 50 || w.UDP != 50 || w.Exchanges < 100 {
		t.Errorf("%v: %+v", w, w)
	}
}

// What nobody disturbs is held, and windows have their names and figures.
func TestHoldsUndisturbed(t *testing.T) {
	b := newBed(t)
	b.serve(t)
	next := map[string]string{EventHeld: "round", EventRound: "mark later", EventMark: "stop"}
	var windows []string
	w := b.run(t, 300, 100, func(e Event) string {
		if e.Window != nil {
			windows = append(windows, e.Event+" "+e.Window.Name)
		}
		return next[e.Event]
	})
	if !w.Intact() || w.TCP != 300 || w.UDP != 100 || w.Exchanges < 400 || w.Stall.Conns != 400 || w.Busy.Conns != busyConns {
		t.Errorf("%v: %+v", w, w)
	}
	if w.Stall.Max <= 0 || w.Stall.P50 > w.Stall.P99 || w.Stall.P99 > w.Stall.Max {
		t.Errorf("stalls %+v", w.Stall)
	}
	if got := fmt.Sprint(windows); got != "[mark start stop later result all]" {
		t.Error(got)
	}
}

// When nothing comes through for a while, nothing breaks, and everybody's stall
// is as long as that; datagrams are sent again. A partition is what this makes.
func TestStallsAreMeasured(t *testing.T) {
	b := newBed(t)
	b.serve(t)
	const cut = 400 * time.Millisecond
	var before, while Window
	step := 0
	w := b.run(t, 100, 50, func(e Event) string {
		switch step++; step {
		case 1:
			return "mark cut" // held
		case 2: // the mark: a window begins, and its first moment is silence
			before = *e.Window
			if err := lab.Block(b.server, netip.MustParseAddr("10.9.0.1")); err != nil {
				t.Error(err)
			}
			time.AfterFunc(cut, func() {
				if err := lab.UnblockAll(b.server); err != nil {
					t.Error(err)
				}
			})
			return "round"
		case 3:
			return "stop"
		case 4:
			while = *e.Window
		}
		return ""
	})
	if !w.Intact() {
		t.Error(w)
	}
	if while.Name != "cut" || while.Busy.P50 < ms(cut)/2 || while.Busy.Max < before.Busy.Max || w.Busy.Max < while.Busy.Max {
		t.Errorf("busy stalls: before %+v, while %+v, in all %+v", before.Busy, while.Busy, w.Busy)
	}
	if while.Resent == 0 || w.Resent < while.Resent {
		t.Errorf("%d datagrams of %d were sent again", while.Resent, w.Resent)
	}
}

// A server that ends breaks every connection, and a flow that has nobody at the
// other end is not broken at once.
func TestBrokenAreCounted(t *testing.T) {
	b := newBed(t)
	stop := b.serve(t)
	w := b.run(t, 50, 10, func(e Event) string {
		switch {
		case e.Event == EventHeld:
			go stop()
			return "mark 1"
		case e.Event == EventMark && e.Window.Broken == 0 && e.Window.TCP > 0:
			return "mark again" // until it shows
		case e.Event == EventMark && e.Window.TCP > 0:
			return "mark the rest"
		case e.Event == EventMark:
			return "stop"
		}
		return ""
	})
	if w.Broken != 50 || w.TCP != 0 || w.UDP != 10 || w.Misdelivered != 0 {
		t.Error(w)
	}
}

// Nobody listens: the reason says who, and nothing stays open.
func TestOpenFails(t *testing.T) {
	b := newBed(t)
	_, err := Open(t.Context(), Options{From: []string{b.client}, Servers: []netip.Addr{b.address}, TCP: 10})
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("error %v", err)
	}
	b.serve(t)
	for _, o := range []Options{{}, {TCP: -1, UDP: 2}, {TCP: ConnsMax + 1}} {
		o.From, o.Servers = []string{b.client}, []netip.Addr{b.address}
		if _, err := Open(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Options{From: []string{b.client}, Servers: []netip.Addr{b.address}, TCP: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A server tells who brings another's data, whichever way it comes.
func TestServerSeesForeignData(t *testing.T) {
	b := newBed(t)
	b.serve(t)
	seesForeignData(t, b)
	b = b.over6()
	b.serve(t)
	seesForeignData(t, b)
}

func seesForeignData(t *testing.T, b bed) {
	t.Helper()
	for _, network := range []string{"tcp", "udp"} {
		var c net.Conn
		err := tun.InNetNS(b.client, func() (err error) {
			c, err = net.Dial(network, netip.AddrPortFrom(b.address, FirstPort).String())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ask := func(r record) record {
			t.Helper()
			var buf [recordBytes]byte
			r.put(buf[:])
			if _, err := c.Write(buf[:]); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if n, err := c.Read(buf[:]); err != nil || n != recordBytes {
				t.Fatalf("%s: %d bytes, %v", network, n, err)
			}
			return parseRecord(buf[:])
		}
		own := record{id: id{7, 1}, seq: 1, token: 5}
		a := ask(own)
		if a.id != own.id || a.token != 5 || a.foreign || a.seen.String() != c.LocalAddr().String() {
			t.Errorf("%s: %+v", network, a)
		}
		if a := ask(record{id: id{7, 2}, seq: 2}); !a.foreign {
			t.Errorf("%s: another's data: %+v", network, a)
		}
	}
}
