package lab

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// A source that is blocked is not heard, others are, and both are when it is
// undone; doing either twice is as doing it once.
func TestBlock(t *testing.T) {
	l := newLab(t)
	a, b := namespace(t, l, "a"), namespace(t, l, "b")
	err := Connect(End{NS: a, Link: "eth0", Address: netip.MustParsePrefix("172.31.0.1/24")},
		End{NS: b, Link: "eth0", Address: netip.MustParsePrefix("172.31.0.2/24")}, 1500)
	if err != nil {
		t.Fatal(err)
	}
	source := netip.MustParseAddr("172.31.0.1")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	carries(t, a, b, "172.31.0.2")
	for _, undo := range []func() error{
		func() error { return Unblock(b.Name, source) },
		func() error { return UnblockAll(b.Name) },
	} {
		must(undo()) // there is nothing to undo
		must(Block(b.Name, netip.MustParseAddr("172.31.0.9")))
		carries(t, a, b, "172.31.0.2")
		must(Block(b.Name, source))
		must(Block(b.Name, source))
		if heard(t, a, b, "172.31.0.2") {
			t.Error("a is heard")
		}
		carries(t, b, a, "172.31.0.1") // one way only
		must(undo())
		carries(t, a, b, "172.31.0.2")
	}
	if err := Block("no-such-namespace", source); err == nil {
		t.Error("no error")
	}
}

// heard reports whether a datagram arrives within a moment.
func heard(t *testing.T, from, to *Namespace, at string) bool {
	t.Helper()
	dst := &unix.SockaddrInet4{Addr: netip.MustParseAddr(at).As4(), Port: 9001}
	var fds [2]int
	for i, n := range []*Namespace{to, from} {
		if err := tun.InNetNS(n.Name, func() (err error) {
			fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[i])
	}
	if err := unix.Bind(fds[0], dst); err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendto(fds[1], []byte("hello"), 0, dst); err != nil {
		t.Fatal(err)
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fds[0]), Events: unix.POLLIN}}, int((100 * time.Millisecond).Milliseconds()))
	return err == nil && n > 0
}
