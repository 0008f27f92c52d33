package tun_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// far is the kernel's side of a device: a packet socket that sends out through
// it and sees what arrives from it, virtio headers included.
type far struct {
	t    testing.TB
	fd   int
	buf  []byte
	sent []packet.Packet
}

func openFar(t testing.TB, ns, name string) *far {
	t.Helper()
	f := &far{t: t, fd: -1, buf: make([]byte, tun.ReadLen)}
	err := tun.InNetNS(ns, func() error {
		ifi, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		f.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		for opt, value := range map[int]int{unix.PACKET_VNET_HDR: 1, unix.PACKET_IGNORE_OUTGOING: 1} {
			if err := unix.SetsockoptInt(f.fd, unix.SOL_PACKET, opt, value); err != nil {
				return err
			}
		}
		if err := unix.SetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
			return err
		}
		return unix.Bind(f.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: ifi.Index})
	})
	if f.fd >= 0 {
		t.Cleanup(func() { unix.Close(f.fd) })
	}
	if err != nil {
		t.Fatalf("packet socket on %s: %v", name, err)
	}
	return f
}

// Inject sends p out through the device.
func (f *far) Inject(p packet.Packet) error {
	b := make([]byte, packet.VirtioLen+len(p.Data))
	p.Offload.EncodeVirtio(b)
	copy(b[packet.VirtioLen:], p.Data)
	version := uint16(unix.ETH_P_IP)
	if len(p.Data) > 0 && p.Data[0]>>4 == 6 {
		version = unix.ETH_P_IPV6
	}
	return unix.Sendto(f.fd, b, 0, &unix.SockaddrLinklayer{Protocol: networkOrder(version), Ifindex: f.ifindex()})
}

func (f *far) ifindex() int {
	sa, err := unix.Getsockname(f.fd)
	if err != nil {
		f.t.Fatalf("getsockname: %v", err)
	}
	return sa.(*unix.SockaddrLinklayer).Ifindex
}

// Sent returns what arrived from the device since the last call.
func (f *far) Sent() []packet.Packet {
	f.sent = f.sent[:0]
	for {
		n, _, err := unix.Recvfrom(f.fd, f.buf, 0)
		if err == unix.EAGAIN {
			return f.sent
		}
		if err != nil {
			f.t.Fatalf("packet socket: %v", err)
		}
		var p packet.Packet
		if r := p.Offload.DecodeVirtio(f.buf[:packet.VirtioLen]); r != drop.None {
			f.t.Fatalf("virtio header % x: %v", f.buf[:packet.VirtioLen], r)
		}
		p.Data = f.buf[packet.VirtioLen:n]
		f.sent = append(f.sent, tuntest.Clone(p))
	}
}

func networkOrder(v uint16) uint16 { return v<<8 | v>>8 }

// open makes a device for the length of a test.
func open(t testing.TB, cfg tun.Config) []tun.Device {
	t.Helper()
	devices, err := tun.Open(cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		for _, d := range devices {
			d.Close()
		}
	})
	return devices
}

func TestConformance(t *testing.T) {
	tuntest.Conformance(t, func(t *testing.T) tuntest.Subject {
		ns := tuntest.Namespace(t)
		d := open(t, tun.Config{Name: "t0", MTU: 1500, NetNS: ns})[0]
		f := openFar(t, ns, "t0")
		return tuntest.Subject{Device: d, Inject: f.Inject, Sent: f.Sent}
	})
}
