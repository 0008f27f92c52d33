package nitrosim

import (
	"testing"
	"time"

	"hyperplane/flowtable"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// tuple6 is a flow of instance n to port remote of a server.
func tuple6(proto uint8, n, port, remote uint16) packet.Tuple6 {
	t := packet.Tuple6{Net: 100<<8 | uint32(proto), Src: Addr6("2001:db8:1:1::"), Dst: Addr6("2001:db8:ffff::80"), SrcPort: port, DstPort: remote}
	t.Src[14], t.Src[15] = byte(n>>8), byte(n)
	return t
}

// What passes, step by step: o is a packet out, i one in, by TCP's flags or as a datagram
// (d), an echo (e) or an error (x); ! says that it is to be dropped. A number lets so many
// seconds pass.
func TestEgress(t *testing.T) {
	kinds := map[byte]packet.Kind{'d': packet.KindUDP, 'e': packet.KindEcho, 'x': packet.KindICMPError}
	flags := map[byte]uint8{'S': packet.TCPSyn, 'A': packet.TCPAck, 'F': packet.TCPFin, 'R': packet.TCPRst}
	type step any
	for _, c := range []struct {
		name  string
		proto uint8
		steps []step
	}{
		{"a connection and its end", packet.ProtoTCP, []step{"oS", "iSA", "oA", 340, "iA", "oFA", "iFA", "oA", 22, "!iA"}},
		{"nobody comes in", packet.ProtoTCP, []step{"!iS", 360, "!iA", "!iSA"}},
		{"right after the start a segment does", packet.ProtoTCP, []step{340, "iA", "!iS", "!iSA", 20, "!iA"}},
		{"an answer that does not come", packet.ProtoTCP, []step{360, "oS", 42, "!iSA"}},
		{"idle for too long", packet.ProtoTCP, []step{"oS", "iSA", "oA", 362, "!iA"}},
		{"mid-stream out brings it back", packet.ProtoTCP, []step{360, "!iA", "oA", "iA"}},
		{"reset", packet.ProtoTCP, []step{360, "oS", "iSA", "iR", "iA", 22, "!iA"}},
		{"again between the same ends", packet.ProtoTCP, []step{360, "oS", "iSA", "oR", "oS", "iSA", 22, "iA"}},
		{"datagrams", packet.ProtoUDP, []step{"!id", "od", "id", 110, "id", 110, "id", 132, "!id"}},
		{"echo", packet.ProtoICMPv6, []step{"!ie", "oe", "ie", 72, "!ie"}},
		{"an error of a flow, and of none", packet.ProtoUDP, []step{"!ix", "ox", "!ix", "od", "ix", 100, "ix", 32, "!ix", "!id"}},
	} {
		e := newEgress(flowtable.Seed{1, 2})
		e.begin(0)
		now, flow := time.Duration(0), tuple6(c.proto, 1, 4000, 443)
		for k, s := range c.steps {
			if seconds, ok := s.(int); ok {
				for range seconds * 10 {
					now += 100 * time.Millisecond
					e.expire(now)
				}
				continue
			}
			text, passes := s.(string), true
			if text[0] == '!' {
				text, passes = text[1:], false
			}
			kind, ok := kinds[text[1]]
			f := uint8(0)
			if !ok {
				kind = packet.KindTCP
				for _, b := range []byte(text[1:]) {
					f |= flags[b]
				}
			}
			var got bool
			if text[0] == 'o' {
				got = e.leaves(now, flow, kind, f) == drop.None
			} else {
				got = e.returns(now, flow, kind, f)
			}
			if got != passes {
				t.Errorf("%s: step %d, %q at %v: passes %v", c.name, k, s, now, got)
			}
		}
	}
}

// A flow is its tuple: nothing that differs in one part of it belongs to it.
func TestEgressIsByTuple(t *testing.T) {
	e := newEgress(flowtable.Seed{1, 2})
	e.begin(-egressGrace)
	flow := tuple6(packet.ProtoUDP, 1, 4000, 443)
	e.leaves(0, flow, packet.KindUDP, 0)
	for name, change := range map[string]func(*packet.Tuple6){
		"instance":    func(t *packet.Tuple6) { t.Src[15]++ },
		"remote":      func(t *packet.Tuple6) { t.Dst[0]++ },
		"port":        func(t *packet.Tuple6) { t.SrcPort++ },
		"remote port": func(t *packet.Tuple6) { t.DstPort++ },
		"VNI":         func(t *packet.Tuple6) { t.Net += 1 << 8 },
		"protocol":    func(t *packet.Tuple6) { t.Net++ },
	} {
		other := flow
		change(&other)
		if e.returns(0, other, packet.KindUDP, 0) {
			t.Errorf("another %s belongs to the flow", name)
		}
	}
	if !e.returns(0, flow, packet.KindUDP, 0) {
		t.Error("the flow itself does not")
	}
}

// One instance cannot take the room of the others (I13), and gets its own back.
func TestEgressShare(t *testing.T) {
	e := newEgress(flowtable.Seed{1, 2})
	e.begin(0)
	greedy := 0
	for port := range uint16(65535) {
		if e.leaves(0, tuple6(packet.ProtoUDP, 1, port, 443), packet.KindUDP, 0) == drop.None {
			greedy++
		}
	}
	if greedy != egressFlowsPerInstanceMax || e.Refused != uint64(65535-greedy) {
		t.Errorf("one instance has %d flows of %d, %d were refused", greedy, egressFlowsPerInstanceMax, e.Refused)
	}
	if e.leaves(0, tuple6(packet.ProtoUDP, 2, 1, 443), packet.KindUDP, 0) != drop.None {
		t.Error("another has none")
	}
	for now := time.Duration(0); now < egressUDPIdle+2*sweepPeriod; now += 100 * time.Millisecond {
		e.expire(now)
	}
	if e.free.Len() != 0 || e.byTuple.Len() != 0 || len(e.held) != 0 {
		t.Errorf("after all have ended %d records, %d tuples and %d instances are left", e.free.Len(), e.byTuple.Len(), len(e.held))
	}
}

func BenchmarkEgress(b *testing.B) {
	e := newEgress(flowtable.Seed{1, 2})
	for port := range uint16(10_000) {
		e.leaves(0, tuple6(packet.ProtoUDP, 1, port, 443), packet.KindUDP, 0)
	}
	flow := tuple6(packet.ProtoUDP, 1, 77, 443)
	b.ReportAllocs()
	for b.Loop() {
		if !e.returns(0, flow, packet.KindUDP, 0) {
			b.Fatal("lost")
		}
	}
}
