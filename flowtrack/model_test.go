package flowtrack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/membership"
	"hyperplane/packet"
	"hyperplane/shard"

	"pgregory.net/rapid"
)

// world drives a cluster of three nodes and two Tops by a script of choices: packets,
// reports, time, lost, repeated and reordered messages, crashes, cut off nodes and the
// views that follow from them. It holds what happens against the invariants, as seen
// from outside: what Tops may use, and what the nodes hold. Any choices are valid: a
// property test and a fuzzer supply them.
//
// The Decider is none: it gives one of a few ports of the class that is asked for,
// free or not. No Decider may be more dangerous, since safety rests on the masters.
type world struct {
	*cluster
	fatal   fataler
	states  []*cellstate.State
	defect  Defect
	tops    [2]top
	past    []item // all that was ever sent
	log     []string
	serial  int
	turn    int
	contact [modelNodes]time.Duration
	cut     [modelNodes]bool
	pending View // a view that not all have entered yet

	held     map[uint64]uint8               // by lease, the nodes that have ever held it
	exposed  map[uint64]bool                // leases of which a Top has heard
	alone    map[uint64]bool                // leases that a node without a majority has answered for
	ended    map[uint64]time.Duration       // when the owner ended them
	withdrew map[packet.Addr4]time.Duration // when the state last lost a public address
	shared   bool                           // flows are independent
	lost     bool                           // both holders of a slot have been lost
	rest     time.Duration
	sometime map[string]int
}

const modelNodes = 3

// lateMax is how late a copy may arrive in the view in which it was sent. Later, its
// port may have been freed and given away without a trace; see the package's limits.
const lateMax = 5 * time.Second

// telling ends the test with the events that led to it.
type telling struct{ *world }

func (w telling) Fatalf(format string, args ...any) {
	w.fatal.Fatalf("%s\n%s", strings.Join(w.log[max(len(w.log)-80, 0):], "\n"), fmt.Sprintf(format, args...))
}

// top is the part of a Top that matters: its entries, kept as package natgw does.
type top struct {
	skew    time.Duration
	entries map[packet.Tuple]*topEntry // by inside tuple
}

type topEntry struct {
	chain.Message // the Entry
	until         time.Duration
	seen          time.Duration
	out, in       uint8
	gone          bool // its public address has been taken away
}

var modelStates = []string{
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: {udp_idle: 3s, tcp_closing: 1s, tcp_opening: 4s, tcp_idle: 10s, port_rest: 1s}}\n",
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], timeouts: {udp_idle: 1s, tcp_closing: 1s, tcp_opening: 1s, tcp_idle: 2s, port_rest: 0s}, flows_per_instance: 3}\n",
	"- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1, 198.51.100.3], timeouts: {udp_idle: 30s, port_rest: 6s}}\n",
}

func newWorld(t fataler, states []*cellstate.State, defect Defect) *world {
	w := &world{
		cluster: newCluster(t, modelNodes, 32, 64, 1), states: states, defect: defect,
		held: map[uint64]uint8{}, exposed: map[uint64]bool{}, alone: map[uint64]bool{}, ended: map[uint64]time.Duration{}, withdrew: map[packet.Addr4]time.Duration{},
		sometime: map[string]int{},
		shared:   states[0].Gateway(1).Mapping == cellstate.MapIndependent,
	}
	for i := range w.tops {
		w.tops[i] = top{skew: time.Duration(i) * 1000 * time.Hour, entries: map[packet.Tuple]*topEntry{}}
	}
	for i, n := range w.nodes {
		n.skew = time.Duration(i) * 7 * time.Hour
		n.start(defect)
	}
	w.t = telling{w}
	w.cluster.t = w.t
	w.fatal = t
	w.trace = func(line string) {
		if strings.Contains(line, "→ decider") && !strings.Contains(line, "choose") {
			return
		}
		w.log = append(w.log, fmt.Sprintf("%v %s", w.now, line))
	}
	w.toTop, w.exits, w.after, w.choose = w.atTop, w.said, w.stepped, w.decide
	w.rule = func(x item) verdict {
		if i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.addr == x.To || n.addr == x.From }); i >= 0 && w.apart(x.From, x.To) {
			return lose
		}
		x.at = w.now
		w.past = append(w.past, x)
		return pass
	}
	w.applyState(0)
	w.enterAll(w.agree([]int{0, 1, 2}, nil, nil, nil))
	w.pending = w.view
	w.stand()
	return w
}

