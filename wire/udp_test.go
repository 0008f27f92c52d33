package wire_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
	"hyperplane/wire/wiretest"
)

func openUDP(t testing.TB, n, mtu int) []wire.Conn { return wiretest.OpenUDP(t, n, mtu) }

func TestUDPConformance(t *testing.T) { wiretest.Conformance(t, openUDP) }

// One system call carries many datagrams, and a superpacket goes whole where it fits.
func TestUDPCalls(t *testing.T) {
	for _, tc := range []struct {
		mtu, payload     int
		calls, datagrams uint64
	}{
		{mtu: 1600, payload: 1400 * 40, calls: 1, datagrams: 40},
		{mtu: 1600, payload: 1400 * 46, calls: 2, datagrams: 46},
		{mtu: 9001, payload: 1400 * 40, calls: 1, datagrams: 7}, // six segments each
		{mtu: 65536, payload: 1400 * 40, calls: 1, datagrams: 1},
	} {
		t.Run(fmt.Sprintf("%d bytes over %d", tc.payload, tc.mtu), func(t *testing.T) {
			c := openUDP(t, 2, tc.mtu)
			p := wiretest.TCP(4000, 1, tc.payload, 1400)
			wiretest.Send(t, c[0], c[1].LocalAddr(), p)
			c[0].Flush()
			wiretest.ReceiveMerged(t, c[1], []packet.Packet{p})
			if s := c[0].Stats(); s.Sends != tc.calls || s.SentDatagrams != tc.datagrams || s.SentPackets != 1 {
				t.Errorf("%d calls, %d datagrams, %d packets; want %d, %d, 1", s.Sends, s.SentDatagrams, s.SentPackets, tc.calls, tc.datagrams)
			}
			if r := c[1].Stats(); r.Recvs > tc.calls+2 {
				t.Errorf("%d calls to receive what %d calls sent", r.Recvs, tc.calls)
			}
		})
	}
}

// Send borrows Data until Flush and may flush by itself when the queue is
// full: many peers at once lose nothing.
func TestUDPManyPeers(t *testing.T) {
	const peers, rounds = 100, 5
	c := openUDP(t, 1+peers, 1600)
	for i := range rounds {
		for peer := range peers {
			wiretest.Send(t, c[0], c[1+peer].LocalAddr(), wiretest.UDP(uint16(peer), uint32(i), 100+i, 0))
		}
	}
	c[0].Flush()
	for peer := range peers {
		for i, p := range wiretest.Receive(t, c[1+peer], rounds, 64) {
			if want := wiretest.UDP(uint16(peer), uint32(i), 100+i, 0); string(p.Data) != string(want.Data) {
				t.Errorf("peer %d: packet %d differs or is out of order", peer, i)
			}
		}
	}
	if s := c[0].Stats(); s.SentPackets != peers*rounds || s.RefusedPackets != 0 {
		t.Errorf("%d sent, %d refused; want %d sent", s.SentPackets, s.RefusedPackets, peers*rounds)
	}
}

// Overflow is known without another datagram arriving, and exactly: single
// datagrams one by one, merged trains as one message each.
func TestUDPOverflowIsCountedExactly(t *testing.T) {
	for _, train := range []uint64{1, 10} {
		t.Run(fmt.Sprintf("messages of %d", train), func(t *testing.T) { overflow(t, train) })
	}
}

func overflow(t *testing.T, train uint64) {
	c := wiretest.OpenUDP(t, 2, 1600, func(cfg *wire.Config) { cfg.BufferBytes = 20000 })
	const messages = 200
	for i := range messages * train {
		wiretest.Send(t, c[0], c[1].LocalAddr(), wiretest.UDP(4000, uint32(i), 1000, 0))
		if i%train == train-1 {
			c[0].Flush()
		}
	}
	if s := c[0].Stats(); s.SentPackets != messages*train || s.Sends != messages {
		t.Fatalf("%d packets sent by %d calls, want %d by %d", s.SentPackets, s.Sends, messages*train, messages)
	}
	pkts := make([]wire.Packet, 64)
	wiretest.Await(t, c[1], "received and overflowed messages are all that were sent", func() bool {
		for {
			if got, err := c[1].Recv(pkts); err != nil {
				t.Fatal(err)
			} else if got == 0 {
				break
			}
		}
		s := c[1].Stats()
		return s.ReceivedPackets/train+s.Overflow == messages
	})
	s := *c[1].Stats()
	if s.Overflow == 0 || s.ReceivedPackets == 0 {
		t.Errorf("%d received, %d overflowed; the test wants both", s.ReceivedPackets, s.Overflow)
	}
	c[1].Close()
	if c[1].Stats().Overflow != s.Overflow {
		t.Error("the count changed with Close")
	}
}

