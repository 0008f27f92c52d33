package flowtrack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Each state has its own timer; a flow is there until the last moment at which
// its deadline has not come, and gone one granularity after it.
func TestTimerOfEachState(t *testing.T) {
	gateway := "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: " +
		"{tcp_idle: 50s, tcp_opening: 5s, tcp_closing: 3s, udp_idle: 20s, icmp_idle: 10s}}\n"
	const fin, ack, rst, syn = packet.TCPFin, packet.TCPAck, packet.TCPRst, packet.TCPSyn
	type flags struct{ out, in uint8 }
	for _, c := range []struct {
		name    string
		proto   uint8
		reports []flags
		state   State
		timeout time.Duration
	}{
		{"udp", packet.ProtoUDP, nil, Active, 20 * time.Second},
		{"udp answered", packet.ProtoUDP, []flags{{0, 0}}, Active, 20 * time.Second},
		{"echo", packet.ProtoICMP, nil, Active, 10 * time.Second},
		{"SYN", packet.ProtoTCP, nil, Opening, 5 * time.Second},
		{"SYN again", packet.ProtoTCP, []flags{{syn, 0}}, Opening, 5 * time.Second},
		{"SYN, SYN ACK", packet.ProtoTCP, []flags{{0, syn | ack}}, Established, 50 * time.Second},
		{"simultaneous open", packet.ProtoTCP, []flags{{0, syn}}, Established, 50 * time.Second},
		{"FIN out", packet.ProtoTCP, []flags{{ack, syn | ack}, {fin | ack, ack}}, Established, 50 * time.Second},
		{"FIN in", packet.ProtoTCP, []flags{{ack, syn | ack}, {ack, fin | ack}}, Established, 50 * time.Second},
		{"FIN out, FIN in", packet.ProtoTCP, []flags{{fin | ack, ack}, {ack, fin | ack}}, Closing, 3 * time.Second},
		{"FIN in, FIN out", packet.ProtoTCP, []flags{{ack, fin | ack}, {fin | ack, ack}}, Closing, 3 * time.Second},
		{"all in one report", packet.ProtoTCP, []flags{{syn | fin | ack, syn | fin | ack}}, Closing, 3 * time.Second},
		{"refused by the server", packet.ProtoTCP, []flags{{0, rst | ack}}, Closing, 3 * time.Second},
		{"RST out", packet.ProtoTCP, []flags{{ack, syn | ack}, {rst, 0}}, Closing, 3 * time.Second},
		{"segments of one side after RST", packet.ProtoTCP, []flags{{0, rst}, {0, ack}}, Closing, 3 * time.Second},
		{"segments of both sides after RST", packet.ProtoTCP, []flags{{0, rst}, {ack, 0}, {0, ack}}, Established, 50 * time.Second},
		{"SYN after RST", packet.ProtoTCP, []flags{{0, rst}, {syn, 0}}, Opening, 5 * time.Second},
		{"new connection after FIN both ways", packet.ProtoTCP, []flags{{fin, fin}, {syn, 0}, {ack, syn | ack}, {fin, 0}}, Established, 50 * time.Second},
		{"SYN from the internet does not reopen", packet.ProtoTCP, []flags{{0, rst}, {0, syn}}, Closing, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			cell := newCell(t, 4, 4, 1, mustState(t, gateway))
			flow := tuple(c.proto, 1)
			entry := wantEntry(t, cell.ask(t, missOf(flow)))
			for _, r := range c.reports {
				cell.advance(time.Second)
				if r.out == syn { // of which every Top asks
					entry = wantEntry(t, cell.ask(t, missOf(flow)))
					continue
				}
				cell.step(seenOf(entry, 0, r.out, r.in))
			}
			f, ok := cell.master.Lookup(flow)
			deadline := cell.now + c.timeout + chain.ReportPeriod
			if !ok || f.State != c.state || f.Deadline != deadline {
				t.Fatalf("Lookup = %v until %v, %v; want %v until %v", f.State, f.Deadline, ok, c.state, deadline)
			}
			cell.advance(deadline - cell.now - 1)
			if _, ok := cell.master.Lookup(flow); !ok {
				t.Fatalf("forgotten at %v, before %v", cell.now, deadline)
			}
			cell.advance(granularity)
			if _, ok := cell.master.Lookup(flow); ok {
				t.Fatalf("still there at %v, deadline %v", cell.now, deadline)
			}
		})
	}
}

