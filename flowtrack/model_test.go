package flowtrack

import (
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/decider"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"pgregory.net/rapid"
)

// world drives the two machines by a script of choices, over a carrier that
// loses, repeats and reorders what the machines send each other, and holds them
// against a model that is only sets. Any choices are valid: a property test and
// a fuzzer supply them.
type world struct {
	t      interface{ Fatalf(string, ...any) }
	master *Master
	// decider answers Choose and Release: the real one, or one that gives out the
	// smallest free port at once, the most dangerous that a Decider may do.
	decider *decider.Decider
	states  []*cellstate.State
	now     time.Duration

	wire []chain.Message // between Flow Master and Decider
	past []chain.Message // everything that was ever there
	log  []chain.Message // everything that anyone sent

	decisions map[packet.Tuple]chain.Message // what the Top knows: Entry, until Forget
	leases    map[packet.Tuple]uint64        // what the Decider leased, by outside tuple
	resting   map[packet.Tuple]time.Duration // until when
	serial    uint64
	rest      time.Duration
}

var modelStates = []string{
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3], timeouts: {udp_idle: 3s, tcp_closing: 1s}}\n",
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: {tcp_idle: 2s, tcp_opening: 1s, udp_idle: 1s, port_rest: 0s}}\n",
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.3], timeouts: {udp_idle: 1s}, flows_per_destination: 2}\n",
	greenGateway,
}

func newWorld(t interface{ Fatalf(string, ...any) }, states []*cellstate.State, realDecider bool) *world {
	w := &world{
		t: t, states: states, master: New(Config{FlowsMax: 6, Seed: [2]uint64{1, 2}}),
		decisions: map[packet.Tuple]chain.Message{},
		leases:    map[packet.Tuple]uint64{}, resting: map[packet.Tuple]time.Duration{},
	}
	if realDecider {
		w.decider = decider.New(decider.Config{PortsMax: 12})
	}
	w.apply(0)
	return w
}

// do runs one event; the arguments choose which.
func (w *world) do(op, arg int) {
	switch op % 12 {
	case 0, 1, 2, 3:
		w.miss(arg)
	case 4:
		if f, ok := w.flow(arg); ok {
			w.step(chain.Message{Kind: chain.Miss, Inbound: true, Service: 1, Flow: chain.Outside(f.Inside, f.Public, f.PublicPort).Reverse(), FlagsIn: uint8(arg >> 3)})
		}
	case 5:
		if f, ok := w.flow(arg); ok {
			w.step(chain.Message{Kind: chain.Seen, Service: 1, Flow: f.Inside, Public: f.Public, PublicPort: f.PublicPort,
				At: w.now - time.Duration(arg%3)*500*time.Millisecond, FlagsOut: uint8(arg >> 3), FlagsIn: uint8(arg >> 5)})
		}
	case 6, 7, 8, 9:
		w.carry(op%12-6, arg)
	case 10:
		for range arg % 32 {
			w.now += granularity
			w.tick()
		}
	case 11:
		if arg%4 == 0 {
			w.apply(arg / 4)
		} else if len(w.past) > 0 {
			w.wire = append(w.wire, w.past[arg%len(w.past)]) // a copy from long ago
		}
	}
	w.check()
}

// miss is a packet from inside, of one of eight flows to one remote.
func (w *world) miss(arg int) {
	msg := missOf(tuple([]uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, packet.ProtoTCP}[arg%4], arg%8))
	switch arg >> 3 % 8 {
	case 0:
		msg.FlagsOut = packet.TCPAck
	case 1:
		msg.Quoted = true
	case 2:
		msg.FlagsOut |= packet.TCPRst
	}
	w.step(msg)
}

func (w *world) flow(n int) (found Flow, ok bool) {
	if w.master.Len() == 0 {
		return
	}
	n %= w.master.Len()
	for f := range w.master.Each {
		if n--; n < 0 {
			return f, true
		}
	}
	return
}

// carry delivers one message that is under way, or a copy of it, or loses it;
// or delivers them all.
func (w *world) carry(how, arg int) {
	if how == 3 {
		for n := 0; len(w.wire) > 0 && n < 64; n++ {
			w.carry(0, 0)
		}
		return
	}
	if len(w.wire) == 0 {
		return
	}
	i := arg % len(w.wire)
	msg := w.wire[i]
	if how != 1 {
		w.wire = slices.Delete(w.wire, i, i+1)
	}
	if how == 2 {
		return
	}
	if !msg.Kind.ForDecider() {
		w.step(msg)
		return
	}
	answers := w.decide(msg)
	w.log = append(w.log, answers...)
	w.put(answers...)
}

// decide is the Decider's step, held against the model.
func (w *world) decide(msg chain.Message) []chain.Message {
	outside := msg.Outside()
	if msg.Kind == chain.Release && msg.Lease != 0 && w.leases[outside] == msg.Lease {
		delete(w.leases, outside)
		w.resting[outside] = w.now + w.rest
	}
	var answers []chain.Message
	switch {
	case w.decider != nil:
		answers = w.decider.Step(w.now, msg, nil)
	case msg.Kind == chain.Choose:
		answers = append(answers, w.smallest(msg))
	}
	for _, answer := range answers {
		if answer.Kind != chain.Chosen {
			continue
		}
		outside := answer.Outside()
		if _, ok := w.leases[outside]; ok {
			w.t.Fatalf("at %v: %v: leased already", w.now, answer)
		}
		if until := w.resting[outside]; until > w.now {
			w.t.Fatalf("at %v: %v: rests until %v", w.now, answer, until)
		}
		w.leases[outside] = answer.Lease
	}
	return answers
}

