package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// FuzzCell throws bytes at a cell from a tenant, the internet and the
// underlay. Nothing panics, every packet is accounted for (checked by every
// step), nothing of blue's reaches green, and everything that comes out is a
// valid packet with valid addresses.
func FuzzCell(f *testing.F) {
	f.Add(byte(0), TCP("10.0.1.10:4000", web+":80", "S", nil))
	f.Add(byte(1), UDP(web+":53", blue+":4000", Payload(100)))
	f.Add(byte(2), UDP("10.0.1.10:4000", web+":53", Payload(100)))
	f.Add(byte(3), ICMPError("203.0.113.1", blue, 3, 4, 1400, UDP(blue+":4000", web+":53", nil)))
	f.Add(byte(4), Fragment(UDP("10.0.1.10:4000", web+":53", Payload(3000)), 1480, 1480))
	f.Add(byte(5), EchoRequest("10.0.1.10", "10.0.1.1", 1, 1, Payload(2000)))
	w := newWorld(f)
	w.out("green-1", UDP("10.0.1.10:4000", web+":53", nil))
	w.out("blue-1", UDP("10.0.1.10:4000", web+":53", nil))
	f.Fuzz(func(t *testing.T, how byte, data []byte) {
		w.t = t
		if len(data) > 1500 {
			data = data[:1500]
		}
		data = clone(data)
		if how&0x10 != 0 && len(data) >= 20 && data[0] == 0x45 {
			data[2], data[3], data[10], data[11] = byte(len(data)>>8), byte(len(data)), 0, 0
			sum := packet.Checksum(data[:20], 0)
			data[10], data[11] = byte(sum>>8), byte(sum)
		}
		p := plain(data)
		if how&0x20 != 0 {
			p.Offload = packet.Offload{GSO: packet.GSOType(how >> 6), Partial: true, GSOSize: uint16(how) * 8}
		}
		switch how & 3 {
		case 0:
			w.must(w.Send("blue-1", p))
		case 1:
			w.must(w.Reply(p))
		case 2:
			w.must(w.Inject(w.State.Hosts[0].Addr, w.State.Nodes[0].Addr, packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, p))
		case 3:
			w.must(w.Inject(w.State.Nodes[0].Addr, w.State.Hosts[0].Addr, packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, p))
		}
		for _, got := range w.Received("green-1") {
			if how&3 != 1 {
				t.Errorf("green received: %s", Line(got.Data))
			}
		}
		for _, got := range append(w.Internet(), w.Received("blue-1")...) {
			var v packet.View
			if r := v.Decode(&got); r != drop.None {
				t.Errorf("%v came out: % x", r, got.Data)
			}
		}
	})
}

// FuzzCell6 is FuzzCell for a cell with IPv6: bytes from an instance with both families,
// from one with IPv6 alone, from the internet, and from every kind of peer.
func FuzzCell6(f *testing.F) {
	server := under("64:ff9b", web)
	for how, b := range [][]byte{
		TCP6(to6(addrA, 4000), to6(server, 80), "S", nil),
		UDP6(to6(addrB, 4000), to6(web6, 53), Payload(100)),
		UDP6(to6(web6, 53), to6(addrB, 4000), Payload(100)),
		UDP(web+":53", blue+":4000", Payload(100)),
		ICMP6(addrB, server, packet.ICMPv6Unreachable, 4, 0, UDP6(to6(server, 53), to6(addrB, 4000), Payload(8))),
		ICMP6(web6, addrB, packet.ICMPv6PacketTooBig, 0, 1400, UDP6(to6(addrB, 4000), to6(web6, 53), Payload(100))),
		Fragment6(UDP6(to6(addrB, 4000), to6(web6, 53), Payload(3000)), 1480, 1200, 7),
		Fragment6(ICMP6(addrB, server, packet.ICMPv6EchoRequest, 0, 7<<16, Payload(3000)), 0, 1200, 8),
		Extend(UDP6(to6(addrB, 4000), to6(web6, 53), Payload(8)), 60, 0, 0, 1, 4, 0, 0, 0, 0),
		UDP6(to6(addrB, 4000), to6(addrC, 53), Payload(1300)),
	} {
		f.Add(byte(how), byte(0), b)
		f.Add(byte(how), byte(0x20), b)
	}
	w := newDualStack(f)
	w.out("g", UDP6(to6(addrG, 4000), to6(web6, 53), nil))
	w.out("b", UDP6(to6(addrB, 4000), to6(web6, 53), nil))
	w.out("b", UDP6(to6(addrB, 4000), to6(server, 53), nil))
	peers := []packet.Addr4{w.State.Hosts[0].Addr, w.State.Hosts[1].Addr, w.State.Nodes[0].Addr, w.State.Edges[0].Addr}
	f.Fuzz(func(t *testing.T, how, gso byte, data []byte) {
		w.t = t
		if len(data) > 1500 {
			data = data[:1500]
		}
		data = clone(data)
		mend6(data, how)
		p := plain(data)
		if gso&0x20 != 0 {
			p.Offload = packet.Offload{GSO: packet.GSOType(gso & 7), Partial: true, GSOSize: uint16(gso) * 8}
		}
		switch how & 7 {
		case 0:
			w.must(w.Send("a", p))
		case 1, 2:
			w.must(w.Send("b", p))
		case 3, 4:
			w.must(w.Reply(p))
		default:
			from, to := peers[how>>3&3], peers[how>>5&3]
			if from != to {
				w.must(w.Inject(from, to, packet.Tunnel{VNI: 100, Service: uint32(how & 1), Hops: 4}, p))
			}
		}
		for _, got := range w.Received("g") {
			if how&7 < 3 && !packet.IsIPv6(got.Data) {
				t.Errorf("green received: %s", Line(got.Data)) // by IPv6 it may be spoken to
			}
		}
		for _, got := range append(append(w.Internet(), w.Received("a")...), w.Received("b")...) {
			var v packet.View
			var six packet.View6
			if packet.IsIPv6(got.Data) {
				if r := six.Decode(&got); r != drop.None {
					t.Errorf("%v came out: % x", r, got.Data)
				}
			} else if r := v.Decode(&got); r != drop.None {
				t.Errorf("%v came out: % x", r, got.Data)
			}
		}
		w.Received("c")
		w.Received("far")
	})
}

// mend6 makes the length of an IPv6 packet, and the checksum of one without extension
// headers, right, so that more of what is drawn gets beyond the first checks.
func mend6(b []byte, how byte) {
	if !packet.IsIPv6(b) || len(b) < packet.IPv6HeaderLen || how&0x80 == 0 {
		return
	}
	ip := packet.IPv6(b)
	ip.SetPayloadLen(len(b) - packet.IPv6HeaderLen)
	l4 := b[packet.IPv6HeaderLen:]
	at := map[uint8]int{packet.ProtoTCP: 16, packet.ProtoUDP: 6, packet.ProtoICMPv6: 2}[ip.NextHeader()]
	if at == 0 || len(l4) < at+2 {
		return
	}
	if ip.NextHeader() == packet.ProtoUDP {
		packet.UDP(l4).SetLength(len(l4))
	}
	l4[at], l4[at+1] = 0, 0
	sum := packet.Checksum(l4, ip.PseudoSum(ip.NextHeader(), len(l4)))
	l4[at], l4[at+1] = byte(sum>>8), byte(sum)
}
