package sim

import (
	"testing"
	"time"

	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// A new state loses no flow; what it adds serves at once.
func TestReloadKeepsFlows(t *testing.T) {
	w := newWorld(t)
	sent := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.in("blue-1", TCP(web+":80", source(t, sent), "SA", nil))
	w.must(w.Apply(w.edit("version: 1 ", "version: 2 ", "instances:\n", "instances:\n  - {name: blue-9, vpc: blue, address: 10.0.1.99, host: host-2}\n")))
	again := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "A", nil))
	if source(t, again) != source(t, sent) {
		t.Errorf("the flow moved from %s to %s", source(t, sent), source(t, again))
	}
	w.in("blue-1", TCP(web+":80", source(t, sent), "A", nil))
	w.out("blue-9", UDP("10.0.1.99:9", web+":9", nil))
	w.dropped(drop.None, 0)
}

// What came through the cell is answered through the cell: a flow outlives a
// change of its route; a new one follows the new route.
func TestReflectionOutlivesTheRoute(t *testing.T) {
	w := newWorld(t)
	sent := w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.in("blue-1", TCP(web+":80", source(t, sent), "SA", nil))
	w.must(w.Apply(w.edit("version: 1 ", "version: 2 ", "{destination: 192.0.2.0/24, blackhole: true}", "{destination: 203.0.113.0/24, blackhole: true}")))
	w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "A", nil))
	w.dropped(drop.None, 0)
	w.must(w.Send("blue-1", plain(TCP("10.0.1.10:4001", web+":80", "S", nil))))
	w.silence()
	w.dropped(drop.Blackhole, 1)
}

// A gateway that is gone ends its flows; its neighbours' go on.
func TestGatewayRemoved(t *testing.T) {
	w := newWorld(t)
	b := w.out("blue-1", UDP("10.0.1.10:4000", web+":53", nil))
	g := w.out("green-1", UDP("10.0.1.10:4000", web+":53", nil))
	w.must(w.Apply(w.edit("version: 1 ", "version: 2 ",
		"{destination: 0.0.0.0/0, nat_gateway: nat-green}", "{destination: 0.0.0.0/0, blackhole: true}",
		`  - name: nat-green
    service: 2
    vpc: green
    address: 10.0.0.5
    public_addresses: [198.51.100.2]
`, "")))
	w.pass(time.Second)
	w.in("blue-1", UDP(web+":53", source(t, b), nil))
	w.must(w.Reply(plain(UDP(web+":53", source(t, g), nil))))
	w.silence()
	w.dropped(drop.UnknownPublicAddress, 1)
	w.must(w.Send("green-1", plain(UDP("10.0.1.10:4000", web+":53", nil))))
	w.dropped(drop.Blackhole, 1)
}

// An instance that moves to another host takes its flows along.
func TestInstanceMoves(t *testing.T) {
	w := newWorld(t)
	sent := w.out("blue-1", UDP("10.0.1.10:4000", web+":53", nil))
	w.must(w.Apply(w.edit("version: 1 ", "version: 2 ", "address: 10.0.1.10, host: host-1, mtu: 1500", "address: 10.0.1.10, host: host-2, mtu: 1500")))
	w.in("blue-1", UDP(web+":53", source(t, sent), nil))
	again := w.out("blue-1", UDP("10.0.1.10:4000", web+":53", nil))
	if source(t, again) != source(t, sent) {
		t.Errorf("the flow moved from %s to %s", source(t, sent), source(t, again))
	}
	w.dropped(drop.None, 0)
}
