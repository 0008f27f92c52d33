package testnet

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"hyperplane/testnet/lab"
)

// Kill sends a signal to a part's process. For a signal that ends a process
// it returns when the process is gone.
func Kill(dir Dir, name string, sig syscall.Signal) error {
	t, err := running(dir)
	if err != nil {
		return err
	}
	if _, err := t.find(name, "process", Part.HasProcess); err != nil {
		return err
	}
	p, alive := findProcess(dir, name)
	if !alive {
		return fmt.Errorf("%s does not run: start it with 'hyperplane testnet start %s'", name, name)
	}
	if err := p.Signal(sig); err != nil {
		return fmt.Errorf("%s (process %d): %w", name, p.PID, err)
	}
	switch sig {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		if left := lab.Gone([]lab.ProcessID{p}, lab.KillWaitMax); len(left) > 0 {
			return fmt.Errorf("%s (process %d) still runs %s after %s", name, p.PID, lab.KillWaitMax, unix.SignalName(sig))
		}
	}
	return nil
}

// ParseSignal reads KILL, SIGKILL, sigkill or 9.
func ParseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if sig := syscall.Signal(n); unix.SignalName(sig) != "" {
			return sig, nil
		}
	}
	name := "SIG" + strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("no signal is called %q: want KILL, TERM, STOP, CONT or another name or number of signal(7)", s)
}

// Start starts a part's process again, with the arguments it had, and returns
// when it is ready. binary is the one to run; this one if empty.
func Start(ctx context.Context, dir Dir, binary, name string) error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	unlock, err := lock(ctx, lockWaitMax)
	if err != nil {
		return err
	}
	defer unlock()
	t, err := running(dir)
	if err != nil {
		return err
	}
	part, err := t.find(name, "process", Part.HasProcess)
	if err != nil {
		return err
	}
	if p, alive := findProcess(dir, name); alive {
		return fmt.Errorf("%s already runs as process %d: 'hyperplane testnet kill %s' ends it", name, p.PID, name)
	}
	if binary == "" {
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	p, err := startProcess(dir, binary, part)
	if err != nil {
		return err
	}
	if err := p.Await(ctx); err != nil {
		if q, alive := findProcess(dir, name); alive {
			q.Signal(syscall.SIGKILL)
			lab.Gone([]lab.ProcessID{q}, lab.KillWaitMax)
		}
		return err
	}
	return nil
}