// No route, or a packet no datagram carries: refused, each packet once, however many trains it is in.
func TestUDPRefused(t *testing.T) {
	c := openUDP(t, 2, 1600)
	nowhere := packet.Addr4(198<<24 | 51<<16 | 100<<8 | 1)
	wiretest.Send(t, c[0], nowhere, wiretest.TCP(4000, 1, 64000, 1400))
	wiretest.Send(t, c[0], nowhere, wiretest.UDP(4000, 1, 100, 0))
	wiretest.Send(t, c[0], c[1].LocalAddr(), wiretest.UDP(4000, 1, packet.PacketMax-28, 0))
	wiretest.Send(t, c[0], c[1].LocalAddr(), wiretest.UDP(4001, 1, 100, 0))
	c[0].Flush()
	wiretest.Receive(t, c[1], 1, 4)
	if s := c[0].Stats(); s.RefusedPackets != 3 || s.SentPackets != 1 || s.SentDatagrams != 1 {
		t.Errorf("refused %d, sent %d in %d datagrams; want 3, 1, 1", s.RefusedPackets, s.SentPackets, s.SentDatagrams)
	}
	wiretest.Send(t, c[0], c[1].LocalAddr(), wiretest.UDP(4001, 1, 100, 0))
	c[0].Close()
	if s := c[0].Stats(); s.RefusedPackets != 4 {
		t.Errorf("refused %d after Close with one packet queued, want 4", s.RefusedPackets)
	}
}

// A configured path MTU above the interface's: trains are refused, datagrams pass as fragments.
func TestUDPFallbackWhenPathIsSmaller(t *testing.T) {
	c := wiretest.OpenUDP(t, 2, 1600, func(cfg *wire.Config) { cfg.PathMTU = 9001 })
	p := wiretest.TCP(4000, 1, 56000, 1400)
	for range 3 {
		wiretest.Send(t, c[0], c[1].LocalAddr(), p)
		c[0].Flush()
		wiretest.ReceiveMerged(t, c[1], []packet.Packet{p})
	}
	if s := c[0].Stats(); s.Fallbacks != 3 || s.SentPackets != 3 || s.RefusedPackets != 0 {
		t.Errorf("fallbacks %d, sent %d, refused %d; want 3, 3, 0", s.Fallbacks, s.SentPackets, s.RefusedPackets)
	}
}

// Without UDP checksums the kernel refuses UDP_SEGMENT with EINVAL, as it
// refuses with EIO on an interface that cannot compute them.
func TestUDPFallbackWithoutSegmentation(t *testing.T) {
	c := openUDP(t, 2, 1600)
	noCheck := func(v int) {
		if err := unix.SetsockoptInt(c[0].FD(), unix.SOL_SOCKET, unix.SO_NO_CHECK, v); err != nil {
			t.Fatal(err)
		}
	}
	p := wiretest.TCP(4000, 1, 56000, 1400)
	turn := func() {
		wiretest.Send(t, c[0], c[1].LocalAddr(), p)
		c[0].Flush()
		wiretest.ReceiveMerged(t, c[1], []packet.Packet{p})
	}
	noCheck(1)
	for range 3 {
		turn()
	}
	if s := c[0].Stats(); s.Fallbacks != 1 || s.SentPackets != 3 || s.Sends != 1+3*40 {
		t.Errorf("fallbacks %d, sent %d, calls %d; want 1, 3, 121: one try, then datagram by datagram", s.Fallbacks, s.SentPackets, s.Sends)
	}
	noCheck(0)
	const enough = 1100 // trains until a whole one is tried again
	for range enough {
		turn()
	}
	if s := c[0].Stats(); s.Fallbacks != 1 || s.Sends > 1+40*1030+enough {
		t.Errorf("fallbacks %d, calls %d: trains were not taken up again", s.Fallbacks, s.Sends)
	}
}

