package loop

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollNow is epoll_wait with a zero timeout. It never blocks, so it may skip
// the scheduler's bookkeeping around blocking calls.
func epollNow(ep int, events []unix.EpollEvent) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	switch e {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("loop: epoll_wait: %w", e)
}
