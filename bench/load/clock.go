package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// now reads CLOCK_MONOTONIC. Unlike time.Now's monotonic reading it means the
// same in every process of the machine, so that the counter's last packet can
// be set against the flooder's first.
func now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("CLOCK_MONOTONIC cannot be read: " + err.Error()) // never on Linux
	}
	return time.Duration(ts.Nano())
}

// bounded checks a duration that a load was asked to run for.
func bounded(name string, d time.Duration) error {
	if d <= 0 || d > loadMax {
		return fmt.Errorf("%s is %v, allowed is more than 0 and up to %v", name, d, loadMax)
	}
	return nil
}
