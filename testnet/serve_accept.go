package testnet

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// serveConns serves the connections that come, each in a goroutine, and closes those
// beyond most at once.
func serveConns(l net.Listener, most int, serve func(net.Conn)) error {
	slots := make(chan struct{}, most)
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ECONNABORTED) {
				continue
			}
			return err
		}
		select {
		case slots <- struct{}{}:
		default:
			c.Close()
			continue
		}
		go func() {
			defer func() { c.Close(); <-slots }()
			serve(c)
		}()
	}
}
