package lab

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// prefix keeps these tests apart from a measurement on the same machine.
const prefix = "hpbl-"

// abandoned names, in the environment of this test's own binary, the prefix of
// a lab that it makes and waits in to be killed.
const abandoned = "LAB_TEST_ABANDONED"

func TestMain(m *testing.M) {
	if p := os.Getenv(abandoned); p != "" {
		abandon(p)
	}
	os.Exit(m.Run())
}

// abandon makes a lab with a process in it, says the process' id, and waits.
func abandon(prefix string) {
	l, err := New(prefix)
	if err != nil {
		log.Fatal(err)
	}
	n, err := l.Namespace("left")
	if err != nil {
		log.Fatal(err)
	}
	p, err := l.Start(context.Background(), n, Command{Path: "/bin/sleep", Args: []string{"60"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.ID().PID)
	time.Sleep(time.Minute)
	os.Exit(1)
}

// A lab's processes end with the process that made it, even if that is killed;
// what is left is removed by the next lab.
func TestKilledLab(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), abandoned+"="+prefix)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	_, err = fmt.Fscan(out, &pid)
	_ = cmd.Process.Kill()
	if err != nil {
		t.Fatalf("%v, %v", err, cmd.Wait())
	}
	p, err := Identify(pid)
	_ = cmd.Wait()
	if err == nil && len(Gone([]ProcessID{p}, KillWaitMax)) > 0 {
		t.Errorf("process %d outlives the one whose lab it is in", pid)
	}
	if names, err := Names(prefix); err != nil || len(names) != 1 {
		t.Errorf("left: %v, %v", names, err)
	}
	newLab(t)
	if names, err := Names(prefix); err != nil || len(names) != 0 {
		t.Errorf("left by the next lab: %v, %v", names, err)
	}
}

func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := New(prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		left, _ := filepath.Glob("/run/netns/" + prefix + "*")
		files, _ := filepath.Glob("/run/" + prefix + "*")
		if len(left)+len(files) > 0 {
			t.Errorf("left behind: %v %v", left, files)
		}
	})
	return l
}

