package decider

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

const stateHead = `
version: 1
cell: test
nodes: [{name: node-1, address: 172.31.0.11}]
edges: [{name: edge-1, address: 172.31.0.21}]
hosts: [{name: host-1, address: 172.31.0.31}]
vpcs:
  - {name: blue, vni: 100, cidrs: [10.0.0.0/16], subnets: [{name: public, cidr: 10.0.0.0/24}]}
`

func mustState(t testing.TB, gateways string) *cellstate.State {
	t.Helper()
	state, err := cellstate.Parse("test", []byte(stateHead+gateways))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

const (
	oneAddress   = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}]\n"
	twoAddresses = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3]}]\n"
	threeEach    = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3], flows_per_destination: 3}]\n"
)

func addr(s string) packet.Addr4 {
	a, _ := packet.AddrFrom(netip.MustParseAddr(s))
	return a
}

// choose is a Choose of the i-th flow to the j-th destination, under lease i+1.
func choose(i, j int) chain.Message {
	return chain.Message{Kind: chain.Choose, Service: 1, Lease: uint64(i) + 1,
		Flow: packet.MakeTuple(100, packet.ProtoTCP, addr("10.0.1.0")+packet.Addr4(i>>8), uint16(i), addr("203.0.113.10"), uint16(443+j))}
}

// answer gives the Decider a message and returns its one answer.
func answer(t testing.TB, d *Decider, now time.Duration, msg chain.Message) chain.Message {
	t.Helper()
	answers := d.Step(now, msg, nil)
	if len(answers) != 1 {
		t.Fatalf("%v has %d answers, want 1", msg, len(answers))
	}
	return answers[0]
}

// about is the message of another kind about the same lease.
func about(kind chain.Kind, msg chain.Message) chain.Message {
	msg.Kind = kind
	return msg
}

func newDecider(t testing.TB, portsMax int, gateways string) *Decider {
	d := New(Config{PortsMax: portsMax, Seed: [32]byte{42}})
	d.Apply(0, mustState(t, gateways))
	return d
}

// Towards one destination an address leases heldPerDestinationMax ports of class
// 0, those that rest included, and no more; each is another one. Other
// destinations, other classes and other addresses have their own.
func TestHeldPerDestination(t *testing.T) {
	d := newDecider(t, 1<<17, oneAddress)
	chosen := map[uint16]chain.Message{}
	for i := range heldPerDestinationMax {
		got := answer(t, d, 0, choose(i, 0))
		if got.Kind != chain.Chosen || !inClass(got.PublicPort, 0) || chosen[got.PublicPort].Kind != 0 {
			t.Fatalf("flow %d: %v", i, got)
		}
		chosen[got.PublicPort] = got
		if i < 2*restingRoom {
			d.Step(0, about(chain.End, got), nil)
		}
	}
	if got := answer(t, d, 0, choose(heldPerDestinationMax, 0)); got.Reason != drop.PortsExhausted {
		t.Fatalf("beyond the limit: %v", got)
	}
	if got := answer(t, d, 0, choose(1, 1)); got.Kind != chain.Chosen {
		t.Errorf("another destination: %v", got)
	}
	seat := choose(1, 0)
	seat.Class = 3
	if got := answer(t, d, 0, seat); got.Kind != chain.Chosen || !inClass(got.PublicPort, 3) {
		t.Errorf("another class: %v", got)
	}
	d.Apply(0, mustState(t, twoAddresses))
	if got := answer(t, d, 0, choose(1, 0)); got.Kind != chain.Chosen || got.Public != addr("198.51.100.3") {
		t.Errorf("with a second address: %v", got)
	}
	d.Apply(0, mustState(t, oneAddress))
	for _, c := range chosen {
		d.Step(0, about(chain.Release, c), nil)
		break
	}
	if got := answer(t, d, 0, choose(1, 0)); got.Kind != chain.Chosen {
		t.Errorf("after a release: %v", got)
	}
}

