package tun_test

import (
	"os"
	"strings"
	"testing"

	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// The Go runtime's poller must not know the device: it would wake a thread for
// every packet that the owner's own poll sees anyway.
func TestNotInRuntimePoller(t *testing.T) {
	// The poller starts with the first file that needs it.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ns := tuntest.Namespace(t)
	before := polled(t)
	d := open(t, tun.Config{Name: "hptest0", MTU: 1500, NetNS: ns})[0]
	if d.FD() < 0 {
		t.Fatal("no descriptor")
	}
	if after := polled(t); after != before {
		t.Errorf("epoll watches %d descriptors, %d before the device was opened", after, before)
	}
}

// polled counts the descriptors that this process's epoll instances watch.
func polled(t *testing.T) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); !strings.Contains(to, "[eventpoll]") {
			continue
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + fd.Name())
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(info), "tfd:")
	}
	return n
}