// An established flow that was long scheduled ends soon once it closes, and a
// report that comes late does not make a flow look older than it is.
func TestReportsOutOfOrder(t *testing.T) {
	cell := newCell(t, 4, 4, 1, mustState(t, blueGateway))
	flow := tuple(packet.ProtoTCP, 1)
	entry := wantEntry(t, cell.ask(t, missOf(flow)))
	cell.advance(10 * time.Second)
	cell.step(seenOf(entry, 0, 0, packet.TCPAck))
	cell.step(seenOf(entry, 5*time.Second, 0, packet.TCPAck))
	if f, _ := cell.master.Lookup(flow); f.LastSeen != 10*time.Second {
		t.Errorf("last seen %v, want 10s", f.LastSeen)
	}
	cell.step(seenOf(entry, time.Hour, 0, packet.TCPAck)) // longer ago than the flow is old
	if f, _ := cell.master.Lookup(flow); f.LastSeen != cell.now {
		t.Errorf("last seen %v, want %v", f.LastSeen, cell.now)
	}
}

// The full documented number of flows from one public address to one
// destination, then refusals with the reason, then service as ports come free;
// other destinations do not notice; a second address doubles it.
func TestPortsOfOneDestination(t *testing.T) {
	const flows = 55000
	one := mustState(t, blueGateway)
	cell := newCell(t, 1<<17, 1<<17, 1, one)
	entries := make([]chain.Message, flows)
	for i := range entries {
		entries[i] = wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, i))))
		if p := entries[i].PublicPort; p < 1024 {
			t.Fatalf("port %d", p)
		}
	}
	seen := make(map[uint16]bool, flows)
	for _, e := range entries {
		if seen[e.PublicPort] {
			t.Fatalf("port %d given twice", e.PublicPort)
		}
		seen[e.PublicPort] = true
	}
	extra := missOf(tuple(packet.ProtoTCP, flows))
	wantRefused(t, cell.ask(t, extra), drop.PortsExhausted)

	other := extra
	other.Flow.DstPort = 80
	wantEntry(t, cell.ask(t, other))
	other = extra
	other.Flow.Dst = peer
	wantEntry(t, cell.ask(t, other))
	wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoUDP, flows))))
	cell.check(t)

	// One flow closes; its place is served again, under another port than its own,
	// which rests.
	cell.step(seenOf(entries[7], 0, 0, packet.TCPRst))
	for i := range entries { // the others stay in use
		if i != 7 {
			cell.step(seenOf(entries[i], 0, packet.TCPAck, packet.TCPAck))
		}
	}
	cell.advance(10*time.Second + chain.ReportPeriod + granularity)
	if got := wantEntry(t, cell.ask(t, extra)); got.PublicPort == entries[7].PublicPort {
		t.Error("a resting port was given out")
	}
	wantRefused(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, flows+1))), drop.PortsExhausted)

	// A second public address: another 55,000.
	cell.apply(mustState(t, "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3]}\n"))
	for i := range 1000 {
		e := wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, flows+1+i))))
		if e.Public != addr("198.51.100.3") {
			t.Fatalf("flow %d got %v, want the second address", i, e.Public)
		}
	}
	cell.check(t)

	// Everything idles away; nothing is left.
	cell.advance(400 * time.Second)
	for range 200 { // more Ticks than the bound on the work of one needs
		cell.tick()
	}
	if cell.master.Len() != 0 || cell.decider.Leased() != 0 {
		t.Errorf("%d flows, %d leases left", cell.master.Len(), cell.decider.Leased())
	}
}

// A gateway that goes takes its flows along, however many: bounded work per
// call, and until the sweep gets there their packets are refused, not sent.
func TestSweepIsBounded(t *testing.T) {
	const flows = 3*sweepPerCallMax + 100
	cell := newCell(t, flows, flows, 1, mustState(t, blueGateway))
	for i := range flows {
		wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoUDP, i))))
	}
	cell.out = cell.out[:0]
	cell.apply(mustState(t, greenGateway)) // a Forget for each flow
	if got := len(cell.out); got != sweepPerCallMax {
		t.Fatalf("Apply ended %d flows, want %d", got, sweepPerCallMax)
	}
	cell.out = cell.out[:0]
	cell.step(missOf(tuple(packet.ProtoUDP, flows-1)))
	if len(cell.out) != 2 || cell.out[0].Kind != chain.Forget || cell.out[1].Reason != drop.UnknownService {
		t.Fatalf("a flow without a gateway was answered by %v", cell.out)
	}
	for range 3 {
		cell.tick()
	}
	if living := cell.master.Owned(); living != 0 {
		t.Errorf("%d flows left", living)
	}
	cell.check(t)
}

// States that follow each other faster than one sweep still reach every flow.
func TestSweepIsNotStarved(t *testing.T) {
	const flows = 3 * sweepPerCallMax
	blue := mustState(t, blueGateway)
	cell := newCell(t, flows, flows, 1, blue)
	for i := range flows {
		wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoUDP, i))))
	}
	green := mustState(t, greenGateway)
	for range 3 {
		cell.apply(green)
	}
	if living := cell.master.Owned(); living != 0 {
		t.Errorf("%d flows left after three states", living)
	}
}

