package packet_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// The fuzz targets' checks over good packets with a few bytes, the length and the metadata changed: deeper than random
// bytes reach in the same time, and the same on every run.
func TestMutatedSuperpackets(t *testing.T) {
	good := []packet.Packet{
		packettest.SuperTCP(superFrom, superTo, "AP", packettest.Payload(300), 100, packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8)),
		packettest.SuperUDP(superFrom, superTo, packettest.Payload(300), 100, packettest.WithIPOptions(148, 4, 0, 0)),
		packettest.PartialTCP(superFrom, superTo, "A", packettest.Payload(100)),
		packettest.PartialUDP(superFrom, superTo, packettest.Payload(100)),
		packettest.SuperTCP6(superFrom6, superTo6, "AP", packettest.Payload(300), 100, packettest.WithTCPOptions(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8)),
		packettest.SuperUDP6(superFrom6, superTo6, packettest.Payload(300), 100),
		packettest.SuperTCP6(superFrom6, superTo6, "A", packettest.Payload(100), 0, packettest.WithPartial()),
		long6(8),
		{Data: packettest.UDP6(superFrom6, superTo6, packettest.Payload(100))},
		{Data: packettest.TCP(superFrom, superTo, "S", nil)},
		{Data: packettest.UDP(superFrom, superTo, packettest.Payload(100))},
		{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 1, packettest.Payload(100))},
		{Data: packettest.Fragment(packettest.UDP(superFrom, superTo, packettest.Payload(300)), 64, 128)},
		{Data: packettest.ICMPError("203.0.113.10", "10.0.1.10", 3, 4, 1400, packettest.UDP(superFrom, superTo, packettest.Payload(20)))},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	mutate := func(p packet.Packet) packet.Packet {
		p.Data = bytes.Clone(p.Data)
		for range rng.IntN(3) {
			if n := min(len(p.Data), 64); n > 0 {
				p.Data[rng.IntN(n)] = byte(rng.Uint32())
			}
		}
		if rng.IntN(4) == 0 {
			p.Data = p.Data[:rng.IntN(len(p.Data)+1)]
		}
		switch rng.IntN(6) {
		case 0:
			p.Offload.GSO = packet.GSOType(rng.IntN(8))
		case 1:
			p.Offload.GSOSize = uint16(rng.IntN(400))
		case 2:
			p.Offload.Partial = !p.Offload.Partial
		}
		return p
	}
	for range 20000 {
		p := mutate(good[rng.IntN(len(good))])
		gso, size, partial := uint8(p.Offload.GSO), p.Offload.GSOSize, p.Offload.Partial
		tryPieces(t, p.Data, gso, size, partial, rng.IntN(500))
		tryFragments(t, p.Data, gso, size, partial, rng.IntN(500))
		if rng.IntN(4) == 0 {
			tryAnswers(t, p.Data, gso, size, partial)
		}
		// The second packet continues the first, but for what the mutation did.
		next := bytes.Clone(p.Data)
		if len(next) >= 48 {
			if next[0]>>4 == 6 {
				next[47] += byte(len(next) - 60)
			} else {
				next[5]++
				next[27] += byte(len(next) - 40)
			}
		}
		q := mutate(packet.Packet{Data: next})
		both := uint8(0)
		if partial {
			both = 1
		}
		tryMerge(t, p.Data, q.Data, both, gso, size)
	}
}
