package wiretest

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/wire"
)

// Open opens n conns that reach each other over a path of the given MTU. They
// are closed when the test ends.
type Open func(t testing.TB, n, mtu int) []wire.Conn

// Conformance runs everything that holds for every carrier.
func Conformance(t *testing.T, open Open) {
	t.Run("tunnel fields arrive", func(t *testing.T) { tunnelFields(t, open) })
	for _, mtu := range []int{576, 1600, 9001, 65536} {
		t.Run(fmt.Sprintf("superpackets over %d", mtu), func(t *testing.T) { superpackets(t, open, mtu) })
		t.Run(fmt.Sprintf("longest packets over %d", mtu), func(t *testing.T) { longest(t, open, mtu) })
	}
	for _, mtu := range []int{576, 1600, 9001, 65536} {
		t.Run(fmt.Sprintf("chain options over %d", mtu), func(t *testing.T) { chainOptions(t, open, mtu) })
		t.Run(fmt.Sprintf("control datagrams over %d", mtu), func(t *testing.T) { controlDatagrams(t, open, mtu) })
	}
	t.Run("stages in one train", func(t *testing.T) { stagesTogether(t, open) })
	t.Run("option and stage contradict each other", func(t *testing.T) { contradictions(t, open) })
	t.Run("order with mixed flows and peers", func(t *testing.T) { order(t, open) })
	t.Run("any mixture arrives as sent", func(t *testing.T) { mixture(t, open) })
	t.Run("small packets share calls", func(t *testing.T) { batching(t, open) })
	t.Run("received in parts", func(t *testing.T) { parts(t, open) })
	t.Run("room is nobody else's", func(t *testing.T) { room(t, open) })
	t.Run("close", func(t *testing.T) { closing(t, open) })
	t.Run("no allocation", func(t *testing.T) { noAllocation(t, open) })
}

func tunnelFields(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	sent := wire.Packet{Packet: TCP(4000, 1, 100, 0), Peer: c[1].LocalAddr(),
		Tunnel: packet.Tunnel{VNI: packet.VNIMax, Service: 0xfffffffe, Stage: packet.StageData, Hops: 7}}
	c[0].Send(&sent)
	c[0].Flush()
	got := Receive(t, c[1], 1, 4)[0]
	want := sent.Tunnel
	want.Partial = true // from Offload
	if got.Tunnel != want || !got.Offload.Partial {
		t.Errorf("tunnel %+v, offload %+v; want %+v", got.Tunnel, got.Offload, want)
	}
	if got.Peer != c[0].LocalAddr() {
		t.Errorf("peer %v, want %v", got.Peer, c[0].LocalAddr())
	}
	if string(got.Data) != string(sent.Data) {
		t.Error("the packet changed on the way")
	}
	accounted(t, c[0], c[1])
}

func superpackets(t *testing.T, open Open, mtu int) {
	c := open(t, 2, mtu)
	var want []packet.Packet
	seq := uint32(1)
	for _, payload := range []int{1, 100, 1399, 1400, 1401, 2800, 14000, 14001, 40000, 64000, packet.PacketMax - tcpHead} {
		for _, segment := range []int{400, 1400, 8448} {
			want = append(want, TCP(4000, seq, min(payload, 100*segment), segment), UDP(5000, seq, min(payload, 60*segment, packet.PacketMax-udpHead), segment),
				TCP6(4000, seq, min(payload, 100*segment, packet.PacketMax-tcpHead-growth), segment), UDP6(5000, seq, min(payload, 60*segment, packet.PacketMax-udpHead-growth), segment))
			seq += uint32(payload)
		}
	}
	for _, p := range want {
		if p.Offload.GSO == packet.GSONone && len(p.Data)+packet.GeneveLen > packet.PacketMax-28 {
			t.Fatal("no datagram carries the test's packet")
		}
		Send(t, c[0], c[1].LocalAddr(), p)
		c[0].Flush()
		ReceiveMerged(t, c[1], []packet.Packet{p})
	}
	accounted(t, c[0], c[1])
	if sent := c[0].Stats().SentPackets; sent != uint64(len(want)) {
		t.Errorf("%d packets sent, want %d", sent, len(want))
	}
}