func TestListenErrors(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	for _, tc := range []struct {
		name, want string
		cfg        wire.Config
	}{
		{"no address", "IPv4 address", wire.Config{PathMTU: 1500}},
		{"IPv6", "IPv4 address", wire.Config{Local: netip.MustParseAddr("::1"), PathMTU: 1500}},
		{"any address", "IPv4 address", wire.Config{Local: netip.IPv4Unspecified(), PathMTU: 1500}},
		{"no MTU", "path MTU 0", wire.Config{Local: local}},
		{"small MTU", "path MTU 575", wire.Config{Local: local, PathMTU: 575}},
		{"large MTU", "path MTU 65537", wire.Config{Local: local, PathMTU: 65537}},
		{"negative sockets", "-1 sockets", wire.Config{Local: local, PathMTU: 1500, Sockets: -1}},
		{"lanes by peer", "2 sockets and lanes", wire.Config{Local: local, PathMTU: 1500, Sockets: 2, Lanes: true}},
		{"not ours", "no interface", wire.Config{Local: netip.MustParseAddr("198.51.100.1"), PathMTU: 1500}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wiretest.InNamespace(t, 1600, func() {
				if _, err := wire.Listen(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want one with %q", err, tc.want)
				}
			})
		})
	}
}

// A process that is started twice is told so, shared port or not.
func TestListenTwice(t *testing.T) {
	for first := 1; first <= 2; first++ {
		for second := 1; second <= 2; second++ {
			wiretest.InNamespace(t, 1600, func() {
				cfg := wire.Config{Local: netip.MustParseAddr("127.0.0.1"), PathMTU: 1600, Sockets: first}
				conns, err := wire.Listen(cfg)
				if err != nil {
					t.Fatal(err)
				}
				cfg.Sockets = second
				if _, err := wire.Listen(cfg); !errors.Is(err, unix.EADDRINUSE) {
					t.Errorf("%d sockets after %d: %v", second, first, err)
				}
				if first == 1 && !refusesSharing(t) {
					t.Error("a single socket let another share its port")
				}
				for _, c := range conns {
					c.Close()
				}
			})
		}
	}
}

// refusesSharing tries what a process does that shares ports without asking first.
func refusesSharing(t *testing.T) bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		t.Fatal(err)
	}
	return errors.Is(unix.Bind(fd, &unix.SockaddrInet4{Port: packet.GenevePort, Addr: [4]byte{127, 0, 0, 1}}), unix.EADDRINUSE)
}

// Several sockets share the port: every packet arrives at exactly one, a peer's always at the same.
func TestUDPSharedPort(t *testing.T) {
	c := wiretest.OpenUDP(t, 9, 1600, func(cfg *wire.Config) {
		if cfg.Local.As4()[3] == 1 {
			cfg.Sockets = 2
		}
	})
	shared, senders := c[:2], c[2:]
	const n = 10
	for range n {
		for _, s := range senders {
			wiretest.Send(t, s, shared[0].LocalAddr(), wiretest.UDP(4000, 1, 100, 0))
			s.Flush()
		}
	}
	at := map[packet.Addr4]int{}
	total := 0
	wiretest.Await(t, shared[0], "all packets at one socket or the other", func() bool {
		pkts := make([]wire.Packet, 64)
		for i, s := range shared {
			got, err := s.Recv(pkts)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pkts[:got] {
				if before, ok := at[p.Peer]; ok && before != i {
					t.Errorf("peer %v at both sockets", p.Peer)
				}
				at[p.Peer] = i
				total++
			}
		}
		return total == n*len(senders)
	})
}

func TestBuffersAreReported(t *testing.T) {
	c := wiretest.OpenUDP(t, 1, 1600)[0]
	s := c.Stats()
	if s.BufferFallbacks == 0 && (s.ReceiveBufferBytes != wire.DefaultBufferBytes || s.SendBufferBytes != wire.DefaultBufferBytes) {
		t.Errorf("buffers of %d and %d bytes, want %d", s.ReceiveBufferBytes, s.SendBufferBytes, wire.DefaultBufferBytes)
	}
	if s.ReceiveBufferBytes == 0 || s.SendBufferBytes == 0 {
		t.Error("no buffer sizes")
	}
}

