package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// yield lets other threads run that are waiting for this processor.
func yield() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// sliceShort asks the scheduler to run this thread soon and for short times, rather
// than late and long. Its share of the processor stays what it is. Kernels before
// 6.12 have one slice for all and pay no attention; where it is refused, or the
// operator gave the process another policy, everything stays as it was.
func sliceShort() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return
	}
	attr.Runtime = uint64(slice / time.Nanosecond)
	_ = unix.SchedSetAttr(0, attr, 0)
}