// longest sends packets that cannot be cut, at and beyond what a datagram carries unfragmented.
func longest(t *testing.T, open Open, mtu int) {
	c := open(t, 2, mtu)
	var want []packet.Packet
	for _, size := range []int{c[0].MaxPacket() - 1, c[0].MaxPacket(), c[0].MaxPacket() + 1, 3 * c[0].MaxPacket(), packet.PacketMax - packet.TunnelOverhead} {
		if size <= packet.PacketMax-packet.TunnelOverhead {
			want = append(want, UDP(5000, uint32(size), size-udpHead, 0))
		}
	}
	for _, p := range want {
		Send(t, c[0], c[1].LocalAddr(), p)
	}
	c[0].Flush()
	ReceiveMerged(t, c[1], want)
	accounted(t, c[0], c[1])
}

func order(t *testing.T, open Open) {
	c := open(t, 4, 1600)
	want := make([][]packet.Packet, 4)
	seq := uint32(1)
	for i := range 400 {
		peer := 1 + i*7%3
		var p packet.Packet
		switch flow := uint16(4000 + i%5); i * 11 % 6 {
		case 0:
			p = TCP(flow, seq, 1+i*379%60000, 1400)
		case 1:
			p = UDP(flow, seq, 1+i*53%1400, 0)
		case 2:
			p = TCP(flow, seq, 0, 0)
		case 3:
			p = TCP6(flow, seq, 1+i*379%60000, 1400)
		default:
			p = TCP(flow, seq, 1400, 0)
		}
		seq += 70000 // no packet continues another, so each is recognised
		want[peer] = append(want[peer], p)
		Send(t, c[0], c[peer].LocalAddr(), p)
		if i%50 == 49 {
			c[0].Flush()
		}
	}
	c[0].Flush()
	for peer := 1; peer < 4; peer++ {
		ReceiveMerged(t, c[peer], want[peer])
	}
	accounted(t, c[0], c[1:]...)
}

// mixture draws packets, peers and flushes, over paths of several sizes.
func mixture(t *testing.T, open Open) {
	paths := map[int][]wire.Conn{}
	for _, mtu := range []int{1280, 1600, 9001, 65536} {
		paths[mtu] = open(t, 4, mtu)
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := paths[rapid.SampledFrom([]int{1280, 1600, 9001, 65536}).Draw(rt, "mtu")]
		for _, to := range c[1:] {
			discard(rt, to) // what a failed attempt left
		}
		payload := rapid.OneOf(rapid.IntRange(0, 1500), rapid.IntRange(0, 64000), rapid.Just(1400))
		want := make([][]packet.Packet, len(c))
		for i := range rapid.IntRange(1, 60).Draw(rt, "packets") {
			flow, seq := uint16(4000+i%3), uint32(i)<<20 // no packet continues another
			size := rapid.IntRange(600, 9000).Draw(rt, "segment")
			tcp, udp := TCP, UDP
			if rapid.Bool().Draw(rt, "ipv6") {
				tcp, udp = TCP6, UDP6
			}
			p := tcp(flow, seq, payload.Draw(rt, "payload"), size)
			if rapid.Bool().Draw(rt, "udp") {
				p = udp(flow, seq, min(payload.Draw(rt, "payload"), 60*size), size)
			}
			peer := rapid.IntRange(1, len(c)-1).Draw(rt, "peer")
			want[peer] = append(want[peer], p)
			Send(t, c[0], c[peer].LocalAddr(), p)
			if rapid.Bool().Draw(rt, "flush") {
				c[0].Flush()
			}
		}
		c[0].Flush()
		for peer := 1; peer < len(c); peer++ {
			ReceiveMerged(rt, c[peer], want[peer])
		}
	})
	for _, c := range paths {
		accounted(t, c[0], c[1:]...)
	}
}

func batching(t *testing.T, open Open) {
	c := open(t, 3, 1600)
	const n = 60
	for i := range n {
		Send(t, c[0], c[1+i%2].LocalAddr(), UDP(uint16(4000+i), 1, 18, 0))
	}
	c[0].Flush()
	for _, to := range c[1:] {
		for i, p := range Receive(t, to, n/2, n) {
			if flow := packet.UDP(p.Data[packet.IPv4HeaderLen:]).SrcPort(); int(flow-4000)/2 != i {
				t.Errorf("place %d holds flow %d", i, flow)
			}
		}
	}
	if s := c[0].Stats(); s.Sends > 2 {
		t.Errorf("%d calls for %d packets of equal size to two peers, want 2", s.Sends, n)
	}
	accounted(t, c[0], c[1:]...)
}

func parts(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	const n = 300
	for i := range n {
		Send(t, c[0], c[1].LocalAddr(), UDP(uint16(4000+i), 1, 1000+i/100, 0))
	}
	c[0].Flush()
	for i, p := range Receive(t, c[1], n, 3) {
		if want := UDP(uint16(4000+i), 1, 1000+i/100, 0); string(p.Data) != string(want.Data) {
			t.Fatalf("packet %d differs", i)
		}
	}
	accounted(t, c[0], c[1])
}