// Whatever arrives from whomever is counted by its reason, and nothing else happens.
func TestUDPHostileDatagrams(t *testing.T) {
	good := make([]byte, packet.GeneveLen)
	(&packet.Tunnel{VNI: 1, Service: 2, Hops: 4}).Encode(good)
	good = append(good, wiretest.UDP(4000, 1, 72, 0).Data...)
	change := func(f func(b []byte)) []byte {
		b := append([]byte(nil), good...)
		f(b)
		return b
	}
	cases := []struct {
		name string
		b    []byte
		want drop.Reason
	}{
		{"empty", nil, drop.GeneveTooShort},
		{"one byte", good[:1], drop.GeneveTooShort},
		{"base header cut", good[:7], drop.GeneveTooShort},
		{"options cut", good[:20], drop.GeneveTooShort},
		{"version 1", change(func(b []byte) { b[0] |= 0x40 }), drop.GeneveBadVersion},
		{"O bit", change(func(b []byte) { b[1] |= 0x80 }), drop.GeneveControl},
		{"IPv6 by type, IPv4 inside", change(func(b []byte) { b[2], b[3] = 0x86, 0xdd }), drop.GeneveBadProtocol},
		{"IPv4 by type, IPv6 inside", change(func(b []byte) { b[24] = 0x60 }), drop.GeneveBadProtocol},
		{"Ethernet inside", change(func(b []byte) { b[2], b[3] = 0x65, 0x58 }), drop.GeneveBadProtocol},
		{"unknown critical option", change(func(b []byte) { b[8] = 1 }), drop.GeneveUnknownCritical},
		{"unknown option only", change(func(b []byte) { b[8], b[10] = 1, 1 }), drop.GeneveMissingOption},
		{"no option", append([]byte{0, 0, 8, 0, 0, 0, 1, 0}, good[24:]...), drop.GeneveMissingOption},
		{"option beyond the options", change(func(b []byte) { b[11] = 4 }), drop.GeneveBadOption},
		{"chain stage without a chain option", change(func(b []byte) { b[16] = packet.StageChain }), drop.GeneveBadOption},
		{"control stage without O bit", change(func(b []byte) { b[16] = packet.StageHello }), drop.GeneveControl},
		{"control stage with a packet", change(func(b []byte) { b[1], b[16] = b[1]|0x80, packet.StageHello }), drop.GeneveBadProtocol},
		{"option too short", change(func(b []byte) { b[0], b[11] = 3, 1 }), drop.GeneveBadOption},
		{"good", good, drop.None},
	}
	var raw int
	var c []wire.Conn
	wiretest.InNamespace(t, 1600, func() {
		var err error
		c, err = wire.Listen(wire.Config{Local: netip.MustParseAddr("127.0.0.1"), PathMTU: 1600})
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	})
	defer unix.Close(raw)
	defer c[0].Close()
	to := &unix.SockaddrInet4{Port: packet.GenevePort, Addr: [4]byte{127, 0, 0, 1}}
	var want drop.Counts
	datagrams, packets := uint64(0), uint64(0)
	expect := func(r drop.Reason) {
		datagrams++
		if r == drop.None {
			packets++
		} else {
			want[r]++
		}
	}
	for _, tc := range cases {
		if err := unix.Sendto(raw, tc.b, 0, to); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		expect(tc.want)
	}
	// The same in one merged train: the bad do not take the good with them.
	var train []byte
	for _, tc := range cases {
		if len(tc.b) == len(good) {
			train = append(append(train, tc.b...), good...)
			expect(tc.want)
			expect(drop.None)
		}
	}
	seg := make([]byte, unix.CmsgSpace(2))
	h := cmsg(seg)
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	seg[unix.CmsgLen(0)] = byte(len(good)) // little endian; shorter than 256
	if err := unix.Sendmsg(raw, train, seg, to, 0); err != nil {
		t.Fatal(err)
	}
	pkts := make([]wire.Packet, 4)
	wiretest.Await(t, c[0], "all datagrams received", func() bool {
		n, err := c[0].Recv(pkts)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pkts[:n] {
			if string(p.Data) != string(good[24:]) || p.Tunnel.Service != 2 {
				t.Errorf("received %+v", p)
			}
		}
		return c[0].Stats().ReceivedDatagrams == datagrams
	})
	s := c[0].Stats()
	if s.ReceivedPackets != packets {
		t.Errorf("%d packets, want %d", s.ReceivedPackets, packets)
	}
	for _, r := range drop.All() {
		if s.Drops[r] != want[r] {
			t.Errorf("%v: %d, want %d", r, s.Drops[r], want[r])
		}
	}
	if s.Sends != 0 || s.SentDatagrams != 0 {
		t.Error("a hostile datagram was answered")
	}
}