// smallest is the naive Decider.
func (w *world) smallest(msg chain.Message) chain.Message {
	msg.Kind, msg.Public = chain.Chosen, addr("198.51.100.1")
	for msg.PublicPort = 1024; msg.PublicPort < 1032; msg.PublicPort++ {
		outside := msg.Outside()
		if _, ok := w.leases[outside]; !ok && w.resting[outside] <= w.now {
			w.serial++
			msg.Lease = w.serial
			return msg
		}
	}
	return refusal(&msg, drop.PortsExhausted)
}

// step is the Flow Master's step, held against the model.
func (w *world) step(msg chain.Message) {
	sent := w.master.Step(w.now, msg, nil)
	count := map[chain.Kind]int{}
	for _, m := range sent {
		count[m.Kind]++
	}
	answers := count[chain.Entry] + count[chain.Refused] + count[chain.Choose]
	if want := msg.Kind != chain.Seen; (answers == 1) != want || answers > 1 {
		w.t.Fatalf("at %v: %v was answered by %v", w.now, msg, sent)
	}
	w.send(sent)
}

// send takes what the Flow Master sent to the wire or to the Top.
func (w *world) send(sent []chain.Message) {
	w.log = append(w.log, sent...)
	for _, m := range sent {
		switch m.Kind {
		case chain.Entry:
			if old, ok := w.decisions[m.Flow]; ok && old.Outside() != m.Outside() {
				w.t.Fatalf("at %v: %v was %v before (I3)", w.now, m, old.Outside())
			}
			w.decisions[m.Flow] = m
		case chain.Forget:
			if w.decisions[m.Flow].Lease == m.Lease {
				delete(w.decisions, m.Flow)
			}
		case chain.Choose, chain.Release:
			w.put(m)
		}
	}
}

// put puts messages on the wire.
func (w *world) put(sent ...chain.Message) {
	w.wire = append(w.wire, sent...)
	w.past = append(w.past, sent...)
}

func (w *world) tick() {
	before := map[packet.Tuple]time.Duration{}
	for f := range w.master.Each {
		before[f.Inside] = f.Deadline
	}
	if w.decider != nil {
		w.decider.Tick(w.now)
	}
	sent := w.master.Tick(w.now, nil)
	for _, m := range sent {
		if m.Kind == chain.Forget && before[m.Flow] > w.now {
			w.t.Fatalf("at %v: %v, whose deadline is %v", w.now, m, before[m.Flow])
		}
	}
	w.send(sent)
	for f := range w.master.Each {
		if f.Deadline <= w.now-granularity {
			w.t.Fatalf("at %v: %v lives beyond its deadline %v", w.now, f.Inside, f.Deadline)
		}
	}
}

func (w *world) apply(n int) {
	state := w.states[n%len(w.states)]
	w.rest = 5 * time.Second
	if gateway := state.Gateway(1); gateway != nil {
		w.rest = gateway.Timeouts.PortRest
	}
	if w.decider != nil {
		w.decider.Apply(w.now, state)
	}
	w.send(w.master.Apply(w.now, state, nil))
}

// check holds at any time: the tables agree, no two flows share an outside
// tuple, and each flow's port is leased to it and nobody else (I1).
func (w *world) check() {
	(&cell{master: w.master}).check(w.t)
	for f := range w.master.Each {
		outside := chain.Outside(f.Inside, f.Public, f.PublicPort)
		if lease, ok := w.leases[outside]; !ok || lease != f.Lease {
			w.t.Fatalf("at %v: %v holds %v under lease %d, but the Decider leased it under %d, %v", w.now, f.Inside, outside, f.Lease, lease, ok)
		}
	}
}

func parseModelStates(t testing.TB) (states []*cellstate.State) {
	for _, text := range modelStates {
		states = append(states, mustState(t, text))
	}
	return states
}

func TestMachinesAgainstModel(t *testing.T) {
	states := parseModelStates(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, states, rapid.Bool().Draw(t, "real decider"))
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			w.do(rapid.IntRange(0, 11).Draw(t, "op"), rapid.IntRange(0, 255).Draw(t, "arg"))
		}
	})
}

// FuzzStep reads bytes as a script of events. Besides the model's, it holds
// that the same script gives the same messages.
func FuzzStep(f *testing.F) {
	states := parseModelStates(f)
	f.Add(false, []byte{0, 28, 9, 0, 5, 8, 10, 31, 0, 28, 11, 1, 9, 0})
	f.Add(true, []byte{1, 29, 1, 29, 6, 0, 7, 0, 6, 1, 9, 0, 10, 31, 11, 4, 10, 31})
	// A decision is given back, for an address not declared, and a copy of it comes
	// when the address is declared again; in the second, asked in the same instant.
	f.Add(false, []byte{11, 8, 0, 1, 9, 0, 11, 0, 11, 1, 9, 0})
	f.Add(false, []byte{11, 8, 0, 1, 9, 0, 0, 1, 6, 0, 7, 0, 11, 0, 9, 0})
	f.Fuzz(func(t *testing.T, realDecider bool, script []byte) {
		run := func() *world {
			w := newWorld(t, states, realDecider)
			for ; len(script) >= 2 && len(w.log) < 1<<14; script = script[2:] {
				w.do(int(script[0]), int(script[1]))
			}
			return w
		}
		saved := script
		first := run()
		script = saved
		if second := run(); !slices.Equal(first.log, second.log) {
			t.Fatal("the same script gave other messages")
		}
	})
}
