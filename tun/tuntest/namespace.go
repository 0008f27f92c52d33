package tuntest

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/vishvananda/netns"
)

// Namespace makes an empty network namespace and returns its path, for
// tun.Config.NetNS and tun.InNetNS. It has no name in the file system and
// ends with the test, or with the process however that ends: nothing can be
// left behind.
func Namespace(t testing.TB) string {
	t.Helper()
	made := make(chan netns.NsHandle, 1)
	failed := make(chan error, 1)
	go func() {
		// Never unlocked on failure: the thread may be in the new namespace,
		// and ends with this goroutine.
		runtime.LockOSThread()
		home, err := netns.Get()
		if err != nil {
			failed <- err
			return
		}
		defer home.Close()
		ns, err := netns.New()
		if err != nil {
			failed <- err
			return
		}
		if err := netns.Set(home); err != nil {
			ns.Close()
			failed <- err
			return
		}
		runtime.UnlockOSThread()
		made <- ns
	}()
	select {
	case ns := <-made:
		t.Cleanup(func() { ns.Close() })
		return fmt.Sprintf("/proc/self/fd/%d", int(ns))
	case err := <-failed:
		t.Fatalf("make a network namespace (needs root: CAP_SYS_ADMIN): %v", err)
	}
	return ""
}
