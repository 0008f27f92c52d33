package testnet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// holdFlowsMain is the process that a holder speaks to.
func holdFlowsMain(what string) int {
	fds, err := parseFlows(what)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err == nil {
			n := 0
			if _, err = fmt.Sscanf(lines.Text(), "echo %d", &n); err == nil {
				err = echoOn(fds[:n])
			}
		}
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("ok")
	}
	return 0
}

// parseFlows opens the flows that holdFlows names.
func parseFlows(what string) ([]int, error) {
	var a [4]byte
	var first, count int
	if _, err := fmt.Sscanf(what, "%d.%d.%d.%d %d %d", &a[0], &a[1], &a[2], &a[3], &first, &count); err != nil {
		return nil, fmt.Errorf("%s=%q: %w", holdFlows, what, err)
	}
	return openFlows(a, first, count)
}

// openFlows opens plain descriptors: so many Go connections would take longer.
func openFlows(local [4]byte, first, count int) (fds []int, err error) {
	for i := range count {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return nil, fmt.Errorf("socket %d: %w", i, err)
		}
		fds = append(fds, fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: local, Port: first + i}); err != nil {
			return nil, fmt.Errorf("port %d: %w", first+i, err)
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{203, 0, 113, 10}, Port: 7}); err != nil {
			return nil, err
		}
	}
	return fds, nil
}

// echoOn sends one datagram on every socket and waits for all the echoes, some
// at a time: a TUN's queue holds 500 packets, and there are several holders.
func echoOn(fds []int) error {
	const window = 64
	for len(fds) > 0 {
		n := min(window, len(fds))
		if err := echoSome(fds[:n]); err != nil {
			return err
		}
		fds = fds[n:]
	}
	return nil
}

func echoSome(fds []int) error {
	pending := fds
	for range 20 { // a datagram may be lost, and is sent again
		for _, fd := range pending {
			if _, err := unix.Write(fd, payloadOf(fd)); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		var missing []int
		for _, fd := range pending {
			ok, err := echoed(fd)
			if err != nil {
				return err
			}
			if !ok {
				missing = append(missing, fd)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		pending = missing
	}
	return fmt.Errorf("%d of %d flows got no answer", len(pending), len(fds))
}

func payloadOf(fd int) []byte { return strconv.AppendInt(nil, int64(fd), 10) }

// echoed waits half a second for the echo on one socket.
func echoed(fd int) (bool, error) {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 500)
	if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	buf := make([]byte, 16)
	n, err = unix.Read(fd, buf)
	if err != nil {
		return false, fmt.Errorf("receive: %w", err)
	}
	if !bytes.Equal(buf[:n], payloadOf(fd)) {
		return false, fmt.Errorf("received % x on socket %d", buf[:n], fd)
	}
	return true, nil
}
