package sim

import (
	"fmt"
	"testing"
	"time"

	"hyperplane/loop"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/sim/simtest"
	"hyperplane/telemetry/drop"
)

// One public address carries 55,000 flows to one destination; the next is
// refused, counted and answered; other destinations are not affected; ports
// serve again when they come free (AWS: 55,000 simultaneous connections per
// address and unique destination).
func TestPortsPerDestination(t *testing.T) {
	const most = 55_000
	w := newWorld(t)
	seen := make(map[string]bool, most)
	for i := range most {
		from := fmt.Sprintf("10.0.1.10:%d", 1+i)
		if i%200 == 0 {
			w.pass(loop.Tick) // below what one source may open in a second
		}
		b := w.out("blue-1", UDP(from, web+":53", nil))
		public := source(t, b)
		if seen[public] {
			t.Fatalf("%s was given twice towards one destination (I1)", public)
		}
		seen[public] = true
	}
	w.dropped(drop.None, 0)
	w.must(w.Send("blue-1", plain(UDP("10.0.1.10:60000", web+":53", nil))))
	Check(t, w.one("blue-1", w.Received("blue-1")),
		IPv4(Src("10.0.0.5"), Dst("10.0.1.10")), ICMPType(packet.ICMPUnreachable, packet.ICMPCodeAdminProhibited),
		Quote(Src("10.0.1.10"), Dst(web)), ValidChecksums())
	w.dropped(drop.PortsExhausted, 1)
	w.silence()
	w.out("blue-1", UDP("10.0.1.10:60000", web+":54", nil))
	w.out("blue-1", UDP("10.0.1.10:60000", "203.0.113.20:53", nil))

	w.pass(130 * time.Second) // UDP idle 120 s, port rest 5 s, and what the timers may be late
	b := w.out("blue-1", UDP("10.0.1.10:60000", web+":53", nil))
	Check(t, b, IPv4(Src(blue)), ValidChecksums())
	w.dropped(drop.None, 0)
}

// Ports are chosen at random over the whole range 1024–65535 (RFC 6056).
func TestPortsAreSpread(t *testing.T) {
	w := newWorld(t)
	const flows = 2000
	low, ascending, last := 0, 0, 0
	for i := range flows {
		b := w.out("blue-1", UDP(fmt.Sprintf("10.0.1.10:%d", 2000+i), web+":53", nil))
		port := int(packet.UDP(packet.IPv4(b).Payload()).SrcPort())
		if port < 1024 {
			t.Fatalf("port %d is below 1024", port)
		}
		if port < 1024+64512/2 {
			low++
		}
		if port > last {
			ascending++
		}
		last = port
	}
	for what, n := range map[string]int{"in the lower half": low, "above the one before": ascending} {
		if n < flows*4/10 || n > flows*6/10 {
			t.Errorf("%d of %d ports are %s", n, flows, what)
		}
	}
}

// A full flow table refuses new flows with an answer and keeps the old ones.
func TestFlowTableFull(t *testing.T) {
	w := newWorld(t)
	c, err := simtest.New(w.edit(), 4)
	w.must(err)
	w.Cell = c
	for i := range 4 {
		w.out("blue-1", UDP(fmt.Sprintf("10.0.1.10:%d", 4000+i), web+":53", nil))
	}
	w.must(w.Send("blue-1", plain(UDP("10.0.1.10:5000", web+":53", nil))))
	Check(t, w.one("blue-1", w.Received("blue-1")), ICMPType(packet.ICMPUnreachable, packet.ICMPCodeAdminProhibited), ValidChecksums())
	w.dropped(drop.FlowTableFull, 1)
	w.out("blue-1", UDP("10.0.1.10:4000", web+":53", nil))
}