// apart reports whether two ends are on two sides of the network. A Top is on the side
// of the majority.
func (w *world) apart(a, b packet.Addr4) bool {
	side := func(x packet.Addr4) int {
		if n := w.node(x); n != nil && w.cut[x-nodeAddr(0)] {
			return int(x - nodeAddr(0))
		}
		return -1
	}
	return side(a) != side(b) && w.node(a) != nil && w.node(b) != nil
}

// decide is the Decider: one of two ports of the class, on one of the addresses.
func (w *world) decide(m chain.Message) []chain.Message {
	w.serial++
	gateway := w.state.Gateway(m.Service)
	m.Kind = chain.Chosen
	if m.To, m.From = m.From, m.To; m.PublicPort != 0 && w.serial%8 != 0 {
		w.sometime["again"]++
		return []chain.Message{m} // the port that rests for it
	}
	m.Public = gateway.Public[w.serial/2%len(gateway.Public)]
	m.PublicPort = 1024
	if m.Independent {
		for chain.PortEndpointClass(m.PublicPort) != chain.EndpointClass(m.Flow) {
			m.PublicPort += chain.PortBlock
		}
	}
	switch second := uint16(w.serial % 2); {
	case m.Class == 0:
		m.PublicPort += second
	case m.Independent:
		m.PublicPort += chain.PortsAnyone + uint16(m.Class) - 1 + second*shard.EndpointClasses*chain.PortBlock
	default:
		m.PublicPort += chain.PortsAnyone + uint16(m.Class) - 1 + second*chain.PortBlock
	}
	return []chain.Message{m}
}

// do runs one event; the arguments choose which.
func (w *world) do(op, arg int) {
	switch op % 16 {
	case 0, 1, 2:
		w.packetOut(arg)
	case 3:
		w.packetIn(arg)
	case 4:
		w.report(arg % 2)
	case 5:
		w.carry(arg)
	case 6:
		w.again(arg)
	case 7:
		w.loseOne(arg)
	case 8, 9:
		w.carryAll()
	case 10:
		w.pass(arg%16 + 1)
	case 11:
		w.pass(arg%64 + 1)
	case 12:
		w.crashOrStart(arg)
	case 13:
		w.cutOrJoin(arg)
	case 14:
		w.propose(arg)
	case 15:
		if arg%4 == 0 {
			w.applyState(arg / 4)
		} else {
			w.enterPending(arg)
		}
	}
	w.stand()
	w.verify()
}

// flow is one of six flows to two remotes, whose slots have different owners.
func modelFlow(arg int) packet.Tuple {
	f := tuple([]uint8{packet.ProtoTCP, packet.ProtoUDP}[arg&1], arg>>1%3)
	if arg>>3&1 != 0 {
		f.DstPort = 53
	}
	return f
}

// packetOut is a packet from inside at a Top.
func (w *world) packetOut(arg int) {
	flow, t := modelFlow(arg), &w.tops[arg>>4&1]
	flags := []uint8{packet.TCPSyn, packet.TCPSyn, packet.TCPAck, packet.TCPFin | packet.TCPAck}[arg>>5&3]
	if flow.Proto() != packet.ProtoTCP {
		flags = 0
	}
	if e := t.entries[flow]; e != nil && w.now+t.skew < e.until && flags&packet.TCPSyn == 0 {
		e.seen = w.now
		e.out |= flags
		return
	}
	m := missOf(flow)
	m.Independent, m.FlagsOut = w.shared, flags
	m.Quoted = arg>>7&1 != 0
	w.ask(t, m, arg>>5)
}

