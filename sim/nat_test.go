package sim

import (
	"testing"
	"time"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// A TCP connection goes out with the gateway's address, its replies come back
// to the instance, whichever edge they arrive at (I2, I9).
func TestTCPBothWays(t *testing.T) {
	w := newWorld(t)
	syn := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil, WithMSS(8960)))
	Check(t, syn, IPv4(Src(blue), Dst(web), TTL(63)), TCPFlags("S"), DstPort(80), MSS(1460), ValidChecksums())
	public := source(t, syn)
	for range 2 { // once by each edge
		ack := w.in("blue-1", TCP(web+":80", public, "SA", nil, WithMSS(8960)))
		Check(t, ack, IPv4(Src(web), Dst("10.0.1.10"), TTL(63)), TCPFlags("SA"), DstPort(4000), MSS(1460), ValidChecksums())
	}
	data := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "PA", []byte("GET / HTTP/1.0\r\n\r\n")))
	Check(t, data, IPv4(Src(blue)), PayloadIs([]byte("GET / HTTP/1.0\r\n\r\n")), ValidChecksums())
	if got := source(t, data); got != public {
		t.Errorf("the flow moved from %s to %s (I3)", public, got)
	}
	w.dropped(drop.None, 0)
}

func TestUDPAndEcho(t *testing.T) {
	w := newWorld(t)
	query := w.out("blue-2", UDP("10.0.1.11:5353", web+":53", []byte("?")))
	Check(t, query, IPv4(Src(blue)), PayloadIs([]byte("?")), ValidChecksums())
	answer := w.in("blue-2", UDP(web+":53", source(t, query), []byte("!")))
	Check(t, answer, IPv4(Dst("10.0.1.11")), DstPort(5353), PayloadIs([]byte("!")), ValidChecksums())

	ping := w.out("blue-1", EchoRequest("10.0.1.10", web, 77, 1, []byte("x")))
	Check(t, ping, IPv4(Src(blue)), ICMPType(packet.ICMPEchoRequest, 0), ValidChecksums())
	id := packet.ICMP(packet.IPv4(ping).Payload()).ID()
	pong := w.in("blue-1", EchoReply(web, blue, id, 1, []byte("x")))
	Check(t, pong, IPv4(Dst("10.0.1.10")), EchoID(77), ValidChecksums())
	w.dropped(drop.None, 0)
}

// A superpacket crosses the cell as one packet, its checksum still partial.
func TestSuperpacketStaysWhole(t *testing.T) {
	w := newWorld(t)
	syn := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.in("blue-1", TCP(web+":80", source(t, syn), "SA", nil))
	w.must(w.Send("blue-1", SuperTCP("10.0.1.10:4000", web+":80", "A", Payload(60_000), 1448)))
	got := w.Internet()
	if len(got) != 1 || got[0].Offload.GSO != packet.GSOTCPv4 || !got[0].Offload.Partial || got[0].Offload.GSOSize != 1448 {
		t.Fatalf("got %d packets, the first with %+v", len(got), got[0].Offload)
	}
	var v packet.View
	if r := v.Decode(&got[0]); r != drop.None {
		t.Fatal(r)
	}
	var pieces packet.Pieces
	if r := pieces.Plan(&got[0], 1500); r != drop.None {
		t.Fatal(r)
	}
	for i := range pieces.N() {
		head := make([]byte, 120)
		n, body, off := pieces.Piece(i, head)
		p := packet.Packet{Data: append(head[:n], body...), Offload: off}
		var pv packet.View
		if r := pv.Decode(&p); r != drop.None {
			t.Fatal(r)
		}
		p.FinishChecksum(&pv)
		Check(t, p.Data, IPv4(Src(blue)), ValidChecksums())
	}
}