// Towards one destination an address has flows_per_destination flows, of whatever
// class; those that ended are not counted, one that lives again is.
func TestFlowsPerDestination(t *testing.T) {
	d := newDecider(t, 100, threeEach)
	ask := func(i int, class uint8) chain.Message {
		msg := choose(i, 0)
		msg.Class = class
		return answer(t, d, 0, msg)
	}
	var last chain.Message
	count := map[packet.Addr4]int{}
	for i := range 6 {
		last = ask(i, uint8(i%3))
		count[last.Public]++
	}
	if len(count) != 2 || count[last.Public] != 3 {
		t.Errorf("flows by address: %v, want 3 each", count)
	}
	refused := func(when string) {
		t.Helper()
		for class := range uint8(chain.ClassMax + 1) {
			if got := ask(6, class); got.Reason != drop.PortsExhausted {
				t.Errorf("%s, class %d: %v", when, class, got)
			}
		}
	}
	refused("at the limit")
	if got := answer(t, d, 0, choose(0, 1)); got.Kind != chain.Chosen {
		t.Errorf("another destination: %v", got)
	}
	d.Step(0, about(chain.End, last), nil)
	d.Step(0, about(chain.End, last), nil)
	seventh := ask(7, 0)
	if seventh.Kind != chain.Chosen || seventh.Public != last.Public || seventh.PublicPort == last.PublicPort {
		t.Errorf("beside a port that rests: %v", seventh)
	}
	refused("with one that rests")
	d.Step(0, about(chain.Lease, last), nil) // a packet came after all: four live there now
	d.Step(0, about(chain.Release, seventh), nil)
	refused("with one that lives again")
	d.Step(0, about(chain.End, last), nil)
	d.Step(0, about(chain.Release, last), nil)
	if got := ask(8, 0); got.Kind != chain.Chosen {
		t.Errorf("after a release of what rested: %v", got)
	}
	refused("at the end")
}

// A Flow Master may know more ports of a destination than Choose would give: all
// are adopted, and counted.
func TestAdoptsMoreThanItGives(t *testing.T) {
	d := newDecider(t, 1<<17, oneAddress)
	msg := about(chain.Lease, choose(0, 0))
	msg.Public = addr("198.51.100.1")
	for port := range 1 << 16 {
		msg.PublicPort, msg.Lease = uint16(port), uint64(port)+1
		d.Step(0, msg, nil)
	}
	if d.Leased() != 1<<16 || d.destinationSlab.Len() != 1 || d.destinations[0].open != 61440 || d.destinations[0].seats != 4096 {
		t.Fatalf("%d leases, destination %+v", d.Leased(), d.destinations[0])
	}
	for class := range uint8(chain.ClassMax + 1) {
		ask := choose(0, 0)
		ask.Class = class
		if got := answer(t, d, 0, ask); got.Reason != drop.PortsExhausted {
			t.Errorf("class %d: %v", class, got)
		}
	}
	for port := range 1 << 16 {
		msg.PublicPort, msg.Lease = uint16(port), uint64(port)+1
		d.Step(0, about(chain.Release, msg), nil)
	}
	if d.Leased() != 0 || d.destinationSlab.Len() != 0 || d.timers.Len() != 0 {
		t.Errorf("%d leases, %d destinations, %d timers are left", d.Leased(), d.destinationSlab.Len(), d.timers.Len())
	}
}

// Each seat has 252 ports towards a destination, and all of them are found.
func TestSeatsAreExhaustedOneByOne(t *testing.T) {
	d := newDecider(t, 1<<14, oneAddress)
	for class := uint8(1); class <= chain.ClassMax; class++ {
		ports := map[uint16]bool{}
		for i := range 252 {
			msg := choose(i, 0)
			msg.Class = class
			got := answer(t, d, 0, msg)
			if got.Kind != chain.Chosen || !inClass(got.PublicPort, class) {
				t.Fatalf("class %d, flow %d: %v", class, i, got)
			}
			ports[got.PublicPort] = true
		}
		msg := choose(252, 0)
		msg.Class = class
		if got := answer(t, d, 0, msg); got.Reason != drop.PortsExhausted || len(ports) != 252 {
			t.Errorf("class %d with %d ports: %v", class, len(ports), got)
		}
	}
}