// packetIn is a packet from the internet to what some Top has an entry for.
func (w *world) packetIn(arg int) {
	from := &w.tops[arg>>4&1]
	e := from.entries[modelFlow(arg)]
	if e == nil {
		return
	}
	t := &w.tops[arg>>5&1]
	flags := []uint8{packet.TCPSyn | packet.TCPAck, packet.TCPAck, packet.TCPFin | packet.TCPAck, packet.TCPRst}[arg>>6&3]
	if e.Flow.Proto() != packet.ProtoTCP {
		flags = 0
	}
	if own := t.entries[e.Flow]; own != nil && own.Lease == e.Lease && w.now+t.skew < own.until {
		own.seen = w.now
		own.in |= flags
		return
	}
	m := replyTo(e.Message, flags)
	if m.Independent = w.shared; w.shared && arg>>6&3 == 3 {
		m.Flow.Src, m.FlagsIn = peer, flags&packet.TCPSyn // a stranger
	}
	w.ask(t, m, arg)
}

// ask sends a Miss to a holder, as the Top's node sees it: mostly the owner.
func (w *world) ask(t *top, m chain.Message, arg int) {
	i := 0
	if t == &w.tops[1] {
		i = 1
	}
	m.Top, m.Packet, m.At = topAddr(i+1), true, w.now+t.skew
	m.From = m.Top
	m.To = w.holder(m.Slot(), arg)
	w.packets++
	w.send(item{Message: m})
}

func (w *world) holder(slot uint32, arg int) packet.Addr4 {
	for i := range w.nodes {
		n := w.nodes[(i+arg)%modelNodes]
		if n.up && !w.cut[(i+arg)%modelNodes] {
			if holders := n.master.Holders(slot); len(holders) > 0 {
				return holders[arg>>2%4/3%len(holders)]
			}
		}
	}
	return w.nodes[arg%modelNodes].addr
}

// report says all entries of a Top to those who hold them.
func (w *world) report(i int) {
	t := &w.tops[i]
	for n := range 16 {
		e := t.entries[modelFlow(n)]
		if e == nil || n>>1%3 != n>>1&3 {
			continue
		}
		m := e.Message
		m.Kind, m.Packet, m.Inbound, m.Quoted = chain.Seen, false, false, false
		m.Top, m.At, m.Age = topAddr(i+1), w.now+t.skew, milliseconds(w.now-e.seen)
		m.FlagsOut, m.FlagsIn, e.out, e.in = e.out, e.in, 0, 0
		m.From, m.To = m.Top, w.holder(m.Slot(), n)
		w.send(item{Message: m})
	}
}

// atTop takes what a Top gets, as package natgw does.
func (w *world) atTop(m chain.Message) {
	t := &w.tops[m.To-topAddr(1)]
	now := w.now + t.skew
	e := t.entries[m.Flow]
	same := e != nil && e.Lease == m.Lease && e.Outside() == m.Outside()
	switch m.Kind {
	case chain.Entry:
		if m.At > now {
			w.t.Fatalf("at %v: %v from the future", w.now, m)
		}
		if same {
			e.until = max(e.until, m.At+chain.EntryLease)
			break
		}
		if m.At+chain.EntryLease <= now {
			return
		}
		m.Kind = chain.Entry
		w.sometime["entry"]++
		e = &topEntry{Message: m, until: m.At + chain.EntryLease, seen: w.now, gone: w.withdrawn(m.Public, m.At-t.skew)}
		for f, other := range t.entries {
			if other.Outside() == m.Outside() && f != m.Flow {
				w.conflict(e, other, t, t)
				delete(t.entries, f)
			}
		}
		t.entries[m.Flow] = e
	case chain.Confirm:
		if same {
			e.until = max(e.until, m.At+chain.EntryLease)
			e.State = m.State
		}
	case chain.Forget:
		if e != nil && e.Lease == m.Lease {
			delete(t.entries, m.Flow)
		}
		return
	default:
		return
	}
	if !same && m.Kind != chain.Entry || e == nil {
		return
	}
	for i := range w.tops {
		o := &w.tops[i]
		for f, other := range o.entries {
			if f != e.Flow && other.Outside() == e.Outside() || f == e.Flow && other.Lease != e.Lease {
				w.conflict(e, other, t, o)
			}
			if w.shared {
				w.mappingConflict(e, other, t, o)
			}
		}
	}
}

