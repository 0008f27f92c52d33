package testnet

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"hyperplane/testnet/lab"
)

// Removed says what Down found and took away.
type Removed struct {
	Processes, Namespaces, Files int
}

// Nothing reports whether there was nothing to do.
func (r Removed) Nothing() bool { return r == Removed{} }

// Down takes the testnet down, whatever is left of it. Without one it does
// nothing and returns no error.
func Down(ctx context.Context, dir Dir) (Removed, error) {
	if os.Geteuid() != 0 {
		return Removed{}, ErrNotRoot
	}
	unlock, err := lock(ctx, lockWaitMax)
	if err != nil {
		return Removed{}, err
	}
	defer unlock()
	return takeDown(dir)
}

// takeDown is Down for who holds the lock. It goes as far as it can and
// returns all errors.
//
//  1. ask the roles to stop, so that what they do at the end is done
//  2. kill every process that is in our namespaces or carries our mark
//  3. remove the names of the namespaces; with them go the links
//  4. remove the files
func takeDown(dir Dir) (Removed, error) {
	var r Removed
	names, err := namespaces()
	if err != nil {
		return r, err
	}
	want, err := processesOf(dir, names)
	if err != nil {
		return r, err
	}
	found, err := lab.Scan(want)
	if err != nil {
		return r, err
	}
	r.Processes = len(found)
	stopPolitely(found)
	errs := []error{lab.KillAll(want)}
	reaped(found)
	for _, name := range names {
		if err := lab.Remove(name); err != nil {
			errs = append(errs, err)
			continue
		}
		r.Namespaces++
	}
	os.Remove(lab.NamespaceDir) // fails when others have namespaces, or ip made it a mount
	r.Files, err = dir.remove()
	return r, errors.Join(append(errs, err)...)
}

// processesOf returns a test for the testnet's processes: they are in one of
// its namespaces, carry its mark, or have a pid file.
func processesOf(dir Dir, namespaces []string) (func(pid int) bool, error) {
	inside, err := lab.Inside(namespaces...)
	if err != nil {
		return nil, err
	}
	recorded := recordedPids(dir)
	return func(pid int) bool {
		if inside(pid) || markOf(pid) != "" {
			return true
		}
		p, ok := recorded[pid]
		return ok && p.Alive()
	}, nil
}

// recordedPids are the processes of the pid files that still run.
func recordedPids(dir Dir) map[int]lab.ProcessID {
	pids := map[int]lab.ProcessID{}
	files, _ := dir.files()
	for _, f := range files {
		if name, ok := strings.CutSuffix(f, ".pid"); ok {
			if p, ok := readPid(dir, name); ok && p.Alive() {
				pids[p.PID] = p
			}
		}
	}
	return pids
}

// stopPolitely sends SIGTERM to our roles and gives them a moment. Others who
// happen to be in the namespaces, and roles that cannot run, do not get it.
func stopPolitely(found []lab.ProcessID) {
	var asked []lab.ProcessID
	for _, p := range found {
		if p.Stopped() || markOf(p.PID) == "" {
			continue
		}
		if p.Signal(syscall.SIGTERM) == nil {
			asked = append(asked, p)
		}
	}
	lab.Gone(asked, politeWaitMax)
}

// reaped waits until whoever inherited the ended processes has collected
// them, so that not even their entries are seen after Down. Some init
// processes take their time; it is not our failure if they never do.
func reaped(procs []lab.ProcessID) {
	deadline := time.Now().Add(reapWaitMax)
	for _, p := range procs {
		for time.Now().Before(deadline) {
			if p.State() == 0 {
				break
			}
			time.Sleep(lab.PollEvery)
		}
	}
}
