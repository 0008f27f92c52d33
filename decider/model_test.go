package decider

import (
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"pgregory.net/rapid"
)

const modelPortsMax = 600 // room for both addresses' ports of one seat, and some

// model drives a Decider by a script of choices and holds it against a plain
// map. Any choices are valid: a property test and a fuzzer supply them.
type model struct {
	t      interface{ Fatalf(string, ...any) }
	d      *Decider
	states []*cellstate.State
	state  *cellstate.State
	now    time.Duration
	serial uint64

	held map[packet.Tuple]modelLease
	past []chain.Message // every Chosen and every Lease
}

type modelLease struct {
	id       uint64
	deadline time.Duration // when a Tick forgets it
	rests    bool
}

func newModel(t interface{ Fatalf(string, ...any) }, states []*cellstate.State) *model {
	return &model{t: t, states: states, d: New(Config{PortsMax: modelPortsMax}), held: map[packet.Tuple]modelLease{}}
}

// do runs one event; the arguments choose which.
func (m *model) do(op, arg int) {
	switch op % 8 {
	case 0, 1:
		m.choose(arg)
	case 2: // until something is exhausted, often
		for i := range arg % 300 {
			m.choose(arg&^0xff | i)
		}
	case 3, 4:
		m.release(arg)
	case 5:
		m.lease(arg)
	case 6:
		m.advance(arg)
	case 7:
		if arg%4 == 0 {
			m.state = m.states[arg/4%len(m.states)]
			m.d.Apply(m.now, m.state)
		} else {
			m.renew(arg)
		}
	}
	m.check()
}

// choose asks for a port of one of four classes, towards one of two destinations.
func (m *model) choose(arg int) {
	msg := choose(arg%256, arg>>8%2)
	msg.Class = []uint8{0, 1, 16, 17}[arg>>9%4]
	m.serial++
	msg.Lease, msg.View, msg.At, msg.Top, msg.From, msg.To = m.serial, 7, m.now, 8, 9, 10
	answers := m.d.Step(m.now, msg, nil)
	if len(answers) != 1 {
		m.t.Fatalf("%d answers to a Choose, want 1", len(answers))
	}
	got, want := answers[0], msg
	want.Kind, want.From, want.To = chain.Chosen, msg.To, msg.From
	if want.Reason = m.refusal(&msg); want.Reason != drop.None {
		want.Kind = chain.Refused
	} else {
		want.Public, want.PublicPort = got.Public, got.PublicPort
	}
	if got != want {
		m.t.Fatalf("%+v was answered by\n%+v, want\n%+v", msg, got, want)
	}
	if got.Kind == chain.Refused {
		return
	}
	outside := got.Outside()
	if _, ok := m.held[outside]; ok || !slices.Contains(m.state.Gateway(1).Public, got.Public) || !inClass(got.PublicPort, msg.Class) {
		m.t.Fatalf("%+v is held already, or not what was asked for", got)
	}
	m.put(got)
}

// refusal is why the Choose must be refused, if it must.
func (m *model) refusal(msg *chain.Message) drop.Reason {
	if m.state == nil || m.state.Gateway(1) == nil {
		return drop.UnknownService
	}
	if len(m.held) == modelPortsMax {
		return drop.FlowTableFull
	}
	for _, public := range m.state.Gateway(1).Public {
		lives, n := 0, 0
		for outside, l := range m.held {
			if outside.Src != public || outside.DstPort != msg.Flow.DstPort {
				continue
			}
			if !l.rests {
				lives++
			}
			if inClass(outside.SrcPort, msg.Class) {
				n++
			}
		}
		// Class 0 is larger than the model; TestHeldPerDestination is about it.
		if lives < m.state.Gateway(1).FlowsPerDestination && (msg.Class == 0 || msg.Class <= 16 && n < 252) {
			return drop.None
		}
	}
	return drop.PortsExhausted
}

// inClass is the contract's definition of a class.
func inClass(port uint16, class uint8) bool {
	place := int(port) % 256
	return port >= 1024 && (place < 240 && class == 0 || place >= 240 && class == uint8(1+place-240))
}

// release is that of a lease there once was: the current one of its port, or a
// late or repeated one, which frees nothing.
func (m *model) release(arg int) {
	if len(m.past) == 0 {
		return
	}
	msg := m.past[arg%len(m.past)]
	msg.Kind = chain.Release
	m.silent(msg)
	if m.held[msg.Outside()].id == msg.Lease {
		delete(m.held, msg.Outside())
	}
}

// known are the kinds by which a Flow Master says that it holds a port.
var known = [2]chain.Kind{chain.Lease, chain.End}