// A Lease or End is adopted as if it had been chosen, replaces whoever held its
// port, and its repetition renews it; one that finds no room changes nothing.
func TestAdoption(t *testing.T) {
	d := newDecider(t, 2, oneAddress)
	first := answer(t, d, 0, choose(1, 0))
	second := first
	second.Lease = 77
	second.Flow.Src++
	d.Step(0, about(chain.Lease, second), nil)
	d.Step(0, about(chain.Release, first), nil)
	if d.Leased() != 1 {
		t.Fatalf("%d leases after the release of one that was replaced, want 1", d.Leased())
	}
	third := answer(t, d, 0, choose(2, 0))
	if third.Kind != chain.Chosen || third.PublicPort == first.PublicPort {
		t.Errorf("beside a lease that was adopted: %v", third)
	}
	fourth := second
	fourth.PublicPort ^= 1
	d.Step(0, about(chain.Lease, fourth), nil)
	d.Step(0, about(chain.End, fourth), nil)
	d.Step(0, about(chain.Release, second), nil)
	d.Step(0, about(chain.Release, fourth), nil)
	if d.Leased() != 1 {
		t.Errorf("%d leases, want the third", d.Leased())
	}
}

// A lease lives leaseMax from its last renewal, however often and irregularly it
// is renewed, and at most leaseGranularity longer.
func TestRenewalAndForgetting(t *testing.T) {
	d := newDecider(t, 10, oneAddress)
	now := 300 * time.Millisecond
	chosen := answer(t, d, now, choose(1, 0))
	for i := range 1000 { // 3.5 days: deadlines pass 2^16 seconds several times
		now += leaseMax / 2
		d.Tick(now)
		now += 3 * time.Second / 7
		d.Step(now, about([]chain.Kind{chain.Lease, chain.End}[i%2], chosen), nil)
	}
	d.Tick(now + leaseMax/2)
	d.Tick(now + leaseMax - 1)
	if d.Leased() != 1 {
		t.Fatal("forgotten too early")
	}
	d.Tick(now + leaseMax + leaseGranularity - 1)
	if d.Leased() != 0 || d.timers.Len() != 0 || d.destinationSlab.Len() != 0 {
		t.Fatal("not forgotten")
	}
}

// One Tick looks at a bounded number of timers; the next ones do the rest. A long
// pause, for which deadlines have too few bits, keeps no lease alive.
func TestTicksAreBounded(t *testing.T) {
	d := newDecider(t, 1<<14, oneAddress)
	for i := range 3 * timersPerTickMax {
		answer(t, d, 0, choose(i, i%7))
	}
	now := 40000 * time.Second
	for ticks := 1; ticks <= 3; ticks++ {
		d.Tick(now)
		if want := (3 - ticks) * timersPerTickMax; d.Leased() != want {
			t.Fatalf("%d leases after %d ticks, want %d", d.Leased(), ticks, want)
		}
	}
}

// Ports use the whole range of their class and no part of it more than another:
// chi-square over 63 bins, at a level that a fixed seed passes for ever or never.
func TestPortsAreSpread(t *testing.T) {
	for _, class := range []uint8{0, 7} {
		d := newDecider(t, 1<<17, oneAddress)
		const n, bins = 50000, 63
		var count [bins]float64
		for i := range n {
			msg := choose(i, i)
			msg.Class = class
			count[(answer(t, d, 0, msg).PublicPort-portMin)/1024]++
		}
		chi := 0.0
		for _, c := range count {
			chi += math.Pow(c-n/bins, 2) / (n / bins)
		}
		if chi > 103 { // 62 degrees of freedom, p = 0.001
			t.Errorf("class %d: chi-square %.1f, want below 103", class, chi)
		}
	}
}

// The same seed gives the same ports, another seed gives others.
func TestSeed(t *testing.T) {
	state := mustState(t, oneAddress)
	run := func(seed byte) (ports []uint16) {
		d := New(Config{PortsMax: 100, Seed: [32]byte{seed}})
		d.Apply(0, state)
		for i := range 50 {
			ports = append(ports, answer(t, d, 0, choose(i, 0)).PublicPort)
		}
		return ports
	}
	if !slices.Equal(run(1), run(1)) {
		t.Error("the same seed gave other ports")
	}
	if slices.Equal(run(1), run(2)) {
		t.Error("another seed gave the same ports")
	}
}