// mappingConflict holds that an inside endpoint has one public port, and a public port
// one inside endpoint. Where only ports of a seat are given an endpoint may have another.
func (w *world) mappingConflict(a, b *topEntry, ta, tb *top) {
	if w.now+ta.skew >= a.until || w.now+tb.skew >= b.until || w.alone[a.Lease] || w.alone[b.Lease] {
		return
	}
	if a.gone || b.gone {
		return
	}
	one, same := a.Flow.Sender() == b.Flow.Sender(), a.Held() == b.Held()
	switch {
	case one && same && a.Flow != b.Flow:
		w.sometime["shared"]++
	case !one && same:
		w.t.Fatalf("at %v: two endpoints on one public port are in use: %v until %v, %v until %v", w.now, a.Message, a.until-ta.skew, b.Message, b.until-tb.skew)
	case one && !same && !w.lost && a.Flow.Proto() == b.Flow.Proto() && chain.PortClass(a.PublicPort) == 0 && chain.PortClass(b.PublicPort) == 0:
		w.t.Fatalf("at %v: one endpoint with two public ports is in use: %v until %v, %v until %v", w.now, a.Message, a.until-ta.skew, b.Message, b.until-tb.skew)
	}
}

// conflict holds that two entries that contradict each other are never in use at the
// same time: I1 where they have one outside tuple, I3 where they have one inside tuple.
func (w *world) conflict(a, b *topEntry, ta, tb *top) {
	if w.now+ta.skew >= a.until || w.now+tb.skew >= b.until {
		return
	}
	if w.alone[a.Lease] || w.alone[b.Lease] {
		return // one of them went on without the majority; that is stated, and counted
	}
	if a.Flow == b.Flow {
		if !w.lost && a.Outside() != b.Outside() && !a.gone && !b.gone {
			w.t.Fatalf("at %v: two decisions about %v are in use: %v and %v (I3)", w.now, a.Flow, a.Message, b.Message)
		}
		return
	}
	w.t.Fatalf("at %v: two flows with one outside tuple are in use: %v until %v, %v until %v (I1)", w.now, a.Message, a.until-ta.skew, b.Message, b.until-tb.skew)
}

// said looks at what a node's master sends.
func (w *world) said(n *node, m *chain.Message) {
	i := int(n.addr - nodeAddr(0))
	switch m.Kind {
	case chain.Entry, chain.Confirm:
		if n.standing.Alone {
			w.alone[m.Lease] = true
		}
		if m.Kind == chain.Confirm || w.exposed[m.Lease] {
			break
		}
		w.exposed[m.Lease] = true
		holders := len(n.master.Holders(m.Slot()))
		if !n.standing.Alone && holders > 1 && !m.Inbound && bits(w.held[m.Lease]|1<<i) < 2 {
			w.t.Fatalf("at %v: %s exposes %v, which only %03b hold of %d (I4)", w.now, n.name, *m, w.held[m.Lease]|1<<i, holders)
		}
	case chain.Choose:
		if m.Class != 0 {
			if n.standing.Alone {
				w.sometime["alone"]++
			} else {
				w.sometime["rebuilding"]++
			}
		}
	case chain.End:
		if _, ok := w.ended[m.Lease]; !ok {
			w.ended[m.Lease] = w.now
		}
	}
}

func bits(b uint8) (n int) {
	for ; b != 0; b &= b - 1 {
		n++
	}
	return n
}

