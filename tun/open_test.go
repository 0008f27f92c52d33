package tun_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// seen is what netlink says about a device.
type seen struct {
	MTU    int
	Queue  int
	Up     bool
	Addrs  []string
	Routes []string
	IPv6   string // disable_ipv6
}

// look asks netlink in a namespace; nil when the device is not there.
func look(t *testing.T, ns, name string) (s *seen) {
	t.Helper()
	err := tun.InNetNS(ns, func() error {
		link, err := netlink.LinkByName(name)
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			return nil
		}
		if err != nil {
			return err
		}
		a := link.Attrs()
		s = &seen{MTU: a.MTU, Queue: a.TxQLen, Up: a.RawFlags&unix.IFF_UP != 0}
		if addrs, err := netlink.AddrList(link, netlink.FAMILY_ALL); err == nil {
			for _, a := range addrs {
				s.Addrs = append(s.Addrs, a.IPNet.String())
			}
		}
		if routes, err := netlink.RouteList(link, netlink.FAMILY_V4); err == nil {
			for _, r := range routes {
				s.Routes = append(s.Routes, fmt.Sprintf("%v via %v", r.Dst, r.Gw))
			}
		}
		b, _ := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6")
		s.IPv6 = strings.TrimSpace(string(b))
		return nil
	})
	if err != nil {
		t.Fatalf("look for %s: %v", name, err)
	}
	return s
}

func TestOpenConfigures(t *testing.T) {
	ns := tuntest.Namespace(t)
	open(t, tun.Config{
		Name: "hptest0", MTU: 8500, NetNS: ns, QueueLen: 1000,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.1.10/32")},
		Routes: []tun.Route{
			{Dst: netip.MustParsePrefix("10.0.0.0/16")},
			{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("169.254.1.1")},
		},
	})
	want := &seen{
		MTU: 8500, Queue: 1000, Up: true, IPv6: "1",
		Addrs:  []string{"10.0.1.10/32"},
		Routes: []string{"0.0.0.0/0 via 169.254.1.1", "10.0.0.0/16 via <nil>"},
	}
	if diff := cmp.Diff(want, look(t, ns, "hptest0")); diff != "" {
		t.Errorf("device (-want +got):\n%s", diff)
	}
	if look(t, "", "hptest0") != nil {
		t.Error("the device is in the caller's namespace")
	}
}

func TestOpenIPv6(t *testing.T) {
	ns := tuntest.Namespace(t)
	open(t, tun.Config{
		Name: "hptest0", MTU: 1500, NetNS: ns,
		Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")},
		Routes:    []tun.Route{{Dst: netip.MustParsePrefix("2001:db8:1::/48")}},
	})
	s := look(t, ns, "hptest0")
	// Its own address only: no link-local one.
	if diff := cmp.Diff([]string{"2001:db8::1/64"}, s.Addrs); diff != "" || s.IPv6 != "0" {
		t.Errorf("disable_ipv6 %s, addresses (-want +got):\n%s", s.IPv6, diff)
	}
}

// The device goes with its last queue, and the name is free again.
func TestCloseDeletes(t *testing.T) {
	ns := tuntest.Namespace(t)
	for range 2 {
		for _, d := range open(t, tun.Config{Name: "hptest0", MTU: 1500, Queues: 2, NetNS: ns}) {
			if look(t, ns, "hptest0") == nil {
				t.Fatal("the device went before its last queue")
			}
			if err := d.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
		}
		if look(t, ns, "hptest0") != nil {
			t.Fatal("the device outlives its queues")
		}
	}
}

// A failed Open leaves no device behind, at whatever step it fails.
func TestOpenFails(t *testing.T) {
	ns := tuntest.Namespace(t)
	taken := open(t, tun.Config{Name: "taken", MTU: 1500, NetNS: ns})
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		name string
		cfg  tun.Config
		want string
	}{
		{"no MTU", tun.Config{}, "MTU 0"},
		{"MTU", tun.Config{MTU: 65536}, "MTU 65536"},
		{"name", tun.Config{Name: "a-name-too-long-", MTU: 1500}, "15 bytes"},
		{"name with slash", tun.Config{Name: "a/b", MTU: 1500}, "slash"},
		{"queues", tun.Config{MTU: 1500, Queues: 65}, "65 queues"},
		{"address", tun.Config{MTU: 1500, Addresses: []netip.Prefix{{}}}, "not valid"},
		{"route", tun.Config{MTU: 1500, Routes: []tun.Route{{}}}, "not valid"},
		{"families", tun.Config{MTU: 1500, Routes: []tun.Route{{Dst: prefix("::/0"), Via: netip.MustParseAddr("10.0.0.1")}}}, "mixes"},
		{"namespace", tun.Config{MTU: 1500, NetNS: "hp-none-of-this-name"}, "hp-none-of-this-name"},
		{"taken", tun.Config{Name: "taken", MTU: 1500, NetNS: ns}, "exists"},
		{"address twice", tun.Config{Name: "t1", MTU: 1500, NetNS: ns, Addresses: []netip.Prefix{prefix("10.0.0.1/32"), prefix("10.0.0.1/32")}}, "add address"},
		{"route twice", tun.Config{Name: "t1", MTU: 1500, NetNS: ns, Routes: []tun.Route{{Dst: prefix("10.0.0.0/8")}, {Dst: prefix("10.0.0.0/8")}}}, "add route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			devices, err := tun.Open(c.cfg)
			if err == nil || devices != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", devices, err, c.want)
			}
			if look(t, ns, "t1") != nil {
				t.Error("a device was left behind")
			}
		})
	}
	if p, ok, err := taken[0].Read(make([]byte, tun.ReadLen)); ok || err != nil {
		t.Errorf("the device that was there suffered: %v, %v, %v", p, ok, err)
	}
}

