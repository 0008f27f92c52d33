package decider

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"pgregory.net/rapid"
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
	oneAddress = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}]\n"
	two        = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3], flows_per_destination: 3, timeouts: {port_rest: 2s}}]\n"
	noRest     = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], flows_per_destination: 2, timeouts: {port_rest: 0s}}]\n"
	noRestFull = "nat_gateways: [{name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: {port_rest: 0s}}]\n"
)

func addr(s string) packet.Addr4 {
	a, _ := packet.AddrFrom(netip.MustParseAddr(s))
	return a
}

// choose is a Choose of the i-th flow to the j-th destination.
func choose(i, j int) chain.Message {
	return chain.Message{Kind: chain.Choose, Service: 1,
		Flow: packet.MakeTuple(100, packet.ProtoTCP, addr("10.0.1.0")+packet.Addr4(i>>8), uint16(i), addr("203.0.113.10"), uint16(443+j))}
}

func one(t interface{ Fatalf(string, ...any) }, answers []chain.Message) chain.Message {
	if len(answers) != 1 {
		t.Fatalf("%d answers, want 1", len(answers))
	}
	return answers[0]
}

func release(chosen chain.Message) chain.Message {
	chosen.Kind = chain.Release
	return chosen
}

// Against sets: no outside tuple is held twice, none is given out before its
// rest is over, the limits hold exactly, and what is freed is served again.
func TestDeciderAgainstModel(t *testing.T) {
	states := []*cellstate.State{mustState(t, two), mustState(t, noRest), mustState(t, "")}
	rapid.Check(t, func(t *rapid.T) {
		const portsMax = 10
		d := New(Config{PortsMax: portsMax})
		var now, rest time.Duration
		var state *cellstate.State
		living := map[packet.Tuple]chain.Message{}
		resting := map[packet.Tuple]time.Duration{}
		var past []chain.Message
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				state = rapid.SampledFrom(states).Draw(t, "state")
				d.Apply(now, state)
			},
			"choose": func(t *rapid.T) {
				msg := choose(rapid.IntRange(0, 1000).Draw(t, "flow"), rapid.IntRange(0, 2).Draw(t, "destination"))
				got := one(t, d.Step(now, msg, nil))
				want := drop.None
				switch {
				case state == nil || state.Gateway(1) == nil:
					want = drop.UnknownService
				case !slices.ContainsFunc(state.Gateway(1).Public, func(public packet.Addr4) bool {
					n := 0
					for outside := range living {
						if outside.Src == public && outside.DstPort == msg.Flow.DstPort {
							n++
						}
					}
					return n < state.Gateway(1).FlowsPerDestination
				}):
					want = drop.PortsExhausted
				case len(living)+len(resting) == portsMax:
					want = drop.FlowTableFull
				}
				if got.Reason != want || (got.Kind == chain.Chosen) != (want == drop.None) || got.Flow != msg.Flow {
					t.Fatalf("%v was answered by %v, want %v", msg, got, want)
				}
				if want != drop.None {
					return
				}
				outside := got.Outside()
				if _, held := living[outside]; held || resting[outside] > now || got.PublicPort < portMin {
					t.Fatalf("%v is held already, or rests", got)
				}
				living[outside] = got
				past = append(past, got)
			},
			"release": func(t *rapid.T) { // or a late copy of a release
				if len(past) == 0 {
					return
				}
				msg := release(rapid.SampledFrom(past).Draw(t, "lease"))
				outside := msg.Outside()
				d.Step(now, msg, nil)
				if living[outside].Lease != msg.Lease {
					return
				}
				delete(living, outside)
				rest = restOrphaned
				if state.Gateway(1) != nil {
					rest = state.Gateway(1).Timeouts.PortRest
				}
				if rest > 0 {
					resting[outside] = now + rest
				}
			},
			"advance": func(t *rapid.T) {
				// In whole granularities, where the model can say exactly who rests.
				now += time.Duration(rapid.IntRange(0, 30).Draw(t, "ticks")) * restGranularity
				d.Tick(now)
				for outside, until := range resting {
					if until <= now {
						delete(resting, outside)
					}
				}
			},
			"": func(t *rapid.T) {
				if d.Leased() != len(living) || d.Resting() != len(resting) {
					t.Fatalf("%d leased, %d resting, want %d, %d", d.Leased(), d.Resting(), len(living), len(resting))
				}
				if d.byOutside.Len() != len(living)+len(resting) || d.byDestination.Len() != d.destinationSlab.Len() {
					t.Fatalf("tables of %d and %d, slab %d", d.byOutside.Len(), d.byDestination.Len(), d.destinationSlab.Len())
				}
			},
		})
	})
}

