package lab

import (
	"fmt"
	"syscall"
	"time"
)

// Gone waits until none of the processes runs any more, at most limit, and
// returns those that still do.
func Gone(procs []ProcessID, limit time.Duration) []ProcessID {
	deadline := time.Now().Add(limit)
	for {
		var left []ProcessID
		for _, p := range procs {
			if p.Alive() {
				left = append(left, p)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(PollEvery)
	}
}

// KillAll kills the processes for which want is true until none is left: one
// may have forked meanwhile.
func KillAll(want func(pid int) bool) error {
	deadline := time.Now().Add(KillWaitMax)
	for {
		found, err := Scan(want)
		if err != nil || len(found) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes do not end, the first is %d", len(found), found[0].PID)
		}
		for _, p := range found {
			p.Signal(syscall.SIGKILL)
		}
		Gone(found, 50*PollEvery)
	}
}
