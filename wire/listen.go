package wire

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// Listen opens cfg.Sockets connections on one address and port, or one for each
// lane.
func Listen(cfg Config) ([]Conn, error) {
	if cfg.Port == 0 {
		cfg.Port = packet.GenevePort
	}
	if cfg.Sockets == 0 {
		cfg.Sockets = 1
	}
	if cfg.BufferBytes == 0 {
		cfg.BufferBytes = DefaultBufferBytes
	}
	local, ok := packet.AddrFrom(cfg.Local)
	switch {
	case !ok || cfg.Local.IsUnspecified():
		return nil, fmt.Errorf("wire: local address %v: an IPv4 address of this machine is needed", cfg.Local)
	case cfg.PathMTU < pathMTUMin || cfg.PathMTU > ipLenMax+1:
		return nil, fmt.Errorf("wire: path MTU %d: want %d to %d", cfg.PathMTU, pathMTUMin, ipLenMax+1)
	case cfg.Lanes && cfg.Sockets != 1:
		return nil, fmt.Errorf("wire: %d sockets and lanes: the port is shared out by peer or by lane, not by both", cfg.Sockets)
	case cfg.Sockets < 0 || cfg.BufferBytes < 0:
		return nil, fmt.Errorf("wire: %d sockets, %d bytes of buffer: want positive numbers", cfg.Sockets, cfg.BufferBytes)
	}
	shared := cfg.Sockets > 1 || cfg.Lanes
	if shared {
		// Sockets that share a port let any other sharing process of the same
		// user join. One that does not share finds out whether the port is free.
		probe, err := open(local, cfg.Port, false)
		if err != nil {
			return nil, err
		}
		unix.Close(probe)
	}
	if cfg.Lanes {
		cfg.Sockets = lanes
	}
	conns := make([]Conn, 0, cfg.Sockets)
	for range cfg.Sockets {
		c, err := listen(cfg, local, shared)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, c)
		if cfg.Lanes {
			err = attachLanes(c.fd) // to all that share the port, those to come as well
		}
		if err != nil {
			closeAll(conns)
			return nil, err
		}
	}
	return conns, nil
}

func closeAll(conns []Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// open returns a bound, non-blocking socket.
func open(local packet.Addr4, port uint16, shared bool) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("wire: socket: %w", err)
	}
	if shared {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("wire: SO_REUSEPORT: %w", err)
		}
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: local.Netip().As4()})
	if err == nil {
		return fd, nil
	}
	unix.Close(fd)
	hint := ""
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		hint = "; another process, or this one started twice, has the port"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		hint = "; no interface of this network namespace has the address"
	}
	return -1, fmt.Errorf("wire: listen on %v, UDP port %d: %w%s", local, port, err, hint)
}

// listen opens one socket, sets it up and makes the connection around it.
func listen(cfg Config, local packet.Addr4, shared bool) (*conn, error) {
	fd, err := open(local, cfg.Port, shared)
	if err != nil {
		return nil, err
	}
	for _, o := range []struct {
		name       string
		level, opt int
		value      int
	}{
		{"UDP_GRO (Linux 5.0)", unix.SOL_UDP, unix.UDP_GRO, 1},
		{"IP_MTU_DISCOVER", unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("wire: socket option %s: %w", o.name, err)
		}
	}
	c := newConn(fd, local, cfg.Port, cfg.PathMTU)
	c.stats.ReceiveBufferBytes = c.buffer(cfg.BufferBytes, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	c.stats.SendBufferBytes = c.buffer(cfg.BufferBytes, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	return c, nil
}

// buffer asks for a socket buffer and returns what was granted. Without
// CAP_NET_ADMIN the kernel grants at most net.core.rmem_max or wmem_max.
func (c *conn) buffer(bytes, force, plain int) int {
	if unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, force, bytes) != nil {
		c.stats.BufferFallbacks++
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, plain, bytes)
	}
	granted, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, plain)
	if err != nil {
		return 0
	}
	return granted / 2 // the kernel doubles it for its own bookkeeping and returns that
}
