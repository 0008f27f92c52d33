package testnet

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// icmpSeen is an ICMP error as the kernel gives it to a socket.
type icmpSeen struct {
	typ, code uint8
	from      [4]byte
}

// rawConn is the socket under a connection.
func rawConn(t *testing.T, c *echoConn) syscall.RawConn {
	t.Helper()
	raw, err := c.Conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// wantErrorQueue asks the kernel to keep the ICMP errors of a socket.
func wantErrorQueue(t *testing.T, c *echoConn) {
	t.Helper()
	var failed error
	err := rawConn(t, c).Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// nextICMP takes the oldest ICMP error of a socket.
func nextICMP(t *testing.T, c *echoConn) (seen icmpSeen) {
	t.Helper()
	control := make([]byte, 512)
	n, failed := 0, error(nil)
	err := rawConn(t, c).Control(func(fd uintptr) {
		_, n, _, _, failed = unix.Recvmsg(int(fd), make([]byte, 2048), control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	})
	if err != nil || failed != nil {
		t.Fatalf("no error in the socket's queue: %v, %v", err, failed)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		// struct sock_extended_err: errno (4), origin, type, code, pad, info (4),
		// data (4); then the offender's struct sockaddr_in.
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR && len(m.Data) >= 24 {
			return icmpSeen{m.Data[5], m.Data[6], [4]byte(m.Data[20:24])}
		}
	}
	t.Fatalf("no extended error in %v", messages)
	return seen
}