// Equal 5-tuples of two tenants at once leave by different public addresses
// and come back to the right one (I7).
func TestTenantsWithEqualTuples(t *testing.T) {
	w := newWorld(t)
	packets := map[string][]byte{
		"tcp":  TCP("10.0.1.10:4000", web+":80", "S", nil),
		"udp":  UDP("10.0.1.10:4000", web+":53", []byte("q")),
		"echo": EchoRequest("10.0.1.10", web, 4000, 1, nil),
	}
	for name, p := range packets {
		t.Run(name, func(t *testing.T) {
			b, g := w.out("blue-1", p), w.out("green-1", p)
			Check(t, b, IPv4(Src(blue)), ValidChecksums())
			Check(t, g, IPv4(Src(green)), ValidChecksums())
			for tenant, sent := range map[string][]byte{"blue-1": b, "green-1": g} {
				w.must(w.Reply(plain(answer(sent))))
				Check(t, w.one(tenant, w.Received(tenant)), IPv4(Dst("10.0.1.10")), ValidChecksums())
				w.silence()
			}
		})
	}
	w.dropped(drop.None, 0)
}

// answer makes the packet that a server would send back.
func answer(sent []byte) []byte {
	var v packet.View
	v.Decode(&packet.Packet{Data: sent})
	src, dst := v.IP.Src().String(), v.IP.Dst().String()
	switch v.Kind {
	case packet.KindEcho:
		return EchoReply(dst, src, packet.ICMP(v.L4).ID(), packet.ICMP(v.L4).Seq(), packet.ICMP(v.L4).Payload())
	case packet.KindUDP:
		return UDP(end(v.Tuple.Dst, v.Tuple.DstPort), end(v.Tuple.Src, v.Tuple.SrcPort), []byte("a"))
	}
	return TCP(end(v.Tuple.Dst, v.Tuple.DstPort), end(v.Tuple.Src, v.Tuple.SrcPort), "SA", nil)
}

// The gateway forgets idle flows; TCP that goes on is answered with RST, as
// AWS's NAT gateway does.
func TestIdleFlowsAreForgotten(t *testing.T) {
	w := newWorld(t)
	syn := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.in("blue-1", TCP(web+":80", source(t, syn), "SA", nil))
	query := w.out("blue-1", UDP("10.0.1.10:5353", web+":53", []byte("?")))
	w.dropped(drop.None, 0)

	w.pass(119 * time.Second)
	w.in("blue-1", UDP(web+":53", source(t, query), []byte("late, but in time")))
	w.pass(122 * time.Second)
	w.must(w.Reply(plain(UDP(web+":53", source(t, query), []byte("too late")))))
	w.silence()
	w.dropped(drop.Unsolicited, 1)

	w.pass(349*time.Second - 241*time.Second)
	w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "A", []byte("still here")))
	w.pass(352 * time.Second)
	w.must(w.Send("blue-1", plain(TCP("10.0.1.10:4000", web+":80", "A", []byte("gone"), WithSeq(1), WithAck(99)))))
	Check(t, w.one("blue-1", w.Received("blue-1")),
		IPv4(Src(web), Dst("10.0.1.10")), TCPFlags("R"), Seq(99), DstPort(4000), ValidChecksums())
	w.dropped(drop.NoFlow, 1)
	w.silence()
}

// Nothing from the internet opens a flow, and nothing of it is answered.
func TestUnsolicited(t *testing.T) {
	w := newWorld(t)
	for _, b := range [][]byte{
		TCP(web+":80", blue+":4000", "S", nil),
		TCP(web+":80", blue+":4000", "A", nil),
		UDP(web+":53", blue+":4000", nil),
		EchoRequest(web, blue, 1, 1, nil),
		EchoReply(web, blue, 1, 1, nil),
		UDP(web+":53", blue+":4000", nil, WithTTL(1)),
	} {
		w.must(w.Reply(plain(b)))
		w.silence()
		w.dropped(drop.Unsolicited, 1)
	}
	// A flow admits its own remote's port only (address- and port-dependent filtering).
	syn := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.must(w.Reply(plain(TCP(web+":81", source(t, syn), "SA", nil))))
	w.silence()
	w.dropped(drop.Unsolicited, 1)
	w.must(w.Reply(plain(TCP(web+":80", "198.51.100.77:4000", "SA", nil))))
	w.dropped(drop.UnknownPublicAddress, 1)
}
