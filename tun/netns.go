//go:build linux

package tun

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// PrivateNetNS is a network namespace without a name: it goes with what is in it. Name
// is what Config.NetNS and InNetNS take for it, in this process.
type PrivateNetNS struct {
	Name   string
	handle netns.NsHandle
}

// NewPrivateNetNS makes one, with its loopback up.
func NewPrivateNetNS() (*PrivateNetNS, error) {
	home, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("tun: this thread's network namespace: %w", err)
	}
	defer home.Close()
	var n PrivateNetNS
	err = onThread(home, func() (err error) {
		if n.handle, err = netns.New(); err != nil { // and moves this thread, which is brought home
			return fmt.Errorf("tun: make a network namespace (needs CAP_SYS_ADMIN): %w", err)
		}
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("tun: loopback of a new namespace: %w", err)
		}
		return netlink.LinkSetUp(lo)
	})
	if err != nil {
		if n.handle.IsOpen() {
			n.handle.Close()
		}
		return nil, err
	}
	n.Name = fmt.Sprintf("/proc/self/fd/%d", int(n.handle))
	return &n, nil
}

// Close gives the handle back. The namespace lives on as long as a device or a socket
// of it is open.
func (n *PrivateNetNS) Close() error { return n.handle.Close() }

// InNetNS runs fn in a network namespace: a name in /run/netns, or a path when
// it holds a slash. With an empty name fn runs where the caller is.
//
// A namespace belongs to a thread. So fn runs on a thread of its own, and must
// not start goroutines that need the namespace: they would run on other
// threads. Descriptors opened by fn, and processes started by it, stay in the
// namespace; the descriptors may be used anywhere afterwards. fn may itself
// move the thread on, to make a namespace for example: it is brought home from
// wherever it is.
func InNetNS(name string, fn func() error) error {
	if name == "" {
		return fn()
	}
	target, err := openNetNS(name)
	if err != nil {
		return fmt.Errorf("tun: network namespace %q: %w", name, err)
	}
	defer target.Close()
	return onThread(target, fn)
}

var errLeft = errors.New("tun: the function in the network namespace did not return")

func openNetNS(name string) (netns.NsHandle, error) {
	if strings.Contains(name, "/") {
		return netns.GetFromPath(name)
	}
	return netns.GetFromName(name)
}

func onThread(target netns.NsHandle, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errLeft
		defer func() { done <- err }() // also when fn ends the goroutine, as testing's Fatal does
		err = onLockedThread(target, fn)
	}()
	return <-done
}

// onLockedThread must run as the last call of its own goroutine.
//
// Unlocking a thread gives it back to other goroutines, which would find
// themselves in a foreign namespace. So it is unlocked only where it is known
// to be home. If it cannot go home, the goroutine ends locked and the runtime
// ends the thread with it.
func onLockedThread(target netns.NsHandle, fn func() error) (err error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// In /proc the main thread stands for the process: while it were away,
		// who looks for processes in the namespace would find all of this one.
		// As long as this goroutine holds it, the next runs on another.
		defer runtime.UnlockOSThread()
		return onThread(target, fn)
	}
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread() // never left
		return fmt.Errorf("tun: this thread's network namespace: %w", err)
	}
	defer home.Close()
	if err := netns.Set(target); err != nil {
		runtime.UnlockOSThread() // never left: setns changes all or nothing
		return fmt.Errorf("tun: enter network namespace (needs CAP_SYS_ADMIN): %w", err)
	}
	defer func() { // also when fn panics or ends the goroutine
		if back := netns.Set(home); back != nil {
			err = errors.Join(err, fmt.Errorf("tun: leave network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return fn()
}