// An instance keeps to one address while that has room, whichever Decider
// answers; instances spread over the addresses; and one whose address is full
// moves on to the next.
func TestPairedPooling(t *testing.T) {
	d := newDecider(t, 1<<14, twoAddresses)
	other := New(Config{PortsMax: 1 << 14, Seed: [32]byte{1}})
	other.Apply(0, mustState(t, twoAddresses))
	byPublic := map[packet.Addr4]int{}
	for i := range 1000 {
		first := answer(t, d, 0, choose(i<<8, 10+i*2))
		second := answer(t, other, 0, choose(i<<8+1, 10+i*2+1))
		if first.Public != second.Public {
			t.Fatalf("one instance got %v and %v", first.Public, second.Public)
		}
		byPublic[first.Public]++
	}
	if len(byPublic) != 2 || byPublic[addr("198.51.100.1")] < 400 || byPublic[addr("198.51.100.3")] < 400 {
		t.Errorf("instances by address: %v", byPublic)
	}
	clear(byPublic)
	for range 2 * 252 {
		msg := choose(1, 0)
		msg.Class = 1
		byPublic[answer(t, d, 0, msg).Public]++
	}
	if byPublic[addr("198.51.100.1")] != 252 || byPublic[addr("198.51.100.3")] != 252 {
		t.Errorf("flows of one instance by address: %v, want 252 each", byPublic)
	}
}

// Other kinds are ignored.
func TestOtherKinds(t *testing.T) {
	d := newDecider(t, 1, oneAddress)
	for kind := range chain.Lease {
		if kind == chain.Choose || kind == chain.End {
			continue
		}
		if out := d.Step(0, about(kind, choose(1, 0)), nil); len(out) != 0 || d.Leased() != 0 {
			t.Errorf("%v was answered by %v, %d leased", kind, out, d.Leased())
		}
	}
}

func TestStepsDoNotAllocate(t *testing.T) {
	d := newDecider(t, 10000, oneAddress)
	out := make([]chain.Message, 0, 1)
	now, i := time.Duration(0), 0
	if n := testing.AllocsPerRun(20000, func() {
		out = d.Step(now, choose(i, 0), out[:0])
		chosen := out[0]
		d.Step(now, about(chain.Lease, chosen), out[:0])
		d.Step(now, about(chain.End, chosen), out[:0])
		if i%2 == 0 { // the others are forgotten
			d.Step(now, about(chain.Release, chosen), out[:0])
		}
		d.Tick(now)
		now += 100 * time.Millisecond
		i++
	}); n != 0 {
		t.Errorf("%v allocations per lease", n)
	}
}

// A port that rests goes back to the flow that had it when the Flow Master names it,
// within the limit; of an address that the gateway does not have it is chosen anew.
func TestPortAgain(t *testing.T) {
	d := New(Config{PortsMax: 100})
	d.Apply(0, mustState(t, threeEach))
	had := answer(t, d, 0, choose(0, 0))
	had.Kind = chain.End
	d.Step(0, had, nil)

	again := choose(0, 0)
	again.Lease, again.Public, again.PublicPort = 100, had.Public, had.PublicPort
	got := answer(t, d, time.Second, again)
	if got.Kind != chain.Chosen || got.Public != had.Public || got.PublicPort != had.PublicPort || got.Lease != 100 {
		t.Fatalf("%v, want the port of %v", got, had)
	}
	if twice := answer(t, d, time.Second, again); twice.Kind != chain.Chosen || twice.PublicPort != had.PublicPort {
		t.Errorf("asked a second time: %v", twice)
	}

	forgotten := choose(7, 1) // of a destination of which it knows nothing
	forgotten.Public, forgotten.PublicPort = had.Public, 2000
	if got := answer(t, d, time.Second, forgotten); got.Kind != chain.Chosen || got.PublicPort != 2000 {
		t.Errorf("a port that it has forgotten: %v", got)
	}

	foreign := choose(9, 2)
	foreign.Public, foreign.PublicPort = addr("192.0.2.1"), 2000
	if got := answer(t, d, time.Second, foreign); got.Kind != chain.Chosen || got.Public == foreign.Public {
		t.Errorf("an address of another gateway: %v", got)
	}

	for d.heldTowards(chain.Outside(again.Flow, had.Public, 0)).living() < 3 {
		answer(t, d, time.Second, choose(20+len(d.leases)-d.slab.Len(), 0))
	}
	over := choose(50, 0)
	over.Public, over.PublicPort = had.Public, 3000
	if got := answer(t, d, time.Second, over); got.Kind != chain.Refused || got.Reason != drop.PortsExhausted {
		t.Errorf("beyond the limit: %v", got)
	}
}

