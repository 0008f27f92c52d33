package tun_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// The kernel at both ends of real connections through one device:
//
//	namespace                            test
//	10.9.0.1 ──connect to 10.9.0.2──▶ Read ─┐ source and destination
//	10.9.0.1 ◀───── as if from it ── Write ◀┘ change places
//
// The same with fd00:9::1 and fd00:9::2. Both addresses are summed, so swapping them leaves every checksum right,
// complete or partial.
var families = []struct{ name, here, there string }{
	{"IPv4", "10.9.0.1", "10.9.0.2"},
	{"IPv6", "fd00:9::1", "fd00:9::2"},
}

// batchPackets is how many packets the mirror reads before it flushes.
const batchPackets = 64

// mirror opens such a device and runs it until the test ends. change is called
// first. The returned function stops it and gives the counters.
func mirror(t *testing.T, change func(tun.Device)) (ns string, stop func() *tun.Stats) {
	t.Helper()
	ns = tuntest.Namespace(t)
	d := open(t, tun.Config{
		Name: "mirror", MTU: 1500, NetNS: ns,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24"), netip.MustParsePrefix("fd00:9::1/64")},
	})[0]
	awaitLocal(t, ns, families[1].here)
	change(d)
	var stopping atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		bufs := make([][]byte, batchPackets)
		for i := range bufs {
			bufs[i] = make([]byte, tun.ReadLen)
		}
		for !stopping.Load() {
			poll := []unix.PollFd{{Fd: int32(d.FD()), Events: unix.POLLIN}}
			unix.Poll(poll, 20) // milliseconds: how long stopping may take
			for _, buf := range bufs {
				p, ok, err := d.Read(buf)
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				if !ok {
					break
				}
				if ip, _ := packet.NewIPv4(p.Data); ip != nil {
					src, dst := ip.Src(), ip.Dst()
					ip.SetSrc(dst)
					ip.SetDst(src)
				} else if ip, _ := packet.NewIPv6(p.Data); ip != nil {
					src, dst := ip.Src(), ip.Dst()
					ip.SetSrc(dst)
					ip.SetDst(src)
				} else {
					continue
				}
				d.Write(&p)
			}
			d.Flush()
		}
	})
	stop = func() *tun.Stats {
		stopping.Store(true)
		done.Wait()
		return d.Stats()
	}
	t.Cleanup(func() { stop() })
	return ns, stop
}

// awaitLocal waits until the kernel takes packets to an IPv6 address: it makes the
// route for it in its own time, after the device is up.
func awaitLocal(t *testing.T, ns, addr string) {
	t.Helper()
	for limit := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		local := false
		err := tun.InNetNS(ns, func() error {
			routes, err := netlink.RouteGet(net.ParseIP(addr))
			local = err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL
			return nil
		})
		if local && err == nil {
			return
		}
		if err != nil || time.Now().After(limit) {
			t.Fatalf("%s is not local: %v", addr, err)
		}
	}
}

func asIs(tun.Device) {}

func uncut(s *tun.Stats) error {
	if s.RefusedPackets != 0 || s.RefusedGSO != 0 || s.ReadDrops.Total() != 0 {
		return fmt.Errorf("refused %d packets, %d superpackets, dropped %d reading", s.RefusedPackets, s.RefusedGSO, s.ReadDrops.Total())
	}
	return nil
}

// Bulk TCP between two kernel sockets arrives whole, and as superpackets.
func TestKernelTCP(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(tun.Device)
		cut    bool
	}{
		{"superpackets", asIs, false},
		{"superpackets cut", func(d tun.Device) { tun.SwitchOff(d) }, true},
	} {
		for _, f := range families {
			t.Run(f.name+" "+c.name, func(t *testing.T) {
				ns, stop := mirror(t, c.change)
				transfer(t, ns, f.here, f.there)
				s := stop()
				if err := uncut(s); err != nil {
					t.Error(err)
				}
				if mean := s.ReadBytes / s.ReadPackets; mean < 3000 {
					t.Errorf("packets read hold %d bytes in the mean: superpackets arrive cut", mean)
				}
				if mean := s.WrittenBytes / s.Writes; c.cut != (mean <= 1500) {
					t.Errorf("messages written hold %d bytes in the mean", mean)
				}
			})
		}
	}
}

// transfer sends 8 MB through a TCP connection and back on it.
func transfer(t *testing.T, ns, here, there string) {
	t.Helper()
	var listener net.Listener
	err := tun.InNetNS(ns, func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(here, "80"))
		return err
	})
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer listener.Close()
	go func() { // echo
		conn, err := listener.Accept()
		if err == nil {
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	var conn net.Conn
	err = tun.InNetNS(ns, func() (err error) {
		conn, err = net.DialTimeout("tcp", net.JoinHostPort(there, "80"), 5*time.Second)
		return err
	})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	go func() {
		conn.Write(data)
		conn.(*net.TCPConn).CloseWrite()
	}()
	back, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(back, data) {
		t.Fatalf("%d of %d bytes came back, equal %v: %v", len(back), len(data), bytes.Equal(back, data), err)
	}
}

// Datagrams keep their boundaries, whether the kernel hands them over as one
// superpacket or one by one, and whether they leave merged or cut.
func TestKernelUDP(t *testing.T) {
	const size, count = 100, 31
	for _, c := range []struct {
		name    string
		change  func(tun.Device)
		segment bool // let the kernel make a superpacket (UDP_SEGMENT)
	}{
		{"superpacket", asIs, true},
		{"superpacket cut", func(d tun.Device) { tun.SwitchOff(d) }, true},
		{"datagrams", asIs, false},
	} {
		for _, f := range families {
			t.Run(f.name+" "+c.name, func(t *testing.T) {
				ns, stop := mirror(t, c.change)
				in, out := udpPair(t, ns, f.here, f.there)
				data := make([]byte, size*count-size/2) // the last is shorter
				for i := range data {
					data[i] = byte(i ^ i>>8)
				}
				send(t, out, data, size, c.segment)
				in.SetReadDeadline(time.Now().Add(5 * time.Second))
				buf := make([]byte, 2000)
				for at := 0; at < len(data); at += size {
					n, err := in.Read(buf)
					want := data[at:min(at+size, len(data))]
					if err != nil || !bytes.Equal(buf[:n], want) {
						t.Fatalf("datagram %d: %d bytes of %d, %v", at/size, n, len(want), err)
					}
				}
				s := stop()
				if err := uncut(s); err != nil {
					t.Error(err)
				}
				if c.segment && s.ReadPackets != 1 {
					t.Errorf("%d packets read, want one superpacket", s.ReadPackets)
				}
			})
		}
	}
}

// udpPair is a socket that receives what the other sends through the mirror.
func udpPair(t *testing.T, ns, here, there string) (in, out *net.UDPConn) {
	t.Helper()
	err := tun.InNetNS(ns, func() (err error) {
		if in, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(here), Port: 9}); err != nil {
			return err
		}
		out, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP(there), Port: 9})
		return err
	})
	if err != nil {
		t.Fatalf("sockets: %v", err)
	}
	t.Cleanup(func() { in.Close(); out.Close() })
	return in, out
}

func send(t *testing.T, out *net.UDPConn, data []byte, size int, segment bool) {
	t.Helper()
	step := size
	if segment {
		raw, err := out.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size)
		})
		if err != nil {
			t.Fatalf("UDP_SEGMENT: %v", err)
		}
		step = len(data)
	}
	for at := 0; at < len(data); at += step {
		if _, err := out.Write(data[at:min(at+step, len(data))]); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
}
