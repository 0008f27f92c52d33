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