// Towards one destination 55,000 live; then 8,000 more may rest beside as many
// living ones, no more: held ports never pass heldPerDestinationMax.
func TestHeldPerDestination(t *testing.T) {
	d := New(Config{PortsMax: 1 << 17})
	d.Apply(0, mustState(t, oneAddress))
	var chosen []chain.Message
	lease := func(i int) chain.Message {
		answer := one(t, d.Step(0, choose(i, 0), nil))
		if answer.Kind == chain.Chosen {
			chosen = append(chosen, answer)
		}
		return answer
	}
	for i := range 55000 {
		if got := lease(i); got.Kind != chain.Chosen {
			t.Fatalf("flow %d: %v", i, got)
		}
	}
	if got := lease(55000); got.Reason != drop.PortsExhausted {
		t.Fatalf("flow 55001 was answered by %v", got)
	}
	const turnover = heldPerDestinationMax - 55000
	for i := range turnover {
		d.Step(0, release(chosen[i]), nil)
		if got := lease(55000 + i); got.Kind != chain.Chosen {
			t.Fatalf("with %d resting: %v", i+1, got)
		}
	}
	d.Step(0, release(chosen[turnover]), nil)
	if got := lease(70000); got.Reason != drop.PortsExhausted {
		t.Fatalf("with %d held ports: %v", d.Leased()+d.Resting(), got)
	}
	if got := one(t, d.Step(0, choose(1, 1), nil)); got.Kind != chain.Chosen {
		t.Fatalf("another destination: %v", got)
	}
	d.Tick(5 * time.Second)
	d.Tick(5 * time.Second) // the bound on one Tick's work
	if d.Resting() != 0 {
		t.Fatalf("%d still resting", d.Resting())
	}
	if got := lease(70000); got.Kind != chain.Chosen {
		t.Fatalf("after the rest: %v", got)
	}
}

// Ports use the whole range and no part of it more than another: chi-square over
// 63 bins, at a level that a fixed seed passes for ever or never.
func TestPortsAreSpread(t *testing.T) {
	d := New(Config{PortsMax: 1 << 17, Seed: [32]byte{42}})
	d.Apply(0, mustState(t, oneAddress))
	const n, bins = 50000, 63
	var count [bins]float64
	for i := range n {
		count[(one(t, d.Step(0, choose(i, i), nil)).PublicPort-portMin)/1024]++
	}
	chi := 0.0
	for _, c := range count {
		chi += math.Pow(c-n/bins, 2) / (n / bins)
	}
	if chi > 103 { // 62 degrees of freedom, p = 0.001
		t.Errorf("chi-square %.1f, want below 103", chi)
	}
}

// The same seed gives the same ports, another seed gives others.
func TestSeed(t *testing.T) {
	run := func(seed byte) (ports []uint16) {
		d := New(Config{PortsMax: 100, Seed: [32]byte{seed}})
		d.Apply(0, mustState(t, oneAddress))
		for i := range 50 {
			ports = append(ports, one(t, d.Step(0, choose(i, 0), nil)).PublicPort)
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

// An instance keeps to one address while that has room, instances spread over
// the addresses, and one that is full moves on to the next.
func TestPairedPooling(t *testing.T) {
	d := New(Config{PortsMax: 1 << 14})
	d.Apply(0, mustState(t, two))
	byPublic := map[packet.Addr4]int{}
	for i := range 1000 {
		first := one(t, d.Step(0, choose(i<<8, 10+i*2), nil))
		second := one(t, d.Step(0, choose(i<<8+1, 10+i*2+1), nil))
		if first.Public != second.Public {
			t.Fatalf("one instance got %v and %v", first.Public, second.Public)
		}
		byPublic[first.Public]++
	}
	if len(byPublic) != 2 || byPublic[addr("198.51.100.1")] < 400 || byPublic[addr("198.51.100.3")] < 400 {
		t.Errorf("instances by address: %v", byPublic)
	}
	byPublic = map[packet.Addr4]int{}
	for i := range 6 {
		byPublic[one(t, d.Step(0, choose(i, 0), nil)).Public]++
	}
	if byPublic[addr("198.51.100.1")] != 3 || byPublic[addr("198.51.100.3")] != 3 {
		t.Errorf("flows by address: %v, want 3 each", byPublic)
	}
}

// Other kinds are ignored.
func TestOtherKinds(t *testing.T) {
	d := New(Config{PortsMax: 1})
	d.Apply(0, mustState(t, oneAddress))
	for kind := range chain.Release {
		if kind == chain.Choose {
			continue
		}
		if out := d.Step(0, chain.Message{Kind: kind}, nil); len(out) != 0 {
			t.Errorf("%v was answered by %v", kind, out)
		}
	}
}

func TestStepsDoNotAllocate(t *testing.T) {
	d := New(Config{PortsMax: 10000})
	d.Apply(0, mustState(t, oneAddress))
	out := make([]chain.Message, 0, 1)
	now, i := time.Duration(0), 0
	if n := testing.AllocsPerRun(20000, func() {
		out = d.Step(now, choose(i, 0), out[:0])
		d.Step(now, release(out[0]), out[:0])
		d.Tick(now)
		now += time.Millisecond
		i++
	}); n != 0 {
		t.Errorf("%v allocations per lease", n)
	}
}

// BenchmarkLease leases and releases a port of a destination that holds many.
func BenchmarkLease(b *testing.B) {
	for _, held := range []int{0, 30000, 54999} {
		b.Run(map[int]string{0: "empty", 30000: "half", 54999: "full"}[held], func(b *testing.B) {
			d := New(Config{PortsMax: 1 << 17})
			d.Apply(0, mustState(b, noRestFull))
			out := make([]chain.Message, 0, 1)
			for i := range held {
				d.Step(0, choose(i, 0), out)
			}
			b.ReportAllocs()
			for i := held; b.Loop(); i++ {
				out = d.Step(0, choose(i, 0), out[:0])
				d.Step(0, release(out[0]), out[:0])
			}
		})
	}
}
