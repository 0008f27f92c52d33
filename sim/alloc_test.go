package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/tun"
)

// flow opens a TCP flow and returns a packet of each direction.
func (w *world) flow() (out, in packet.Packet) {
	w.t.Helper()
	syn := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.in("blue-1", TCP(web+":80", source(w.t, syn), "SA", nil))
	return SuperTCP("10.0.1.10:4000", web+":80", "A", Payload(60_000), 1448),
		SuperTCP(web+":80", source(w.t, syn), "A", Payload(60_000), 1448)
}

// twins is what the in-memory TUNs on a packet's way allocate themselves.
func (w *world) twins(p packet.Packet) float64 {
	d := w.Edges[0]
	buf := make([]byte, tun.ReadLen)
	return testing.AllocsPerRun(200, func() {
		_ = d.Inject(p)
		got, _, _ := d.Read(buf)
		d.Write(&got)
		d.Flush()
		d.Sent()
	})
}

// A packet that hits crosses all three roles without an allocation.
func TestHitsAllocateNothing(t *testing.T) {
	w := newWorld(t)
	out, in := w.flow()
	twins := w.twins(out)
	if n := testing.AllocsPerRun(200, func() {
		_ = w.Instances["blue-1"].Inject(out)
		w.Loop.Turn(0)
		w.Edges[0].Sent()
		w.Edges[1].Sent()
	}); n > twins {
		t.Errorf("out: %v allocations per packet", n)
	}
	if n := testing.AllocsPerRun(200, func() {
		_ = w.Edges[0].Inject(in)
		w.Loop.Turn(0)
		w.Instances["blue-1"].Sent()
	}); n > twins {
		t.Errorf("in: %v allocations per packet", n)
	}
}

// Nor does a packet that misses: new flows and refused ones cost no garbage.
func TestMissesAllocateNothing(t *testing.T) {
	w := newWorld(t)
	p := UDP("10.0.1.10:4000", web+":53", []byte("query"), WithoutUDPChecksum())
	port, twins := uint16(1000), w.twins(plain(p))
	if n := testing.AllocsPerRun(500, func() {
		port++
		packet.UDP(packet.IPv4(p).Payload()).SetSrcPort(port)
		_ = w.Instances["blue-1"].Inject(plain(p))
		w.Loop.Turn(0)
		w.Edges[0].Sent()
		w.Edges[1].Sent()
	}); n > twins {
		t.Errorf("new flow: %v allocations per packet", n)
	}
	bad := TCP("10.0.1.10:9", web+":80", "A", nil)
	if n := testing.AllocsPerRun(500, func() {
		_ = w.Instances["blue-1"].Inject(plain(bad))
		w.Loop.Turn(0)
		w.Instances["blue-1"].Sent()
	}); n > twins {
		t.Errorf("refused: %v allocations per packet", n)
	}
}

// BenchmarkCell is the cost of one packet through all three roles, both TUNs
// and the carrier in memory.
func BenchmarkCell(b *testing.B) {
	w := newWorld(b)
	super, _ := w.flow()
	small := plain(TCP("10.0.1.10:4000", web+":80", "A", nil))
	for name, p := range map[string]packet.Packet{"superpacket": super, "small": small} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p.Data)))
			b.ReportAllocs()
			for b.Loop() {
				_ = w.Instances["blue-1"].Inject(p)
				w.Loop.Turn(0)
				w.Edges[0].Sent()
				w.Edges[1].Sent()
			}
		})
	}
}