// stepped looks at a node after a message, before which it had the given records.
func (w *world) stepped(n *node, m *chain.Message, before map[packet.Tuple]Flow) {
	i := int(n.addr - nodeAddr(0))
	for f := range n.master.Each {
		w.held[f.Lease] |= 1 << i
		outside := chain.Outside(f.Inside, f.Public, f.PublicPort)
		old, had := before[outside]
		if !had || old.Lease != f.Lease {
			// A new decision on a port: what had it, if it was another flow, must have rested (I6).
			if had && old.Inside != f.Inside && f.Owned && old.Owned && m.Kind != chain.Copy && !w.lost {
				if end, ok := w.ended[old.Lease]; ok && w.now < end+w.rest && !w.alone[old.Lease] {
					w.t.Fatalf("at %v: %s gives %v to %v, but it rests since %v (I6)", w.now, n.name, outside, f.Inside, end)
				}
			}
		}
	}
	stale := m.View != n.entered && (m.Kind == chain.Copy || m.Kind == chain.Done || m.Kind == chain.Chosen || m.Kind == chain.Ack)
	if stale {
		w.sometime["stale epoch"]++
		for f := range n.master.Each {
			if old, ok := before[chain.Outside(f.Inside, f.Public, f.PublicPort)]; !ok || old.Lease != f.Lease || old.State != f.State && m.Kind != chain.Chosen {
				w.t.Fatalf("at %v: %s, in view %d, obeyed %v: %v (I5)", w.now, n.name, n.entered>>32, *m, f)
			}
		}
	}
}

// carry delivers one message that is under way.
func (w *world) carry(arg int) {
	if len(w.wire) == 0 {
		return
	}
	i := arg % len(w.wire)
	x := w.wire[i]
	w.wire = slices.Delete(w.wire, i, i+1)
	w.deliver(x)
}

// again sends a copy of a message that was there, long ago or now.
func (w *world) again(arg int) {
	if len(w.past) == 0 {
		return
	}
	x := w.past[len(w.past)-1-arg*arg%len(w.past)]
	if x.Kind == chain.Copy && w.now-x.at > lateMax {
		return
	}
	if x.Packet {
		w.packets++
	}
	w.sometime["repeated"]++
	w.wire = append(w.wire, x)
}

func (w *world) loseOne(arg int) {
	if len(w.wire) == 0 {
		return
	}
	i := arg % len(w.wire)
	w.cluster.lost(w.wire[i])
	w.wire = slices.Delete(w.wire, i, i+1)
}

func (w *world) carryAll() { w.pump() }

// pass lets time pass, in which the Tops report as they do.
func (w *world) pass(ticks int) {
	for range ticks {
		w.now += granularity
		if w.turn++; w.turn%10 == 0 {
			w.report(0)
			w.report(1)
		}
		for _, n := range w.nodes {
			if n.up {
				n.tick()
			}
		}
		w.pump()
		w.stand()
	}
}

// crashOrStart ends a node's life, or begins its next. Never are fewer than two nodes
// there: that two are gone at once is stated to lose flows, and tried elsewhere.
func (w *world) crashOrStart(arg int) {
	i := arg % modelNodes
	n := w.nodes[i]
	if !n.up {
		n.start(w.defect)
		w.trace(n.name + " starts")
		w.contact[i] = w.now
		return
	}
	for j, o := range w.nodes {
		if j != i && (!o.up || w.cut[j] || o.missed || o.entered != n.entered && o.entered != w.view.Ballot) {
			return
		}
		complete, _ := o.master.Knows(o.now())
		if j != i && !complete || o.master.Unheld() > 0 && j != i {
			return
		}
	}
	if n.master.Unheld() > 0 || w.view.Ballot != n.entered {
		return
	}
	n.up = false
	w.trace(n.name + " crashes")
	w.sometime["crash"]++
}

// cutOrJoin cuts a node off, or brings it back.
func (w *world) cutOrJoin(arg int) {
	i := arg % modelNodes
	if w.cut[i] {
		w.cut[i] = false
		w.trace(w.nodes[i].name + " is joined")
		return
	}
	for j, n := range w.nodes {
		if w.cut[j] || !n.up || n.missed {
			return
		}
	}
	w.sometime["cut"]++
	w.trace(w.nodes[i].name + " is cut off")
	w.cut[i] = true
}

