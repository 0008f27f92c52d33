package wire_test

import (
	"net"
	"net/netip"
	"testing"

	"hyperplane/packet"
	"hyperplane/wire"
	"hyperplane/wire/wiretest"
)

// What nodes tell each other does not wait behind packets that came before it, nor do
// packets inside the cell and those of the internet wait behind each other.
func TestLanes(t *testing.T) {
	var c, to []wire.Conn
	wiretest.InNamespace(t, 1600, func() {
		for i, conns := range []*[]wire.Conn{&c, &to} {
			var err error
			local := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)})
			if *conns, err = wire.Listen(wire.Config{Local: local, PathMTU: 1600, Lanes: true}); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, conn := range append(c, to...) {
		defer conn.Close()
	}
	const each = 100 // of equal length: they could share a train
	for i := range uint32(each) {
		for _, tunnel := range []packet.Tunnel{
			{}, {Stage: packet.StageHello}, {VNI: 1}, {Stage: packet.StageProbe}, {VNI: packet.VNIMax}, {Stage: packet.StageMessages},
			{Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)},
		} {
			tunnel.Service = i
			c[0].Send(&wire.Packet{Packet: wiretest.UDP(4000, i, 200-tunnel.Len(), 0), Tunnel: tunnel, Peer: to[0].LocalAddr()})
		}
	}
	c[0].Flush()
	for lane, stages := range []map[uint8]int{
		{packet.StageData: 1},
		{packet.StageData: 2, packet.StageChain: 1},
		{packet.StageHello: 1, packet.StageProbe: 1, packet.StageMessages: 1},
	} {
		n := 0
		for _, m := range stages {
			n += m * each
		}
		last := map[packet.Tunnel]uint32{}
		for _, p := range wiretest.Receive(t, to[lane], n, 256) {
			if stages[p.Tunnel.Stage] == 0 || p.Tunnel.Stage == packet.StageData && (p.Tunnel.VNI == 0) != (lane == 0) {
				t.Fatalf("lane %d received %+v", lane, p.Tunnel)
			}
			flow := packet.Tunnel{Stage: p.Tunnel.Stage, VNI: p.Tunnel.VNI}
			if p.Tunnel.Service < last[flow] {
				t.Errorf("lane %d: %d after %d", lane, p.Tunnel.Service, last[flow])
			}
			last[flow] = p.Tunnel.Service
		}
	}
	if s := c[0].Stats(); s.Sends > 2*each*7/64 {
		t.Errorf("%d calls to send %d datagrams of equal length", s.Sends, s.SentDatagrams)
	}
}

// A datagram that is no GENEVE header at all still has a lane, and is counted there.
func TestNonsenseHasALane(t *testing.T) {
	const n = 30
	var c []wire.Conn
	wiretest.InNamespace(t, 1600, func() {
		var err error
		if c, err = wire.Listen(wire.Config{Local: netip.MustParseAddr("127.0.0.1"), PathMTU: 1600, Lanes: true}); err != nil {
			t.Fatal(err)
		}
		raw, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: packet.GenevePort})
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		for size := range n {
			raw.Write(make([]byte, size))
		}
	})
	for _, conn := range c {
		defer conn.Close()
	}
	wiretest.Await(t, c[0], "all of it counted", func() bool {
		if got, err := c[0].Recv(make([]wire.Packet, 256)); got > 0 || err != nil {
			t.Fatalf("%d packets, %v", got, err)
		}
		return c[0].Stats().Drops.Total() == n
	})
}
