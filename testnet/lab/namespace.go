package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// NamespaceDir is where namespaces have their names, those of ip netns too.
const NamespaceDir = "/run/netns"

// here is the namespace of the calling thread, for tun.InNetNS.
const here = "/proc/thread-self/ns/net"

// Namespace is one that is being built. Its netlink socket was opened inside
// it and works from any thread.
type Namespace struct {
	Name string
	fd   netns.NsHandle
	link *netlink.Handle
}

// Create makes the named namespace with its loopback up.
func Create(name string, settings ...Sysctl) (*Namespace, error) {
	n := &Namespace{Name: name, fd: netns.None()}
	err := tun.InNetNS(here, func() (err error) {
		n.fd, err = netns.NewNamed(name) // and the thread is in it
		switch {
		case errors.Is(err, unix.EPERM):
			return ErrNotRoot
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
			return &MissingFeatureError{"network namespaces", "CONFIG_NET_NS", err}
		case err != nil:
			return err
		}
		for _, s := range append(quiet[:len(quiet):len(quiet)], settings...) {
			if err := s.write(); err != nil {
				return err
			}
		}
		if n.link, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("netlink: %w", err)
		}
		return n.up("lo")
	})
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return n, nil
}

// Close gives back the descriptors; the named namespace stays.
func (n *Namespace) Close() {
	if n.link != nil {
		n.link.Close()
	}
	if n.fd.IsOpen() {
		n.fd.Close()
	}
}

// Names lists the namespaces whose names begin with the prefix, sorted.
func Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(NamespaceDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Remove takes a namespace's name away. The namespace and its links go as soon
// as no process is in it.
func Remove(name string) error {
	path := filepath.Join(NamespaceDir, name)
	for {
		// More than one mount may be stacked here; EINVAL says that none is left.
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return fmt.Errorf("namespace %s: unmount: %w", name, err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}
