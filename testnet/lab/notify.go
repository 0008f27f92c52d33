package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

// notifySocket is the receiving end of systemd's readiness protocol, for one
// process. It is a file, since abstract addresses do not cross network
// namespaces.
type notifySocket struct {
	path  string
	conn  *net.UnixConn
	ready chan struct{} // closed at READY=1
}

// listenNotify opens the socket that NOTIFY_SOCKET will name.
func listenNotify(path string) (*notifySocket, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("notification socket: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("notification socket: %w", err)
	}
	s := &notifySocket{path: path, conn: conn, ready: make(chan struct{})}
	go s.receive()
	return s, nil
}

func (s *notifySocket) receive() {
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return // closed
		}
		if slices.Contains(strings.Split(string(buf[:n]), "\n"), "READY=1") {
			close(s.ready)
			return
		}
	}
}

// close can be called again, and without a socket.
func (s *notifySocket) close() {
	if s != nil && s.conn.Close() == nil {
		os.Remove(s.path)
	}
}