// lease takes a port by the Flow Master's word: often one that is held already.
func (m *model) lease(arg int) {
	msg := choose(arg%256, arg>>8%2)
	m.serial++
	msg.Kind, msg.Lease = known[arg>>1%2], m.serial
	msg.Public, msg.PublicPort = addr("198.51.100.1")+packet.Addr4(arg>>9%4), uint16(1024+arg>>11%512)
	if len(m.past) > 0 && arg%2 == 0 {
		last := m.past[arg%len(m.past)]
		msg.Flow, msg.Public, msg.PublicPort = last.Flow, last.Public, last.PublicPort
	}
	m.silent(msg)
	if _, ok := m.held[msg.Outside()]; ok || len(m.held) < modelPortsMax {
		m.put(msg)
	}
}

// renew repeats a Lease that is current, or ends it; an old one replaces.
func (m *model) renew(arg int) {
	if len(m.past) == 0 {
		return
	}
	msg := m.past[arg%len(m.past)]
	msg.Kind = known[arg>>1%2]
	m.silent(msg)
	if _, ok := m.held[msg.Outside()]; ok || len(m.held) < modelPortsMax {
		m.put(msg)
	}
}

func (m *model) put(msg chain.Message) {
	deadline := (m.now + leaseMax + leaseGranularity - 1).Truncate(leaseGranularity)
	m.held[msg.Outside()] = modelLease{msg.Lease, deadline, msg.Kind == chain.End}
	m.past = append(m.past, msg)
}

func (m *model) silent(msg chain.Message) {
	if answers := m.d.Step(m.now, msg, nil); len(answers) != 0 {
		m.t.Fatalf("%v was answered by %v", msg, answers)
	}
}

// advance lets time pass: some, or to the edge of the next deadline.
func (m *model) advance(arg int) {
	then := m.now + time.Duration(arg>>1%4096)*100*time.Millisecond
	if arg%2 == 0 && len(m.held) > 0 {
		then = 1<<63 - 1
		for _, l := range m.held {
			then = min(then, l.deadline)
		}
		then += time.Duration(arg>>1%3-1) * 100 * time.Millisecond
	}
	m.now = max(m.now, then)
	m.d.Tick(m.now)
	for outside, l := range m.held {
		if l.deadline <= m.now {
			delete(m.held, outside)
		}
	}
}

// check compares everything that the Decider holds with the map.
func (m *model) check() {
	d := m.d
	if d.Leased() != len(m.held) || d.byOutside.Len() != len(m.held) || d.timers.Len() != len(m.held) {
		m.t.Fatalf("%d leases, %d in the table, %d timers, want %d", d.Leased(), d.byOutside.Len(), d.timers.Len(), len(m.held))
	}
	count := map[packet.Tuple]destination{}
	for outside, l := range m.held {
		i, ok := d.find(outside)
		if !ok || d.leases[i].id != l.id || d.leases[i].port != outside.SrcPort {
			m.t.Fatalf("%v: found %v, record %+v, want lease %d", outside, ok, d.leases[i], l.id)
		}
		key := outside
		key.SrcPort = 0
		c := count[key]
		c.key = key
		if inClass(outside.SrcPort, 0) {
			c.open++
		} else {
			c.seats++
		}
		if l.rests {
			c.rests++
		}
		count[key] = c
	}
	if d.byDestination.Len() != len(count) || d.destinationSlab.Len() != len(count) {
		m.t.Fatalf("%d destinations in the table, %d in the slab, want %d", d.byDestination.Len(), d.destinationSlab.Len(), len(count))
	}
	for key, want := range count {
		if i, ok := d.findDestination(key); !ok || d.destinations[i] != want {
			m.t.Fatalf("destination %v: found %v, %+v, want %+v", key, ok, d.destinations[i], want)
		}
	}
}

func modelStates(t testing.TB) []*cellstate.State {
	return []*cellstate.State{mustState(t, oneAddress), mustState(t, twoAddresses), mustState(t, threeEach), mustState(t, "")}
}

// Against a map: no outside tuple is leased twice, each port is of its class,
// every refusal is due, leases go exactly when they are released or were not
// renewed, and what is freed is leased again.
func TestDeciderAgainstModel(t *testing.T) {
	states := modelStates(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, states)
		m.do(7, 4*rapid.IntRange(0, 2).Draw(t, "state"))
		t.Repeat(map[string]func(*rapid.T){
			"do": func(t *rapid.T) { m.do(rapid.IntRange(0, 7).Draw(t, "op"), rapid.IntRange(0, 1<<20).Draw(t, "arg")) },
		})
	})
}

// FuzzDecider is the same, with bytes as script: an op, three bytes of argument.
// The script is short because the model is slow.
func FuzzDecider(f *testing.F) {
	states := modelStates(f)
	f.Add([]byte{7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 2, 6, 0, 15, 255, 6, 0, 15, 255})
	f.Add([]byte{7, 0, 0, 4, 2, 0, 3, 43, 2, 0, 3, 43, 2, 0, 5, 43, 3, 0, 0, 9, 0, 0, 2, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		m := newModel(t, states)
		for n := 0; n < 32 && len(script) >= 4; n, script = n+1, script[4:] {
			m.do(int(script[0]), int(script[1])<<16|int(script[2])<<8|int(script[3]))
		}
	})
}