// room: who writes a longer header before one packet changes no other.
func room(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	const n = 50
	for i := range n {
		Send(t, c[0], c[1].LocalAddr(), UDP(uint16(4000+i), 1, 300, 0))
	}
	c[0].Flush()
	pkts := make([]wire.Packet, n)
	got := 0
	Await(t, c[1], "all packets received", func() bool {
		m, err := c[1].Recv(pkts[got:]) // one train, so one call, and nothing is overwritten
		if err != nil {
			t.Fatal(err)
		}
		got += m
		return got == n
	})
	for _, p := range pkts {
		if c[1].FD() >= 0 && len(p.Room) < packet.GeneveLen {
			t.Fatalf("room of %d bytes", len(p.Room))
		}
		for i := range p.Room {
			p.Room[i] = 0xee
		}
	}
	for i, p := range pkts {
		if want := UDP(uint16(4000+i), 1, 300, 0); string(p.Data) != string(want.Data) {
			t.Fatalf("packet %d changed", i)
		}
	}
	accounted(t, c[0], c[1])
}

func closing(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	Send(t, c[0], c[1].LocalAddr(), UDP(4000, 1, 100, 0))
	c[0].Flush()
	Receive(t, c[1], 1, 4)
	for _, conn := range c {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Recv(make([]wire.Packet, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Recv after Close: %v", err)
		}
		if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	}
	Send(t, c[0], c[1].LocalAddr(), UDP(4000, 1, 100, 0))
	c[0].Flush()
	if s := c[0].Stats(); s.SentPackets != 1 || s.RefusedPackets != 1 {
		t.Errorf("sent %d, refused %d; want one each", s.SentPackets, s.RefusedPackets)
	}
}

func noAllocation(t *testing.T, open Open) {
	c := open(t, 2, 1600)
	large, small := TCP(4000, 1, 60000, 1400), UDP(4001, 1, 100, 0)
	l := wire.Packet{Packet: large, Peer: c[1].LocalAddr()}
	new(packet.View).Decode(&l.Packet)
	s := wire.Packet{Packet: small, Peer: c[1].LocalAddr()}
	lc, sc := l, s
	lc.Tunnel.Stage, sc.Tunnel.Stage = packet.StageChain, packet.StageChain
	lc.Tunnel.Chain, sc.Tunnel.Chain = chainBody(1), chainBody(2)
	hello := wire.Packet{Packet: packet.Packet{Data: make([]byte, 300)}, Peer: c[1].LocalAddr(), Tunnel: packet.Tunnel{Stage: packet.StageHello}}
	six := wire.Packet{Packet: TCP6(4000, 1, 60000, 1400), Peer: c[1].LocalAddr()}
	new(packet.View6).Decode(&six.Packet)
	pkts := make([]wire.Packet, 64)
	turn := func() {
		for range 4 {
			c[0].Send(&l)
			c[0].Send(&s)
			c[0].Send(&lc)
			c[0].Send(&sc)
			c[0].Send(&hello)
			c[0].Send(&six)
		}
		c[0].Flush()
		for {
			if n, err := c[1].Recv(pkts); n == 0 || err != nil {
				break
			}
		}
		c[0].Stats()
	}
	if allocs := testing.AllocsPerRun(50, turn); allocs != 0 {
		t.Errorf("%v allocations per turn", allocs)
	}
}

// accounted holds when everything sent arrived at one of the receivers and
// nothing was refused or dropped (I8).
func accounted(t testing.TB, from wire.Conn, to ...wire.Conn) {
	t.Helper()
	s := *from.Stats()
	if s.RefusedPackets != 0 || s.Fallbacks != 0 {
		t.Errorf("sender: %d packets refused, %d trains sent singly", s.RefusedPackets, s.Fallbacks)
	}
	received := uint64(0)
	for _, c := range to {
		r := *c.Stats()
		received += r.ReceivedDatagrams
		if r.Drops.Total() != 0 || r.Overflow != 0 || r.ReceivedPackets != r.ReceivedDatagrams {
			t.Errorf("receiver: %d datagrams, %d packets, %d dropped, %d overflowed", r.ReceivedDatagrams, r.ReceivedPackets, r.Drops.Total(), r.Overflow)
		}
	}
	if received != s.SentDatagrams {
		t.Errorf("%d datagrams sent, %d received", s.SentDatagrams, received)
	}
}
