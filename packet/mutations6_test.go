package packet_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// The fuzz targets' checks of IPv6 over good packets with a few bytes, the length and the metadata changed: see
// TestMutatedSuperpackets.
func TestMutated6(t *testing.T) {
	good := seedPackets6()
	for _, long := range [][]byte{
		packettest.UDP6(in6, out6, packettest.Payload(3000)), packettest.TCP6(in6, out6, "FAP", packettest.Payload(3000)), echo6(128, 1, 1, packettest.Payload(3000)),
	} {
		good = append(good, long, packettest.Fragment6(long, 0, 4000, 1),
			packettest.Extend(packettest.Extend(long, destOpts, options(3)...), hopByHop, options(1)...))
	}
	rng := rand.New(rand.NewPCG(6, 6))
	for range 6000 {
		data := bytes.Clone(good[rng.IntN(len(good))])
		for range rng.IntN(3) {
			data[rng.IntN(min(len(data), 90))] = byte(rng.Uint32())
		}
		if rng.IntN(4) == 0 {
			data = data[:rng.IntN(len(data)+1)]
		}
		partial, gso, size, mend := rng.IntN(2) == 0, uint8(0), uint16(0), rng.IntN(4) > 0
		if rng.IntN(4) == 0 {
			gso, size = []uint8{uint8(packet.GSOTCPv6), uint8(packet.GSOUDP)}[rng.IntN(2)], uint16(rng.IntN(2000))
		}
		tryFragments6(t, data, partial, gso, size, mend, 1270+rng.IntN(400))
		tryAnswers6(t, data, partial, gso, size, mend)
	}
}
