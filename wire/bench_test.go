package wire_test

import (
	"fmt"
	"testing"

	"hyperplane/packet"
	"hyperplane/wire"
	"hyperplane/wire/wiretest"
)

// BenchmarkTurn is one turn of a loop: packets sent in a batch and received by
// the peer, both on this thread. One operation is one packet.
func BenchmarkTurn(b *testing.B) {
	for _, tc := range []struct {
		name string
		open wiretest.Open
		mtu  int
		pkt  packet.Packet
	}{
		{"udp/64B", openUDP, 1600, wiretest.UDP(4000, 1, 36, 0)},
		{"udp/300B", openUDP, 1600, wiretest.UDP(4000, 1, 272, 0)},
		{"udp/500B", openUDP, 1600, wiretest.UDP(4000, 1, 472, 0)},
		{"udp/1500B", openUDP, 1600, wiretest.UDP(4000, 1, 1472, 0)},
		{"udp/60kB cut to 1600", openUDP, 1600, wiretest.TCP(4000, 1, 60000, 1448)},
		{"udp/60kB cut to 9001", openUDP, 9001, wiretest.TCP(4000, 1, 60000, 1448)},
		{"udp/60kB whole", openUDP, 65536, wiretest.TCP(4000, 1, 60000, 1448)},
		{"memory/64B", openMemory, 0, wiretest.UDP(4000, 1, 36, 0)},
		{"memory/60kB", openMemory, 0, wiretest.TCP(4000, 1, 60000, 1448)},
	} {
		b.Run(tc.name, func(b *testing.B) { turns(b, tc.open(b, 2, tc.mtu), tc.pkt) })
	}
	for _, batch := range []int{1, 8} {
		b.Run(fmt.Sprintf("udp/64B by %d", batch), func(b *testing.B) {
			turnsBy(b, openUDP(b, 2, 1600), wiretest.UDP(4000, 1, 36, 0), packet.Tunnel{}, batch)
		})
	}
	chain := packet.Tunnel{Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)}
	for _, tc := range []struct {
		name  string
		open  wiretest.Open
		mtu   int
		pkt   packet.Packet
		batch int
	}{
		{"udp/64B", openUDP, 1600, wiretest.UDP(4000, 1, 36, 0), 64},
		{"udp/60kB cut to 1600", openUDP, 1600, wiretest.TCP(4000, 1, 60000, 1448), 4}, // each segment longer than the path
		{"udp/60kB cut to 1640", openUDP, 1640, wiretest.TCP(4000, 1, 60000, 1448), 4},
		{"memory/64B", openMemory, 0, wiretest.UDP(4000, 1, 36, 0), 64},
	} {
		b.Run("chain/"+tc.name, func(b *testing.B) { turnsBy(b, tc.open(b, 2, tc.mtu), tc.pkt, chain, tc.batch) })
	}
}

func turns(b *testing.B, c []wire.Conn, p packet.Packet) {
	batch := 64
	if len(p.Data) > 10000 {
		batch = 4
	}
	turnsBy(b, c, p, packet.Tunnel{}, batch)
}

func turnsBy(b *testing.B, c []wire.Conn, p packet.Packet, tunnel packet.Tunnel, batch int) {
	w := wire.Packet{Packet: p, Tunnel: tunnel, Peer: c[1].LocalAddr()}
	new(packet.View).Decode(&w.Packet)
	pkts := make([]wire.Packet, 64)
	b.SetBytes(int64(len(p.Data)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c[0].Send(&w)
		if i%batch != batch-1 {
			continue
		}
		c[0].Flush()
		for {
			if n, _ := c[1].Recv(pkts); n == 0 {
				break
			}
		}
	}
}
