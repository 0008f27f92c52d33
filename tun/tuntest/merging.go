package tuntest

import (
	"testing"

	"hyperplane/packet"
)

// The cases of the conformance suite about what leaves the device.

func writeComplete(t *testing.T, b *bench) {
	same(t, b.write(t, 1, TCPData(0, 100))[0], TCPData(0, 100))
}

func writePartial(t *testing.T, b *bench) {
	same(t, b.write(t, 1, Partial(UDPData(0, 100)))[0], Partial(UDPData(0, 100)))
}

func writeSuperTCP(t *testing.T, b *bench) {
	p := Super(TCPData(0, 50*1000+1), 1000)
	same(t, b.write(t, 1, p)[0], p)
}

func writeSuperECN(t *testing.T, b *bench) {
	p := superECN()
	same(t, b.write(t, 1, p)[0], p)
}

func writeSuperUDP(t *testing.T, b *bench) {
	p := Super(UDPData(0, 20*1000+1), 1000)
	same(t, b.write(t, 1, p)[0], p)
}

// merges: forty packets of one flow, the last one shorter, are one superpacket, of which
// datagrams keep their boundaries.
func merges(size int, data func(at, size int) packet.Packet) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		var ps []packet.Packet
		for i := range 39 {
			ps = append(ps, data(i*size, size))
		}
		ps = append(ps, data(39*size, size/2))
		same(t, b.write(t, 1, ps...)[0], Super(data(0, 39*size+size/2), size))
	}
}

func partialUDP(at, size int) packet.Packet { return Partial(UDPData(at, size)) }

func partialUDP6(at, size int) packet.Packet { return Partial(UDPData6(at, size)) }

func writeSuper6(t *testing.T, b *bench) {
	ps := []packet.Packet{Super(TCPData6(0, 50*1000+1), 1000), Super(UDPData6(0, 20*1000+1), 1000), superECN6()}
	for i, p := range b.write(t, len(ps), ps...) {
		same(t, p, ps[i])
	}
}

// mergeVersions: packets of the two versions alternate, each pair of one.
func mergeVersions(t *testing.T, b *bench) {
	sent := b.write(t, 2, TCPData6(0, 1000), TCPData6(1000, 1000), TCPData(2000, 1000), TCPData(3000, 1000))
	same(t, sent[0], Super(TCPData6(0, 2000), 1000))
	same(t, sent[1], Super(withID(TCPData(2000, 2000), 2), 1000))
}

// mergeBroken: a gap in the stream, another protocol and a wrong checksum each
// end a superpacket.
func mergeBroken(t *testing.T, b *bench) {
	wrong := TCPData(6000, 1000)
	wrong.Data[len(wrong.Data)-1] ^= 1
	sent := b.write(t, 5,
		TCPData(0, 1000), TCPData(1000, 1000), // one
		TCPData(3000, 1000), // a gap
		Echo(1),
		TCPData(4000, 1000), TCPData(5000, 1000), // one, without the echo
		wrong,
	)
	same(t, sent[0], Super(TCPData(0, 2000), 1000))
	same(t, sent[1], TCPData(3000, 1000))
	same(t, sent[2], Echo(1))
	same(t, sent[3], Super(withID(TCPData(4000, 2000), 4), 1000))
	same(t, sent[4], wrong)
}

// keepOrder: what cannot be merged or understood stays in its place.
func keepOrder(t *testing.T, b *bench) {
	v6 := packet.Packet{Data: make([]byte, packet.IPv6HeaderLen)}
	v6.Data[0], v6.Data[6] = 6<<4, 59 // no next header
	fragment := UDPData(0, 16)
	packet.IPv4(fragment.Data).SetFragment(false, true, 0)
	ps := []packet.Packet{Echo(1), UDPData(0, 10), v6, fragment, TCPData(0, 10), Echo(2)}
	for i, p := range b.write(t, len(ps), ps...) {
		same(t, p, ps[i])
	}
}

// superECN is a superpacket whose sender has reduced its window (RFC 3168,
// section 6.1.2).
func superECN() packet.Packet {
	p := Super(TCPData(0, 3500), 1000)
	packet.TCP(packet.IPv4(p.Data).Payload()).SetFlags(packet.TCPAck | packet.TCPCwr)
	p.Offload.GSO |= packet.GSOECN
	return p
}

func superECN6() packet.Packet {
	p := Super(TCPData6(0, 3500), 1000)
	packet.TCP(packet.IPv6(p.Data).Payload()).SetFlags(packet.TCPAck | packet.TCPCwr)
	p.Offload.GSO |= packet.GSOECN
	return p
}

func withID(p packet.Packet, id uint16) packet.Packet {
	packet.IPv4(p.Data).SetID(id)
	return p
}