// By name as well as by path.
func TestNamedNamespace(t *testing.T) {
	name := fmt.Sprintf("hp-test-tun-%d", os.Getpid())
	err := tun.InNetNS("/proc/self/ns/net", func() error {
		home, err := netns.Get()
		if err != nil {
			return err
		}
		defer home.Close()
		ns, err := netns.NewNamed(name)
		if err != nil {
			return err
		}
		ns.Close()
		return netns.Set(home)
	})
	if err != nil {
		t.Fatalf("make namespace: %v", err)
	}
	t.Cleanup(func() {
		if err := netns.DeleteNamed(name); err != nil {
			t.Errorf("delete namespace: %v", err)
		}
	})
	open(t, tun.Config{Name: "hptest0", MTU: 1500, NetNS: name})
	if look(t, name, "hptest0") == nil {
		t.Error("the device is not in the namespace")
	}
}

// withLink runs f on a device in a namespace.
func withLink(t *testing.T, ns, name string, f func(netlink.Link) error) {
	t.Helper()
	err := tun.InNetNS(ns, func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return f(link)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A device deleted under its owner says so.
func TestDeleted(t *testing.T) {
	ns := tuntest.Namespace(t)
	d := open(t, tun.Config{Name: "hptest0", MTU: 1500, NetNS: ns})[0]
	withLink(t, ns, "hptest0", netlink.LinkDel)
	if _, _, err := d.Read(make([]byte, tun.ReadLen)); !errors.Is(err, tun.ErrGone) {
		t.Errorf("read: %v, want ErrGone", err)
	}
	p := tuntest.Echo(1)
	d.Write(&p)
	d.Flush()
	if s := d.Stats(); s.RefusedPackets != 1 {
		t.Errorf("refused %d, want 1", s.RefusedPackets)
	}
}

// Packets written while the device is down are refused and counted.
func TestDown(t *testing.T) {
	ns := tuntest.Namespace(t)
	d := open(t, tun.Config{Name: "hptest0", MTU: 1500, NetNS: ns})[0]
	withLink(t, ns, "hptest0", netlink.LinkSetDown)
	for i := range 3 {
		p := tuntest.TCPData(i*100, 100)
		d.Write(&p)
	}
	d.Flush()
	if s := d.Stats(); s.RefusedPackets != 3 || s.WrittenPackets != 0 || s.Writes != 1 {
		t.Errorf("refused %d, written %d in %d writes, want 3, 0, 1", s.RefusedPackets, s.WrittenPackets, s.Writes)
	}
	if _, ok, err := d.Read(make([]byte, tun.ReadLen)); ok || err != nil {
		t.Errorf("read: %v, %v", ok, err)
	}
}

// Every way out of InNetNS leaves the process's other threads at home.
func TestInNetNSReturns(t *testing.T) {
	ns := tuntest.Namespace(t)
	boom := errors.New("boom")
	for range 20 {
		if err := tun.InNetNS(ns, func() error { return boom }); !errors.Is(err, boom) {
			t.Fatalf("error %v, want boom", err)
		}
		if err := tun.InNetNS(ns, func() error { runtime.Goexit(); return nil }); err == nil {
			t.Fatal("no error for a function that did not return")
		}
		// A function that goes on to a namespace of its own, as one that makes
		// them does, and never the thread that stands for the whole process.
		err := tun.InNetNS(ns, func() error {
			if unix.Gettid() == unix.Getpid() {
				return errors.New("on the main thread")
			}
			return unix.Unshare(unix.CLONE_NEWNET)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net")
		if err == nil && ns != home { // an error: the thread has ended
			t.Errorf("thread %s is in %s, not %s", task.Name(), ns, home)
		}
	}
}
