package tun

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The descriptors are non-blocking, so these calls return at once and need not
// tell the Go scheduler about themselves (RawSyscall): that would cost more
// than it is worth forty times per superpacket saved. They allocate nothing.
//
// EINTR means that a signal, such as the runtime's preemption, came before
// anything was done; the call is repeated. It cannot repeat for long, since
// the kernel returns EAGAIN as soon as it looks at the device.

func rawRead(fd int, b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}

// rawWritev writes one message. A TUN takes it whole or not at all.
func rawWritev(fd int, iov []unix.Iovec) unix.Errno {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		if errno != unix.EINTR {
			return errno
		}
	}
}
