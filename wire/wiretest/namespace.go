package wiretest

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/wire"
)

// InNamespace runs f on a thread inside a fresh network namespace whose
// loopback is up with the given MTU. Sockets that f opens stay in the
// namespace, which vanishes with the last of them.
func InNamespace(t testing.TB, mtu int, f func()) {
	t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		if errors.Is(err, unix.EPERM) {
			t.Skip("not supported: creating a network namespace needs CAP_SYS_ADMIN (try: go test -exec 'unshare -Urnm --')")
		}
		t.Fatal(err)
	}
	defer func() {
		// A thread that cannot go home stays locked and ends with its goroutine.
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Errorf("back to the first network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	}()
	raiseLoopback(t, mtu)
	f()
}

func raiseLoopback(t testing.TB, mtu int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint32(uint32(mtu))
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, lo); err != nil {
		t.Fatalf("MTU %d of the loopback: %v", mtu, err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatalf("raise the loopback: %v", err)
	}
}

// OpenUDP opens n conns on 127.0.0.1 and following in a namespace of their
// own. It is an Open; change, when not nil, adjusts each configuration.
func OpenUDP(t testing.TB, n, mtu int, change ...func(*wire.Config)) []wire.Conn {
	t.Helper()
	var conns []wire.Conn
	InNamespace(t, mtu, func() {
		for i := range n {
			cfg := wire.Config{Local: netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), PathMTU: mtu}
			for _, f := range change {
				f(&cfg)
			}
			opened, err := wire.Listen(cfg)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, opened...)
		}
	})
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close() // twice for those that the test closed
		}
	})
	return conns
}
