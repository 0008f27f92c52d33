package testnet

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// echoTCP sends back what comes, per connection and in order.
func (s *server) echoTCP(l net.Listener) error {
	slots := make(chan struct{}, echoConnsMax)
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
			// No io.Copy: it would splice, with a pipe of its own for each
			// of a great many connections.
			buf := make([]byte, echoBufferBytes)
			for {
				n, err := c.Read(buf)
				if n > 0 {
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		}()
	}
}

// echoUDP sends every datagram back to where it came from. One that the
// kernel does not take is lost, as datagrams are.
func (s *server) echoUDP(c *net.UDPConn) error {
	buf := make([]byte, 65535)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			if refused(err) {
				continue
			}
			return err
		}
		c.WriteToUDPAddrPort(buf[:n], from)
	}
}

// refused reports whether a read returned an error that was sent for an
// earlier datagram and says nothing about the socket.
func refused(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH)
}