// propose makes the view that package membership would: of those that reach each
// other, from the newest that any of them has accepted. One of them may have promised
// too much to enter that one.
func (w *world) propose(arg int) {
	var reach []int
	base, proposer := uint64(0), -1
	for i, n := range w.nodes {
		if n.up && !w.cut[i] {
			reach = append(reach, i)
			if !n.missed && n.entered > base {
				base, proposer = n.entered, i
			}
		}
	}
	if len(reach) < 2 || proposer < 0 {
		return
	}
	remember := 0
	for _, i := range reach {
		if !w.nodes[i].missed {
			remember++
		}
	}
	if remember < 2 && len(reach) < modelNodes {
		return // a node that has forgotten votes when it has heard all, or a majority of the others
	}
	old := w.views[base]
	for _, i := range reach { // who is asked for a promise hears of the newest view with the question
		if n := w.nodes[i]; !n.missed && n.entered < base {
			if i == arg%(2*modelNodes) && n.entered == old.Prev {
				w.sometime["view missed"]++
				continue
			}
			n.enter(old)
			w.trace(fmt.Sprintf("%s enters view %d", n.name, old.Ballot>>32))
		}
	}
	settled := true
	status := func(i int) (now, next bool) {
		for _, x := range old.Members {
			if x.Addr == nodeAddr(i) {
				return x.Now, x.Next
			}
		}
		return false, false
	}
	var full, learner []int
	for _, i := range reach {
		n := w.nodes[i]
		now, _ := status(i)
		complete, lapsed := n.master.Knows(n.now())
		if n.missed || n.entered != base && n.entered != old.Prev || !now || lapsed {
			learner = append(learner, i)
		} else {
			full = append(full, i)
		}
		settled = settled && complete && n.entered == base && !n.missed
	}
	if len(full) == 0 {
		return
	}
	if len(full)+len(learner) != len(old.Members) {
		settled = false
	}
	if settled && len(learner) > 0 {
		full, learner = reach, nil
	}
	if len(full) == len(old.Members) && len(learner) == 0 {
		all := true
		for _, x := range old.Members {
			all = all && x.Now
		}
		if all {
			return // nothing to agree on
		}
	}
	v := w.agree(full, learner, nil, func(v *View) {
		v.Prev, v.Empty = base, false
		slices.SortFunc(v.Members, func(a, b Member) int { return int(a.Addr) - int(b.Addr) })
	})
	w.sometime["view"]++
	w.trace(fmt.Sprintf("%s proposes view %d from %d: %v", w.nodes[proposer].name, v.Ballot>>32, v.Prev>>32, v.Members))
	w.pending = v
	w.nodes[proposer].enter(v)
	w.stand()
}

// enterPending lets one node hear of the pending view.
func (w *world) enterPending(arg int) {
	i := arg % modelNodes
	if n := w.nodes[i]; n.up && !w.cut[i] && w.pending.Ballot > n.entered {
		n.enter(w.pending)
		w.trace(fmt.Sprintf("%s enters view %d", n.name, w.pending.Ballot>>32))
	}
}

// stand judges by what right each node acts, as package membership does.
func (w *world) stand() {
	for i, n := range w.nodes {
		if !n.up {
			continue
		}
		same := 0
		for j, o := range w.nodes {
			if o.up && !o.missed && o.entered == n.entered && (i == j || !w.cut[i] && !w.cut[j]) {
				same++
			}
		}
		if same >= 2 {
			w.contact[i] = w.now
		}
		since := w.now - w.contact[i]
		active := w.active(n.entered)
		n.stand(!n.missed && active && since < membership.ReadLease, n.entered != 0 && since >= 2*time.Second)
		if n.standing.Alone {
			w.lost = true // it ends flows by itself; UDP may be decided anew
		}
	}
}

// active reports whether a majority has accepted a view, now or before.
func (w *world) active(ballot uint64) bool {
	n := 0
	for _, o := range w.nodes {
		if o.entered >= ballot && o.entered != 0 && o.accepted(w.views, ballot) {
			n++
		}
	}
	return n >= 2
}

// accepted reports whether the node is in a view or in one made from it.
func (n *node) accepted(views map[uint64]View, ballot uint64) bool {
	for b := n.entered; b != 0; b = views[b].Prev {
		if b == ballot {
			return true
		}
	}
	return false
}

func (w *world) applyState(n int) {
	state := w.states[n%len(w.states)]
	w.rest = state.Gateway(1).Timeouts.PortRest
	for _, a := range []packet.Addr4{addr("198.51.100.1"), addr("198.51.100.3")} {
		if !slices.Contains(state.Gateway(1).Public, a) {
			w.withdrew[a] = w.now
		}
	}
	for i := range w.tops {
		for _, e := range w.tops[i].entries { // the flow has ended, as soon as all Tops hear of it
			e.gone = e.gone || w.withdrawn(e.Public, e.At-w.tops[i].skew)
		}
	}
	w.apply(state)
}