// A port that is forwarded is never chosen for another, however few there are.
func TestForwardedPortsAreNotGiven(t *testing.T) {
	state := mustState(t, "instances: [{name: web, vpc: blue, address: 10.0.0.9, host: host-1}]\nnat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], "+
		"port_forwards: [{protocol: tcp, public_port: 1030, instance: web, port: 80}]}]\n")
	d := New(Config{PortsMax: 512, Blocks: 1})
	d.Apply(0, state)
	given := map[uint16]bool{}
	for i := range chain.PortsAnyone - 1 {
		a := answer(t, d, 0, choose(i, 0))
		if a.Kind != chain.Chosen || a.PublicPort == 1030 || given[a.PublicPort] {
			t.Fatalf("flow %d: %v", i, a)
		}
		given[a.PublicPort] = true
	}
	if a := answer(t, d, 0, choose(chain.PortsAnyone, 0)); a.Reason != drop.PortsExhausted {
		t.Errorf("when only the forwarded port is left: %v", a)
	}
}

// The fullest destination is known after a round, and stays so while it is; what rests
// does not count.
func TestFullest(t *testing.T) {
	d := newDecider(t, 64, threeEach)
	if u := d.Fullest(); u.Share() != 0 {
		t.Errorf("of nothing: %+v", u)
	}
	for i, to := range []int{0, 1, 1, 2} {
		answer(t, d, 0, choose(i, to))
	}
	round := func() Usage {
		d.Tick(0)
		d.Tick(0)
		return d.Fullest()
	}
	want := Usage{packet.ProtoTCP, addr("198.51.100.1"), addr("203.0.113.10"), 444, 2, 3}
	if u := round(); u != want && u.Public != addr("198.51.100.3") || u.Living != 2 || u.RemotePort != 444 || u.Share() != 2.0/3 {
		t.Errorf("%+v, want %+v", u, want)
	}
	end := choose(1, 1)
	end.Kind, end.Public, end.PublicPort = chain.End, d.Fullest().Public, 0
	for o := range d.leases {
		if l := &d.leases[o]; d.slab.InUse(uint32(o)) && l.id == 2 {
			end.PublicPort, end.Lease = l.port, l.id
		}
	}
	d.Step(0, end, nil)
	if u := round(); u.Living != 1 || u.Share() != 1.0/3 {
		t.Errorf("after one has ended: %+v", u)
	}
}

// No new flow gets an address that is drained; instances of the other one keep theirs.
func TestDrainingAddresses(t *testing.T) {
	before := newDecider(t, 256, twoAddresses)
	d := newDecider(t, 256, strings.Replace(twoAddresses, "]}]", "], draining_addresses: [198.51.100.3]}]", 1))
	moved := 0
	for i := range 100 {
		was, is := answer(t, before, 0, choose(i<<8, 0)), answer(t, d, 0, choose(i<<8, 0))
		if is.Public != addr("198.51.100.1") {
			t.Fatalf("flow %d: %v", i, is)
		}
		if was.Public != is.Public {
			moved++
		}
	}
	if moved == 0 || moved == 100 {
		t.Errorf("%d of 100 instances had the other address", moved)
	}
}

