package packet_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// hot is every function of the forwarding path with an input of its own. The
// allocation budget of all is zero, and each is a benchmark.
func hot() map[string]func() {
	tcp := packet.Packet{Data: packettest.TCP(in, out, "S", nil, packettest.WithMSS(1460))}
	udp := packet.Packet{Data: packettest.UDP(in, out, packettest.Payload(64))}
	super := packettest.SuperTCP(in, out, "A", packettest.Payload(60000), 1448)
	icmpError := packet.Packet{Data: portError(udp.Data)}
	echo := packet.Packet{Data: packettest.EchoRequest("10.0.1.10", "203.0.113.10", 1, 2, packettest.Payload(56))}
	there := packet.Rewrite{Src: packettest.Addr("198.51.100.1"), Dst: packettest.Addr("203.0.113.10"), SrcPort: 50000, DstPort: 80}

	m := map[string]func(){}
	for name, p := range map[string]*packet.Packet{"tcp": &tcp, "udp": &udp, "super": &super, "icmp-error": &icmpError, "echo": &echo} {
		v := &packet.View{}
		m["Decode/"+name] = func() { accepted(v.Decode(p)) }
		w := &packet.View{}
		accepted(w.Decode(p))
		if w.Kind == packet.KindICMPError {
			m["RewriteICMPError"] = func() { w.RewriteICMPError(p, there, there) }
		} else {
			m["Rewrite/"+name] = func() { w.Rewrite(p, there) }
			m["VerifyL4/"+name] = func() { w.VerifyL4(p) }
		}
	}
	syn := packet.Packet{Data: packettest.TCP(in, out, "S", nil, packettest.WithMSS(1460))}
	vSyn := &packet.View{}
	accepted(vSyn.Decode(&syn))
	m["ClampMSS"] = func() { vSyn.ClampMSS(&syn, 1360) }
	m["DecrementTTL"] = func() { vSyn.DecrementTTL() }

	part := packettest.PartialTCP(in, out, "A", packettest.Payload(1448))
	vPart := &packet.View{}
	accepted(vPart.Decode(&part))
	again := part.Offload
	m["FinishChecksum/1448"] = func() { part.Offload = again; part.FinishChecksum(vPart) }

	tuple := packet.MakeTuple(0, packet.ProtoTCP, testSrc, 4000, testDst, 80)
	m["Tuple.Words"] = func() {
		a, b := tuple.Reverse().WithVNI(100).Words()
		sink += a + b
	}

	tunnel, geneve := testTunnel, make([]byte, packet.GeneveLen)
	tunnel.Encode(geneve)
	m["Tunnel.Encode"] = func() { tunnel.Encode(geneve) }
	read := &packet.Tunnel{}
	m["Tunnel.Decode"] = func() { _, r := read.Decode(geneve); accepted(r) }

	virtio, o := make([]byte, packet.VirtioLen), &packet.Offload{}
	m["EncodeVirtio"] = func() { super.Offload.EncodeVirtio(virtio) }
	m["DecodeVirtio"] = func() { accepted(o.DecodeVirtio(virtio)) }
	super.Offload.EncodeVirtio(virtio)

	header := make([]byte, 20)
	m["IPv4.Encode"] = func() { packet.IPv4(header).Encode(packet.IPv4Fields{TotalLen: 20, TTL: 64, Src: 1, Dst: 2}) }
	for _, n := range []int{20, 64, 1500, 9000, 65535} {
		b := bytes.Repeat([]byte{0x5a}, n)
		m[fmt.Sprintf("Sum/%d", n)] = func() { sink += packet.Sum(b, 0) }
	}
	return m
}

// sink keeps results alive, so that nothing is optimised away.
var sink uint64

func accepted(r drop.Reason) {
	if r != drop.None {
		panic(r)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for name, f := range hot() {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkPacket(b *testing.B) {
	functions := hot()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
