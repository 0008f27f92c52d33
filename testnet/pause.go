package testnet

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"hyperplane/testnet/lab"
)

// Pause holds a part's process, as a machine that hangs does, and returns when
// it stands still.
func Pause(dir Dir, name string) error {
	if err := Kill(dir, name, syscall.SIGSTOP); err != nil {
		return err
	}
	p, _ := findProcess(dir, name)
	for deadline := time.Now().Add(lab.KillWaitMax); !p.Stopped(); time.Sleep(lab.PollEvery) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s (process %d) did not stand still within %v", name, p.PID, lab.KillWaitMax)
		}
	}
	return nil
}

// Resume lets a part's process go on. It knows nothing of the time that passed.
func Resume(dir Dir, name string) error { return Kill(dir, name, syscall.SIGCONT) }

// Restart ends a part's process by a signal and starts it again, and returns
// when it is ready. binary is the one to run; this one if empty.
func Restart(ctx context.Context, dir Dir, binary, name string, sig syscall.Signal) error {
	if err := Kill(dir, name, sig); err != nil {
		return err
	}
	return Start(ctx, dir, binary, name)
}

// Slow lets a part's process run only slowRun of every slowRun+slowHeld until
// ctx ends: it answers, and late. Signals do it, not a quota of the scheduler:
// they need no control groups and hold all of its threads at the same time.
func Slow(ctx context.Context, dir Dir, name string) error {
	p, alive := findProcess(dir, name)
	if !alive {
		return fmt.Errorf("%s does not run: start it with 'hyperplane testnet start %s'", name, name)
	}
	defer p.Signal(syscall.SIGCONT)
	for {
		for _, step := range []struct {
			signal syscall.Signal
			pause  time.Duration
		}{{syscall.SIGSTOP, slowHeld}, {syscall.SIGCONT, slowRun}} {
			if err := p.Signal(step.signal); err != nil {
				return fmt.Errorf("%s (process %d): %w", name, p.PID, err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(step.pause):
			}
		}
	}
}