// BenchmarkSurvey is what a Tick looks at for the fullest of 60,000 destinations.
func BenchmarkSurvey(b *testing.B) {
	d := newDecider(b, 1<<17, oneAddress)
	for i := range 60_000 {
		answer(b, d, 0, choose(i, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		d.lookAround()
	}
}

// Where the gateway preserves parity, a port is even or odd as the inside port is, also
// when half of all ports are taken; an echo identifier is any.
func TestPortParity(t *testing.T) {
	state := mustState(t, strings.Replace(oneAddress, "public_addresses", "port_parity: true, public_addresses", 1))
	d := New(Config{PortsMax: 1 << 17, Blocks: 4})
	d.Apply(0, state)
	given := [2]int{}
	for i := range 4 * chain.PortsAnyone {
		msg := answer(t, d, 0, choose(i, 0))
		if msg.Kind == chain.Refused {
			if msg.Reason != drop.PortsExhausted {
				t.Fatal(msg.Reason)
			}
			continue
		}
		if msg.PublicPort&1 != msg.Flow.SrcPort&1 {
			t.Fatalf("inside port %d has %d", msg.Flow.SrcPort, msg.PublicPort)
		}
		given[msg.PublicPort&1]++
	}
	if half := 4 * chain.PortsAnyone / 2; given[0] != half || given[1] != half {
		t.Errorf("%v ports were given, want %d of each", given, half)
	}
	seen := [2]bool{}
	for i := range 100 {
		msg := choose(2*i, 1)
		msg.Flow.Net = msg.Flow.Net&^0xff | uint32(packet.ProtoICMP)
		seen[answer(t, d, 0, msg).PublicPort&1] = true
	}
	if !seen[0] || !seen[1] {
		t.Error("echo identifiers have a parity")
	}
}

// With blocks of its own an instance gets ports of these alone, of every class, until they
// are used up; another has others, perhaps at another address.
func TestPortBlocks(t *testing.T) {
	if cellstate.PortBlockFirst != portMin || cellstate.PortBlockLen != chain.PortBlock || cellstate.PortBlocksMax != blocks {
		t.Fatal("cellstate counts other blocks")
	}
	state := mustState(t, strings.Replace(twoAddresses, "public_addresses", "port_blocks: {inside: 10.0.1.0/25, blocks: 2}, public_addresses", 1))
	gateway := state.Gateway(1)
	d := New(Config{PortsMax: 1 << 16})
	d.Apply(0, state)
	seen := map[packet.Tuple]bool{}
	for _, host := range []packet.Addr4{0, 1, 125, 126, 127} {
		inside := addr("10.0.1.0") + host
		for class := range uint8(3) {
			want := 2 * chain.PortsAnyone
			if class > 0 {
				want = 2
			}
			for i := range want + 1 {
				msg := choose(i, 0)
				msg.Flow.Src, msg.Class = inside, class
				got := answer(t, d, 0, msg)
				if i == want {
					if got.Kind != chain.Refused || got.Reason != drop.PortsExhausted {
						t.Fatalf("%v has more than its own: %v", inside, got)
					}
					break
				}
				if holder, ok := gateway.Holder(got.Public, got.PublicPort); !ok || holder != inside || chain.PortClass(got.PublicPort) != class {
					t.Fatalf("%v got %v:%d of class %d, which is %v's", inside, got.Public, got.PublicPort, class, holder)
				}
				if o := got.Outside(); seen[o] {
					t.Fatalf("%v twice", o)
				} else {
					seen[o] = true
				}
			}
		}
	}
	msg := choose(1, 0)
	msg.Flow.Src = addr("10.0.2.1")
	if got := answer(t, d, 0, msg); got.Kind != chain.Refused {
		t.Errorf("an address without blocks got %v", got)
	}
	// The port that it had goes back to an instance, if it is of its blocks.
	for port, again := range map[uint16]bool{1024 + 17: true, 40000: false} {
		msg := choose(9, 7)
		msg.Flow.Src, msg.Public, msg.PublicPort = addr("10.0.1.0"), addr("198.51.100.1"), port
		if got := answer(t, d, 0, msg); got.Kind != chain.Chosen || (got.PublicPort == port) != again {
			t.Errorf("it had %d and got %v", port, got)
		}
	}
}
