package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// jumbo gives blue-2 an MTU of 8500; blue-1 keeps 1500.
var jumbo = []string{"host: host-2, netns: hp-blue-2", "host: host-2, netns: hp-blue-2, mtu: 8500"}

// What does not fit the internet is answered with the MTU that would (I11, RFC 1191).
func TestTooBigForTheInternet(t *testing.T) {
	w := newWorld(t, jumbo...)
	w.must(w.Send("blue-2", plain(UDP("10.0.1.11:9", web+":9", Payload(4000), WithDF()))))
	Check(t, w.one("blue-2", w.Received("blue-2")), IPv4(Src("10.0.0.5")),
		ICMPType(packet.ICMPUnreachable, packet.ICMPCodeFragNeeded), ICMPInfo(1500), ValidChecksums())
	w.dropped(drop.TooBig, 1)
	w.must(w.Send("blue-2", SuperTCP("10.0.1.11:9", web+":9", "A", Payload(16000), 8000)))
	Check(t, w.one("blue-2", w.Received("blue-2")), ICMPType(packet.ICMPUnreachable, packet.ICMPCodeFragNeeded), ICMPInfo(1500))
	w.dropped(drop.TooBig, 1)

	w.must(w.Send("blue-2", plain(UDP("10.0.1.11:9", web+":9", Payload(4000)))))
	whole := w.reassemble(w.Internet(), 1500)
	Check(t, whole, IPv4(Src(blue)), PayloadIs(Payload(4000)), ValidChecksums())
	w.dropped(drop.None, 0)
}

func TestTooBigForTheInstance(t *testing.T) {
	w := newWorld(t, jumbo...)
	w.must(w.Send("blue-2", plain(UDP("10.0.1.11:9", "10.0.1.10:9", Payload(4000), WithDF()))))
	Check(t, w.one("blue-2", w.Received("blue-2")), IPv4(Src("10.0.1.1")),
		ICMPType(packet.ICMPUnreachable, packet.ICMPCodeFragNeeded), ICMPInfo(1500), ValidChecksums())
	w.dropped(drop.TooBig, 1)
	w.must(w.Send("blue-2", plain(UDP("10.0.1.11:9", "10.0.1.10:9", Payload(4000)))))
	Check(t, w.reassemble(w.Received("blue-1"), 1500), PayloadIs(Payload(4000)), ValidChecksums())
	w.dropped(drop.None, 0)
}

// An instance with a small MTU: the sender on the internet is told, from the
// public address, about the packet as it sent it.
func TestTooBigFromTheInternet(t *testing.T) {
	w := newWorld(t, "host: host-2, netns: hp-blue-2", "host: host-2, netns: hp-blue-2, mtu: 1000")
	sent := w.out("blue-2", UDP("10.0.1.11:9", web+":9", nil))
	w.must(w.Reply(plain(UDP(web+":9", source(t, sent), Payload(1200), WithDF()))))
	Check(t, w.one("the internet", w.Internet()), IPv4(Src(blue), Dst(web)),
		ICMPType(packet.ICMPUnreachable, packet.ICMPCodeFragNeeded), ICMPInfo(1000), Quote(Src(web), Dst(blue)), ValidChecksums())
	w.dropped(drop.TooBig, 1)
	syn := w.out("blue-2", TCP("10.0.1.11:9", web+":80", "S", nil, WithMSS(1460)))
	Check(t, syn, MSS(960), ValidChecksums())
}

// Fragments, in any order, several packets at a time, become one packet for
// the gateway and fragments again where they leave.
func TestFragments(t *testing.T) {
	w := newWorld(t)
	for name, whole := range map[string][]byte{
		"udp":  UDP("10.0.1.10:4000", web+":53", Payload(9000), WithID(1)),
		"echo": EchoRequest("10.0.1.10", web, 7, 1, Payload(9000), WithID(2)),
		"tcp":  TCP("10.0.1.10:4000", web+":80", "S", Payload(3000), WithID(3)),
	} {
		t.Run(name, func(t *testing.T) {
			ps := cut(whole, 1480)
			ps[0], ps[len(ps)-1] = ps[len(ps)-1], ps[0]
			w.must(w.Send("blue-1", ps...))
			Check(t, w.reassemble(w.Internet(), 1500), IPv4(Src(blue), Dst(web)), ValidChecksums())
		})
	}
	// Two in one turn: neither may disturb the other.
	a, b := UDP("10.0.1.10:4001", web+":53", Payload(3000), WithID(4)), UDP("10.0.1.10:4002", web+":53", Payload(3100)[100:], WithID(5))
	w.must(w.Send("blue-1", append(cut(a, 1480), cut(b, 1480)...)...))
	got := w.Internet()
	Check(t, w.reassemble(got[:3], 1500), PayloadIs(Payload(3000)), ValidChecksums())
	Check(t, w.reassemble(got[3:], 1500), PayloadIs(Payload(3100)[100:]), ValidChecksums())
	w.dropped(drop.None, 0)
}

func TestFragmentsFromTheInternet(t *testing.T) {
	w := newWorld(t)
	sent := w.out("blue-1", UDP("10.0.1.10:4000", web+":53", []byte("q")))
	w.must(w.Reply(cut(UDP(web+":53", source(t, sent), Payload(4000), WithID(9)), 1480)...))
	Check(t, w.reassemble(w.Received("blue-1"), 1500), IPv4(Dst("10.0.1.10")), PayloadIs(Payload(4000)), ValidChecksums())
	w.dropped(drop.None, 0)
}

// The router answers a ping that comes in fragments, in fragments.
func TestLargePingToTheRouter(t *testing.T) {
	w := newWorld(t)
	w.must(w.Send("blue-1", cut(EchoRequest("10.0.1.10", "10.0.1.1", 7, 1, Payload(5000), WithID(1)), 1480)...))
	Check(t, w.reassemble(w.Received("blue-1"), 1500), ICMPType(packet.ICMPEchoReply, 0), ValidChecksums())
	w.dropped(drop.None, 0)
}

// cut makes fragments of n payload bytes.
func cut(whole []byte, n int) (ps []packet.Packet) {
	for off := 0; off < len(whole)-20; off += n {
		ps = append(ps, plain(Fragment(whole, off, min(n, len(whole)-20-off))))
	}
	return ps
}

// reassemble joins fragments, none larger than mtu.
func (w *world) reassemble(ps []packet.Packet, mtu int) []byte {
	w.t.Helper()
	var drops drop.Counts
	r := packet.NewReassembler(packet.ReassemblerLimits{}, &drops)
	for i := range ps {
		if len(ps[i].Data) > mtu {
			w.t.Errorf("a fragment of %d bytes, MTU %d", len(ps[i].Data), mtu)
		}
		whole, done, reason := r.Add(0, 0, &ps[i])
		if reason != drop.None {
			w.t.Fatalf("fragment %d: %v", i, reason)
		}
		if done {
			if i != len(ps)-1 {
				w.t.Fatalf("whole after %d of %d fragments", i+1, len(ps))
			}
			return clone(whole)
		}
	}
	w.t.Fatalf("%d fragments do not make a whole; drops: %v", len(ps), w.reasons())
	return nil
}