// withdrawn reports whether a public address was taken away since a question was asked:
// an entry that was on its way then names one, and reports of it are answered by Forget.
func (w *world) withdrawn(public packet.Addr4, asked time.Duration) bool {
	at, ok := w.withdrew[public]
	return ok && asked <= at
}

// verify holds at any time: the tables agree; no two living records at serving owners
// share an outside tuple (I1); what an owner has told a Top, every holder has that
// counts as one (I4), and a replica does not forget before its owner (I6).
func (w *world) verify() {
	w.check(w.t)
	owners := map[packet.Tuple]Flow{} // the owner before, in its last seconds, may own the same flow
	for _, n := range w.nodes {
		if !n.up || !n.standing.Serving || n.standing.Alone {
			continue
		}
		m := n.master
		for f := range m.Each {
			slot := f.Slot()
			if f.State == Resting || !m.Owns(slot) {
				continue
			}
			outside := chain.Outside(f.Inside, f.Public, f.PublicPort)
			i, _ := m.findOutside(outside)
			if r := &m.records[i]; !m.valid(r) || !r.copied {
				continue
			}
			if g, ok := owners[outside]; ok && g.Inside != f.Inside && !w.alone[f.Lease] && !w.alone[g.Lease] {
				w.t.Fatalf("at %v: %v and %v are both owned with %v (I1)", w.now, f.Inside, g.Inside, outside)
			}
			owners[outside] = f
			for _, a := range m.Holders(slot)[1:] {
				o := w.node(a)
				if !o.up || o.entered != n.entered || o.now() < o.master.current.knows[slot] || w.alone[f.Lease] {
					continue
				}
				if g, ok := o.master.Lookup(f.Inside); !ok || g.Lease != f.Lease {
					if g, ok := o.master.Lookup(outside); ok && g.Inside == f.Inside && g.Lease >= f.Lease {
						continue // it has ended there, or began anew, before this view was everybody's
					}
					w.t.Fatalf("at %v: %s owns %v as %v, and %s, which knows all of the slot, does not have it (I4, I6)", w.now, n.name, f.Inside, outside, o.name)
				}
				w.sometime["held twice"]++
			}
		}
	}
}

func parseModelStates(t testing.TB) (states []*cellstate.State) {
	for _, text := range modelStates {
		states = append(states, mustState(t, text))
	}
	return states
}

// parseSharedStates are the same, with mappings that do not depend on the remote end.
func parseSharedStates(t testing.TB) (states []*cellstate.State) {
	for _, text := range modelStates {
		states = append(states, mustState(t, strings.Replace(text, "timeouts:", "mapping: endpoint-independent, filtering: endpoint-independent, timeouts:", 1)))
	}
	return states
}

func TestClusterAgainstModel(t *testing.T) {
	t.Run("by remote", func(t *testing.T) { clusterAgainstModel(t, parseModelStates(t), "again") })
	t.Run("independent", func(t *testing.T) { clusterAgainstModel(t, parseSharedStates(t), "shared") })
}

func clusterAgainstModel(t *testing.T, states []*cellstate.State, rareToo ...string) {
	sometime := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, states, 0)
		runModel(t, w)
		for k, v := range w.sometime {
			sometime[k] += v
		}
	})
	for _, rare := range append(rareToo, "entry", "crash", "cut", "view", "repeated", "stale epoch", "held twice", "alone", "rebuilding") {
		if sometime[rare] == 0 {
			t.Errorf("no run came to %q", rare)
		}
	}
	t.Log(sometime)
}

