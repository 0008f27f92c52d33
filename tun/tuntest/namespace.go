package tuntest

import (
	"fmt"
	"testing"

	"github.com/vishvananda/netns"

	"hyperplane/tun"
)

// Namespace makes an empty network namespace and returns its path, for
// tun.Config.NetNS and tun.InNetNS. It has no name in the file system and
// ends with the test, or with the process however that ends: nothing can be
// left behind.
func Namespace(t testing.TB) string {
	t.Helper()
	var ns netns.NsHandle
	err := tun.InNetNS("/proc/thread-self/ns/net", func() (err error) {
		ns, err = netns.New() // and the thread is in it
		return err
	})
	if err != nil {
		t.Fatalf("make a network namespace (needs root: CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	return fmt.Sprintf("/proc/self/fd/%d", int(ns))
}