// Shorter timeouts hold for the flows that live, and so do longer ones.
func TestTimersChange(t *testing.T) {
	gateway := func(idle time.Duration) string {
		return fmt.Sprintf("- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: {udp_idle: %v}}\n", idle)
	}
	flow := tuple(packet.ProtoUDP, 1)
	for _, c := range []struct{ before, after time.Duration }{
		{100 * time.Second, 20 * time.Second},
		{20 * time.Second, 100 * time.Second},
	} {
		cell := newCell(t, 4, 4, 1, mustState(t, gateway(c.before)))
		wantEntry(t, cell.ask(t, missOf(flow)))
		cell.advance(5 * time.Second)
		cell.apply(mustState(t, gateway(c.after)))
		cell.advance(c.after + chain.ReportPeriod - 5*time.Second - 1)
		if _, ok := cell.master.Lookup(flow); !ok {
			t.Errorf("%v → %v: forgotten before %v", c.before, c.after, cell.now)
		}
		cell.advance(granularity)
		if _, ok := cell.master.Lookup(flow); ok {
			t.Errorf("%v → %v: still there at %v", c.before, c.after, cell.now)
		}
	}
}

// An added public address changes nothing for the flows that live.
func TestAddressAdded(t *testing.T) {
	cell := newCell(t, 4, 4, 1, mustState(t, blueGateway))
	first := wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, 1))))
	cell.apply(mustState(t, "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.3, 198.51.100.1]}\n"))
	again := wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, 1))))
	if again.Outside() != first.Outside() || again.Lease != first.Lease {
		t.Errorf("the decision changed: %v, before %v", again, first)
	}
}

// Before the first state everything is refused, and nothing panics.
func TestWithoutState(t *testing.T) {
	cell := newCell(t, 4, 4, 1, nil)
	wantRefused(t, cell.ask(t, missOf(tuple(packet.ProtoUDP, 1))), drop.UnknownService)
	wantRefused(t, cell.ask(t, chain.Message{Kind: chain.Miss, Inbound: true}), drop.Unsolicited)
	wantRefused(t, cell.ask(t, chain.Message{Kind: chain.Chosen, View: cell.view.Ballot, Lease: cell.master.newLease(0)}), drop.UnknownService)
	wantRefused(t, cell.ask(t, chain.Message{Kind: chain.Chosen}), drop.StaleEpoch)
	wantRefused(t, cell.ask(t, chain.Message{Kind: chain.Refused, Reason: drop.PortsExhausted}), drop.PortsExhausted)
	cell.tick()
}

// A Decider that has lost its memory gives out a port in use: the flow that has it
// keeps it, the Decider hears of it, and the packet is refused.
func TestPortInUseIsRefused(t *testing.T) {
	cell := newCell(t, 4, 4, 1, mustState(t, blueGateway))
	entry := wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoUDP, 1))))
	chosen := entry
	chosen.Kind, chosen.Packet, chosen.View = chain.Chosen, false, cell.view.Ballot
	chosen.Lease, chosen.Flow.Src = cell.master.newLease(cell.now), chosen.Flow.Src+1
	sent := cell.master.Step(cell.now, chosen, nil)
	if len(sent) != 2 || sent[0].Kind != chain.Lease || sent[0].Lease != entry.Lease {
		t.Fatalf("a decision on a port in use was answered by %v", sent)
	}
	wantRefused(t, sent[1], drop.StaleDecision)
	cell.check(t)
}

func TestLookupAndEach(t *testing.T) {
	cell := newCell(t, 8, 8, 1, mustState(t, blueGateway))
	var want []packet.Tuple
	for i := range 5 {
		entry := wantEntry(t, cell.ask(t, missOf(tuple(packet.ProtoTCP, i))))
		want = append(want, entry.Flow)
		for _, key := range []packet.Tuple{entry.Flow, entry.Outside(), entry.Outside().Reverse()} {
			f, ok := cell.master.Lookup(key)
			if !ok || f.Inside != entry.Flow || f.PublicPort != entry.PublicPort || f.Lease != entry.Lease || f.State.String() != "opening" {
				t.Errorf("Lookup(%v) = %+v, %v", key, f, ok)
			}
		}
	}
	var got []packet.Tuple
	for f := range cell.master.Each {
		got = append(got, f.Inside)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Each gave %v, want %v", got, want)
	}
	for range cell.master.Each {
		break
	}
	if _, ok := cell.master.Lookup(tuple(packet.ProtoUDP, 1)); ok {
		t.Error("Lookup found a flow that is not there")
	}
}
