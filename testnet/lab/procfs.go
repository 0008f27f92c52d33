package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ProcessID names a process for good: the kernel reuses a number, but not
// together with the time its process started (in clock ticks since boot).
type ProcessID struct {
	PID   int
	Start uint64
}

// clockTicks is USER_HZ, the unit of start times in /proc: 100 on all of
// Linux' architectures that Go runs on.
const clockTicks = 100

// Identify completes a pid with its start time.
func Identify(pid int) (ProcessID, error) {
	_, start, err := procState(pid)
	return ProcessID{pid, start}, err
}

// procState reads a process' state letter and start time.
func procState(pid int) (state byte, start uint64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The second field is the program's name in parentheses and may itself
	// contain anything; the last parenthesis ends it.
	_, rest, ok := bytes.Cut(data[max(0, bytes.LastIndexByte(data, ')')):], []byte(" "))
	f := strings.Fields(string(rest))
	if !ok || len(f) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat: unexpected content", pid)
	}
	start, err = strconv.ParseUint(f[19], 10, 64) // field 22
	return f[0][0], start, err
}

// State is the process' state letter in /proc, 0 when not even its entry is
// there any more.
func (p ProcessID) State() byte {
	state, start, err := procState(p.PID)
	if err != nil || start != p.Start {
		return 0
	}
	return state
}

// Alive reports whether the process still runs. One that has ended but was
// not waited for does not; one whose first thread has ended while others go
// on, as they do for a moment after SIGKILL, does: they still hold its sockets
// and devices.
func (p ProcessID) Alive() bool {
	switch p.State() {
	case 0:
		return false
	case 'Z', 'X':
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.PID))
		return err == nil && len(threads) > 1
	}
	return true
}

// Stopped reports whether the process is held, by a signal or a debugger.
func (p ProcessID) Stopped() bool {
	s := p.State()
	return s == 'T' || s == 't'
}

// Signal sends sig if the process still runs.
func (p ProcessID) Signal(sig syscall.Signal) error {
	if !p.Alive() {
		return os.ErrProcessDone
	}
	return syscall.Kill(p.PID, sig)
}

// Uptime is how long the process has been running.
func (p ProcessID) Uptime() time.Duration {
	data, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(data), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	started := time.Duration(p.Start) * time.Second / clockTicks
	return max(0, time.Duration(seconds*float64(time.Second))-started)
}

// Scan lists the running processes, other than this one, for which want is
// true. Processes that end meanwhile are left out.
func Scan(want func(pid int) bool) ([]ProcessID, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []ProcessID
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !want(pid) {
			continue
		}
		if p, err := Identify(pid); err == nil && p.Alive() {
			found = append(found, p)
		}
	}
	return found, nil
}

// nsID is a namespace's identity.
type nsID struct{ dev, ino uint64 }

func nsAt(path string) (nsID, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return nsID{}, err
	}
	return nsID{st.Dev, st.Ino}, nil
}

// Inside returns a test for processes that are in one of the namespaces
// named, which must not be removed before.
func Inside(names ...string) (func(pid int) bool, error) {
	set := map[nsID]bool{}
	for _, name := range names {
		id, err := nsAt(filepath.Join(NamespaceDir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		set[id] = true
	}
	return func(pid int) bool {
		id, err := nsAt(fmt.Sprintf("/proc/%d/ns/net", pid))
		return err == nil && set[id]
	}, nil
}
