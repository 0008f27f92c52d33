package load

import (
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr is an IPv4 address and port as the kernel wants it.
func sockaddr(a netip.AddrPort) (*unix.SockaddrInet4, error) {
	if !a.IsValid() || !a.Addr().Is4() {
		return nil, fmt.Errorf("%v is not an IPv4 address and port", a)
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}, nil
}

// udpConnected opens a UDP socket that sends to to and receives from it alone.
func udpConnected(to netip.AddrPort) (int, error) {
	sa, err := sockaddr(to)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(fd, sa); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connect %v: %w", to, err)
	}
	return fd, nil
}

// udpBound opens a UDP socket that receives at listen.
func udpBound(listen netip.AddrPort, flags, bufferBytes int) (int, error) {
	sa, err := sockaddr(listen)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|flags, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if bufferBytes > 0 {
		// Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it the
		// kernel's limit holds, and what overflows is counted.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferBytes) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes)
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind %v: %w", listen, err)
	}
	return fd, nil
}

// receiveTimeout makes a blocking receive return EAGAIN after d.
func receiveTimeout(fd int, d time.Duration) error {
	tv := unix.NsecToTimeval(int64(d))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return fmt.Errorf("SO_RCVTIMEO: %w", err)
	}
	return nil
}

// socketDrops is how many datagrams the socket's full buffer cost; 0 where the
// kernel does not tell.
func socketDrops(fd int) uint64 {
	const drops = 8 // SK_MEMINFO_DROPS
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 || size < uint32(unsafe.Sizeof(info)) {
		return 0
	}
	return uint64(info[drops])
}

// onThread runs f on a thread of its own, so that the scheduler does not move
// a hot loop while it is measured.
func onThread(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return f()
}
