package testnet

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// echoTCP sends back what comes, per connection and in order.
func (s *server) echoTCP(l net.Listener) error { return serveConns(l, echoConnsMax, echo) }

// echo is no io.Copy: that would splice, with a pipe of its own for each of a great many
// connections.
func echo(c net.Conn) {
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
