package tun_test

import (
	"testing"

	"hyperplane/packet"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// BenchmarkWrite writes batches into a real device whose namespace throws the
// packets away. Compare pkts/s: "merged" is one flow, "apart" many flows.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(i int) packet.Packet
	}{
		{"UDP 64 merged", func(i int) packet.Packet { return tuntest.UDPData(i*64, 64) }},
		{"UDP 64 apart", func(i int) packet.Packet { p := ofFlow(i); return p }},
		{"TCP 1448 merged", func(i int) packet.Packet { return tuntest.Partial(tuntest.TCPData(i*1448, 1448)) }},
		{"TCP 60000 whole", func(i int) packet.Packet { return tuntest.Super(tuntest.TCPData(0, 60000), 1448) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := open(b, tun.Config{Name: "hptest0", MTU: 1500, NetNS: tuntest.Namespace(b)})[0]
			ps := make([]packet.Packet, batchPackets)
			heads := make([][packet.HeadMax]byte, batchPackets)
			for i := range ps {
				ps[i] = c.make(i)
				copy(heads[i][:], ps[i].Data)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(ps[0].Data)))
			for n := 0; b.Loop(); n++ {
				i := n % batchPackets
				copy(ps[i].Data, heads[i][:]) // Write may have changed it
				d.Write(&ps[i])
				if i == batchPackets-1 {
					d.Flush()
				}
			}
			d.Flush()
			s := d.Stats()
			b.ReportMetric(float64(s.WrittenPackets)/b.Elapsed().Seconds(), "pkts/s")
			b.ReportMetric(float64(s.WrittenPackets)/float64(s.Writes), "pkts/write")
			if s.RefusedPackets != 0 {
				b.Errorf("refused %d", s.RefusedPackets)
			}
		})
	}
}

// BenchmarkRead is the round of one packet: the kernel sends it, Read takes it.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name string
		p    packet.Packet
	}{
		{"UDP 64", tuntest.UDPData(0, 64)},
		{"TCP 60000", tuntest.Super(tuntest.TCPData(0, 60000), 1448)},
	} {
		b.Run(c.name, func(b *testing.B) {
			ns := tuntest.Namespace(b)
			d := open(b, tun.Config{Name: "hptest0", MTU: 1500, NetNS: ns})[0]
			f := openFar(b, ns, "hptest0")
			buf := make([]byte, tun.ReadLen)
			b.SetBytes(int64(len(c.p.Data)))
			for b.Loop() {
				if err := f.Inject(c.p); err != nil {
					b.Fatalf("inject: %v", err)
				}
				if _, ok, err := d.Read(buf); !ok || err != nil {
					b.Fatalf("read: %v, %v", ok, err)
				}
			}
		})
	}
}