func namespace(t *testing.T, l *Lab, name string) *Namespace {
	t.Helper()
	n, err := l.Namespace(name, Forwarding...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// udp opens a UDP socket in a namespace, bound to an address if that is valid.
// What is read from it comes within 2 s, or never. The caller closes it.
func udp(t *testing.T, n *Namespace, family int, at netip.AddrPort) (fd int) {
	t.Helper()
	err := tun.InNetNS(n.Name, func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(2 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	if at.IsValid() {
		if err := unix.Bind(fd, sockaddr(at)); err != nil {
			t.Fatalf("bind %s in %s: %v", at, n.Name, err)
		}
	}
	return fd
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// carries checks that one UDP datagram gets from one namespace to another.
func carries(t *testing.T, from, to *Namespace, at string) {
	t.Helper()
	dst := netip.AddrPortFrom(netip.MustParseAddr(at), 9000)
	in := udp(t, to, family(dst.Addr()), dst)
	defer unix.Close(in)
	out := udp(t, from, family(dst.Addr()), netip.AddrPort{})
	defer unix.Close(out)
	if err := unix.Sendto(out, []byte("hello"), 0, sockaddr(dst)); err != nil {
		t.Fatalf("send from %s: %v", from.Name, err)
	}
	b := make([]byte, 16)
	if n, err := unix.Read(in, b); err != nil || string(b[:n]) != "hello" {
		t.Fatalf("%s received %q, %v", to.Name, b[:max(n, 0)], err)
	}
}

func TestUnderlayCarriesAndCuts(t *testing.T) {
	l := newLab(t)
	under, err := l.Namespace("under")
	if err != nil {
		t.Fatal(err)
	}
	a, b := namespace(t, l, "a"), namespace(t, l, "b")
	err = Underlay(t.Context(), under, 1600, true, []Member{
		{Name: "a", NS: a, Address: netip.MustParsePrefix("172.31.0.1/24")},
		{Name: "b", NS: b, Address: netip.MustParsePrefix("172.31.0.2/24")},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = ConnectTunnel(Tunnel{
		VNI: 7, Link: "vx7", MTU: 1500,
		A: TunnelEnd{a, netip.MustParseAddr("172.31.0.1"), netip.MustParsePrefix("192.168.7.1/30")},
		B: TunnelEnd{b, netip.MustParseAddr("172.31.0.2"), netip.MustParsePrefix("192.168.7.2/30")},
	})
	if err != nil {
		t.Fatal(err)
	}
	carries(t, a, b, "172.31.0.2")
	carries(t, b, a, "192.168.7.1")
}

// star is a router with three others around it, on links with IPv6 addresses
// beside the IPv4 ones that their link-layer addresses are made of.
func star(t *testing.T, l *Lab) (router *Namespace, leaves [3]*Namespace) {
	t.Helper()
	const via = "2001:db8::1"
	settings := append(IPv6[:len(IPv6):len(IPv6)], Forwarding6, SpreadByPorts6)
	router, err := l.Namespace("router", settings...)
	if err != nil {
		t.Fatal(err)
	}
	steps := []error{router.Address("lo", Single(netip.MustParseAddr(via)))}
	for i := range leaves {
		n, err := l.Namespace(fmt.Sprint("leaf", i), IPv6...)
		if err != nil {
			t.Fatal(err)
		}
		leaves[i] = n
		a, a4 := leafAddress(i), netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		far := fmt.Sprint("to", i)
		steps = append(steps,
			Connect(End{NS: router, Link: far}, End{NS: n, Link: "eth0", Address: Single(a4)}, 1500),
			n.Address("eth0", Single(a)),
			n.Neighbour("eth0", netip.MustParseAddr(via), FarMAC(a4)),
			n.Route(Anywhere6, Hop{"eth0", netip.MustParseAddr(via)}),
			router.Neighbour(far, a, MAC(a4)),
			router.Route(Single(a), Hop{Link: far}),
		)
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	return router, leaves
}

func leafAddress(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8::%d0", i+1)) }

// Addresses of IPv6 work at once, and no link has any but those it was given.
func TestIPv6IsCarriedAndQuiet(t *testing.T) {
	l := newLab(t)
	router, leaves := star(t, l)
	carries(t, leaves[0], leaves[1], leafAddress(1).String())
	carries(t, leaves[1], router, "2001:db8::1")
	carries(t, leaves[2], leaves[2], leafAddress(2).String())
	for _, n := range append(leaves[:], router) {
		out, err := l.Run(t.Context(), n, time.Minute, Command{Path: "/bin/cat", Args: []string{"/proc/net/if_inet6"}})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "fe80") || strings.Count(out, "\n") != 2 { // ::1 and its own
			t.Errorf("%s has\n%s", n.Name, out)
		}
	}
	quiet, err := l.Namespace("quiet")
	if err != nil {
		t.Fatal(err)
	}
	if err := quiet.Address("lo", Single(leafAddress(0))); err == nil {
		t.Error("a namespace without IPv6 took an IPv6 address")
	}
}

// A route with two next hops spreads the flows between two addresses over both,
// and what is dropped last gives way to a route to an address.
func TestIPv6IsSpreadAndDropped(t *testing.T) {
	l := newLab(t)
	router, leaves := star(t, l)
	public, at := netip.MustParsePrefix("2001:db8:100::/56"), netip.MustParseAddr("2001:db8:100::1")
	var hops []Hop
	var in [2]int
	for i := range in {
		hops = append(hops, Hop{fmt.Sprint("to", i+1), leafAddress(i + 1)})
		n := leaves[i+1]
		if err := errors.Join(n.Blackhole(public), n.Address("lo", Single(at))); err != nil {
			t.Fatal(err)
		}
		in[i] = udp(t, n, unix.AF_INET6, netip.AddrPortFrom(at, 9000))
		defer unix.Close(in[i])
	}
	if err := router.Route(public, hops...); err != nil {
		t.Fatal(err)
	}
	const flows = 64
	for range flows {
		out := udp(t, leaves[0], unix.AF_INET6, netip.AddrPort{}) // a port of its own
		defer unix.Close(out)
		if err := unix.Sendto(out, []byte("x"), 0, sockaddr(netip.AddrPortFrom(at, 9000))); err != nil {
			t.Fatal(err)
		}
	}
	var got [2]int
	for i := range got {
		b := make([]byte, 1)
		for _, err := unix.Read(in[i], b); err == nil; _, _, err = unix.Recvfrom(in[i], b, unix.MSG_DONTWAIT) {
			got[i]++
		}
	}
	if got[0]+got[1] != flows || got[0] < flows/8 || got[1] < flows/8 {
		t.Errorf("%v of %d flows", got, flows)
	}
	out := udp(t, leaves[1], unix.AF_INET6, netip.AddrPort{})
	defer unix.Close(out)
	if err := unix.Sendto(out, []byte("x"), 0, sockaddr(netip.AddrPortFrom(at.Next(), 9000))); !errors.Is(err, unix.EINVAL) {
		t.Errorf("to an address that nobody has: %v", err) // as the kernel says that it drops it
	}
}

func TestSourceNATHidesTheSender(t *testing.T) {
	l := newLab(t)
	a, gw, b := namespace(t, l, "a"), namespace(t, l, "gw"), namespace(t, l, "b")
	connect := func(x *Namespace, xl, xa string, y *Namespace, yl, ya string) {
		t.Helper()
		err := Connect(End{NS: x, Link: xl, Address: netip.MustParsePrefix(xa)},
			End{NS: y, Link: yl, Address: netip.MustParsePrefix(ya)}, 1500)
		if err != nil {
			t.Fatal(err)
		}
	}
	connect(a, "eth0", "10.0.0.2/24", gw, "lan", "10.0.0.1/24")
	connect(gw, "wan", "203.0.113.1/24", b, "eth0", "203.0.113.2/24")
	if err := a.Route(Anywhere, Hop{"eth0", netip.MustParseAddr("10.0.0.1")}); err != nil {
		t.Fatal(err)
	}
	// b has no route to 10.0.0.0/24, so an answer proves the translation.
	if err := gw.SourceNAT("wan", netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	carries(t, a, b, "203.0.113.2")
}

func TestProcessesStartBecomeReadyAndStop(t *testing.T) {
	l := newLab(t)
	n := namespace(t, l, "a")
	p, err := l.Start(t.Context(), n, Command{Path: "/bin/sh", Args: []string{"-c", "echo serving; exec sleep 60"}, Ready: "serving"})
	if err != nil {
		t.Fatal(err)
	}
	inside, err := Inside(n.Name)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := Scan(inside); err != nil || len(found) != 1 || found[0] != p.ID() {
		t.Errorf("processes in the namespace: %v, %v, want %v", found, err, p.ID())
	}
	if out := l.Finish(p); !strings.Contains(out, "serving") {
		t.Errorf("output %q", out)
	}
	if _, err := l.Start(t.Context(), n, Command{Path: "/bin/sh", Args: []string{"-c", "echo why >&2; exit 3"}, Ready: "serving"}); err == nil ||
		!strings.Contains(err.Error(), "why") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("the error does not say why: %v", err)
	}
	out, err := l.Run(t.Context(), n, time.Minute, Command{Path: "/bin/sh", Args: []string{"-c", "readlink /proc/self/ns/net"}})
	if err != nil {
		t.Fatal(err)
	}
	if mine, _ := os.Readlink("/proc/self/ns/net"); strings.TrimSpace(out) == mine || out == "" {
		t.Errorf("the process ran in %q, this one is in %q", out, mine)
	}
	if _, err := l.Run(t.Context(), n, 20*time.Millisecond, Command{Path: "/bin/sleep", Args: []string{"60"}}); err == nil {
		t.Error("a process outlived its limit without an error")
	}
}

func TestOnlyOneLabPerPrefix(t *testing.T) {
	newLab(t)
	if _, err := New(prefix); err != ErrBusy {
		t.Errorf("a second lab: %v", err)
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	l := newLab(t)
	n := namespace(t, l, "left")
	// A process that does not die with this one, as after a kill -9 of an
	// earlier measurement.
	cmd := exec.Command("/bin/sleep", "60")
	if err := tun.InNetNS(n.Name, cmd.Start); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	if err := removeLeftovers(prefix); err != nil {
		t.Fatal(err)
	}
	<-ended
	if _, err := os.Stat("/run/netns/" + n.Name); !os.IsNotExist(err) {
		t.Errorf("the namespace is still there: %v", err)
	}
}

// What was started for good stays when nobody waits for it, in a session of
// its own, with its output in its log.
func TestStartOutlives(t *testing.T) {
	l := newLab(t)
	n := namespace(t, l, "a")
	log := l.File("a.log")
	start := func(script string) (*Process, error) {
		p, err := Start(n.Name, "a", log, Command{Path: "/bin/sh", Args: []string{"-c", script}, Notify: l.File("a.notify")})
		if err != nil {
			t.Fatal(err)
		}
		return p, p.Await(t.Context())
	}
	_, err := start("echo why; exit 3")
	var died *DiedError
	if !errors.As(err, &died) || died.Name != "a" || died.Log != log || died.Tail != "why" || !strings.Contains(died.How, "exit status 3") {
		t.Errorf("%+v", err)
	}
	if left, _ := filepath.Glob(l.File("*.notify")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(n.Name, "a", log, Command{Path: "/bin/sleep", Args: []string{"60"}, Notify: l.File("a.notify")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	cancel()
	if err := p.Await(ctx); !errors.Is(err, context.Canceled) || !p.ID().Alive() {
		t.Errorf("await: %v", err)
	}
	if sid, err := unix.Getsid(p.ID().PID); err != nil || sid != p.ID().PID {
		t.Errorf("session %d of process %d, %v", sid, p.ID().PID, err)
	}
}

// A lab's processes are told to die with the thread that started them, so that
// one must be none of those that come and go.
func TestProcessesOutliveOtherThreads(t *testing.T) {
	l := newLab(t)
	n := namespace(t, l, "a")
	p, err := l.Start(t.Context(), n, Command{Path: "/bin/sleep", Args: []string{"60"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := tun.InNetNS(n.Name, func() error { runtime.Goexit(); return nil }); err == nil {
			t.Error("no error")
		}
	}
	if err := p.Ended(); err != nil {
		t.Error(err)
	}
}
