package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Lab is a set of namespaces and processes with one owner, this process.
type Lab struct {
	prefix     string
	dir        string // for notification sockets and whoever needs a file
	unlock     func()
	starter    *starter
	namespaces []*Namespace
	processes  []*Process
}

// New makes an empty lab and removes what an earlier one with the prefix left.
// ErrBusy: there is another one.
func New(prefix string) (l *Lab, err error) {
	if os.Geteuid() != 0 {
		return nil, ErrNotRoot
	}
	l = &Lab{prefix: prefix}
	if l.unlock, err = Lock("/run/" + prefix + "lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	// Fixed, like the namespaces' names: the lock makes it ours, and the next
	// lab finds what a killed one left there.
	l.dir = "/run/" + prefix + "files"
	if err := errors.Join(removeLeftovers(prefix), os.RemoveAll(l.dir)); err != nil {
		return nil, fmt.Errorf("leftovers: %w", err)
	}
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return nil, err
	}
	l.starter, err = newStarter()
	return l, err
}

// removeLeftovers kills what runs in namespaces with the prefix and removes
// them. Whoever calls it holds the lock, so nobody uses them.
func removeLeftovers(prefix string) error {
	names, err := Names(prefix)
	if err != nil {
		return err
	}
	inside, err := Inside(names...)
	if err != nil {
		return err
	}
	errs := []error{KillAll(inside)}
	for _, name := range names {
		errs = append(errs, Remove(name))
	}
	return errors.Join(errs...)
}

// File is the path of a file that goes with the lab.
func (l *Lab) File(name string) string { return filepath.Join(l.dir, name) }

// Namespace makes the namespace PREFIXname.
func (l *Lab) Namespace(name string, settings ...Sysctl) (*Namespace, error) {
	n, err := Create(l.prefix+name, settings...)
	if err != nil {
		return nil, errors.Join(err, Remove(l.prefix+name))
	}
	l.namespaces = append(l.namespaces, n)
	return n, nil
}

// Close stops every process and removes every namespace, the last made first.
// It can be called again.
func (l *Lab) Close() error {
	var errs []error
	for _, p := range l.processes {
		p.signal(unix.SIGTERM) // all at once; Stop then waits for each
	}
	for _, p := range slices.Backward(l.processes) {
		p.Stop()
	}
	l.processes = nil
	for _, n := range slices.Backward(l.namespaces) {
		n.Close()
		errs = append(errs, Remove(n.Name))
	}
	l.namespaces = nil
	if l.starter != nil {
		l.starter.end()
		l.starter = nil
	}
	if l.dir != "" {
		errs = append(errs, os.RemoveAll(l.dir))
		l.dir = ""
	}
	if l.unlock != nil {
		l.unlock()
		l.unlock = nil
	}
	return errors.Join(errs...)
}