// Runs that have failed once, shrunk: events and their arguments.
func TestModelRunsThatFailed(t *testing.T) {
	for _, c := range []struct {
		what   string
		states []*cellstate.State
		events string
	}{
		{"a flow that was adopted counted as held by a round of copies that began before", parseSharedStates(t), `
			0,0 13,0 0,0 0,0 0,0 0,0 14,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0
			0,0 13,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0
			0,0 0,0 0,0 0,0 11,20 15,2 0,0 0,0 0,0 0,0 0,0 10,6 0,0 0,0 0,0 15,3
			0,0 13,2 10,4`},
		{"an address was withdrawn while nobody served, and came back with the flow", parseSharedStates(t), `
			0,0 3,0 3,0 3,0 3,0 0,78 12,2 0,1 0,1 3,0 0,1 0,1 0,1 0,1 0,1 0,1
			8,0 0,0 0,0 0,0 8,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0 0,0
			4,46 3,1 3,255 1,28 0,219 15,56 0,255 13,0 3,122 13,0 1,255 11,56 5,0 2,0 14,128 3,124
			15,184 13,252 0,59 0,126 2,102 11,8 10,2 2,17 13,136 15,123 15,13 0,4 1,18 10,3 4,0 1,1
			3,3 12,214 6,0 9,33 1,110 5,1 4,12 6,0 11,18 2,1 1,7 8,40 1,22 1,2 5,227 15,99
			8,7 4,6 7,1 7,108 1,2 2,87 12,0 2,245 2,2 3,0 10,2 15,116 6,137 6,105 1,3 6,1
			0,3 3,154 9,99`},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, c.states, 0)
			for _, e := range strings.Fields(c.events) {
				var op, arg int
				if _, err := fmt.Sscanf(e, "%d,%d", &op, &arg); err != nil {
					t.Fatal(err)
				}
				w.do(op, arg)
			}
		})
	}
}

func runModel(t *rapid.T, w *world) {
	for range rapid.IntRange(1, 150).Draw(t, "events") {
		w.do(rapid.IntRange(0, 15).Draw(t, "op"), rapid.IntRange(0, 255).Draw(t, "arg"))
	}
}

// Each of the mistakes that Config.Defect builds in is found within a normal run.
func TestModelFindsDefects(t *testing.T) {
	states := parseModelStates(t)
	for name, defect := range map[string]Defect{"SkipSecondCopy": SkipSecondCopy, "IgnoreEpoch": IgnoreEpoch, "ReusePortAtOnce": ReusePortAtOnce} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(defect)))
			for run := 1; run <= 5000; run++ {
				if what := found(states, defect, random); what != "" {
					t.Logf("run %d: %s", run, what)
					return
				}
			}
			t.Error("5000 runs did not find it")
		})
	}
}

// found runs one script and returns what it violates, or nothing.
func found(states []*cellstate.State, defect Defect, random *rand.Rand) (what string) {
	defer func() {
		if f, ok := recover().(failure); ok {
			what = string(f)
		}
	}()
	w := newWorld(failing{}, states, defect)
	for range 150 {
		w.do(random.IntN(16), random.IntN(256))
	}
	return ""
}

// failing ends a run by a panic, which found takes.
type failing struct{}

type failure string

func (failing) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	panic(failure(text[strings.LastIndexByte(text, '\n')+1:]))
}

// FuzzStep reads bytes as a script of events. Besides the model's, it holds that the
// same script gives the same messages.
func FuzzStep(f *testing.F) {
	states := parseModelStates(f)
	f.Add([]byte{0, 0, 8, 0, 0, 1, 5, 0, 6, 0, 8, 0, 10, 15, 3, 0, 11, 60, 8, 0})
	f.Add([]byte{0, 0, 0, 8, 8, 0, 13, 2, 11, 40, 14, 0, 15, 1, 0, 0, 0, 8, 8, 0, 13, 2, 11, 63})
	f.Add([]byte{0, 0, 8, 0, 11, 31, 12, 0, 14, 0, 15, 1, 15, 2, 0, 0, 0, 8, 8, 0, 12, 0, 14, 0, 15, 1, 15, 2, 11, 31})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 400)]
		run := func() []string {
			w := newWorld(t, states, 0)
			for s := script; len(s) >= 2; s = s[2:] {
				w.do(int(s[0]), int(s[1]))
			}
			return w.log
		}
		if first, second := run(), run(); !slices.Equal(first, second) {
			t.Fatal("the same script gave other messages")
		}
	})
}
