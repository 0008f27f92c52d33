package sim

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/membership"
	"hyperplane/natgw"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// scope is a small cell between two events: three whole nodes, what is on its way
// between them, and what the checks have seen. Two instances open a flow each, to
// one remote, and the Decider, which the explorer plays, offers both the same port,
// whether it is taken or not: no Decider can be worse.
//
//	instance 0 ─┐   ┌──────────┐  letters: any of them may be   ┌──────────┐
//	            ├──▶│ node 0   │◀─ next, be lost, come twice ──▶│ node 1   │ …
//	instance 1 ─┘   └──────────┘                                └──────────┘
//	                     │ Choose                                     ▲
//	                     └──────────▶ the one port ────── Chosen ─────┘
type scope struct {
	*cell
	now     time.Duration
	nodes   [scopeNodes]*natgw.Node // nil: down
	said    [scopeNodes]natgw.Status
	sums    [scopeNodes]uint64 // of the nodes; 0: not made yet
	fresh   [scopeNodes]bool   // this state's own: may be changed
	decider *membership.Machine
	own     bool // the decider's machine is this state's own
	letters []letter
	cut     [scopeNodes][scopeNodes]bool
	lives   uint64
	left    budget
	facts   []fact
	lost    bool // more was lost at once than is promised for
	calm    bool // whatever is said is heard at once
	failure string
}

const (
	scopeNodes = 3
	scopeFlows = 2

	beat = 20 * time.Millisecond

	// letterMax is how long a letter may be under way: see flowtrack's limits.
	letterMax = 5 * time.Second
)

// cell is what all states of an exploration share.
type cell struct {
	state        *cellstate.State
	defect       flowtrack.Defect
	late         uint8 // the classes of letters that need not come at once
	tops         []int // where packets come: the owner of the flows' slot, and who does not hold it
	reached      map[string]int
	jumps, waits []time.Duration
	free         []*natgw.Node // of states that are left
	freeM        []*membership.Machine
	packets      [scopeFlows][]byte
	inside       [scopeFlows]packet.Tuple
	seed         maphash.Seed
}

// Classes of letters.
const (
	lateChain    uint8 = 1 << iota // messages with a packet
	lateMessages                   // batches of messages
	lateStreams                    // copies in batches, and their acknowledgements
	lateHellos
)

// letter is a datagram under way. It is never changed.
type letter struct {
	from, to int
	wire.Packet
	class uint8
	sent  time.Duration
	sum   uint64
}

// budget is how often each kind of event may still happen.
type budget struct {
	faults                            int // crashes, cuts, losses and copies together
	packets, replies, restarts, heals int
	beats, jumps                      int
	crashes, cuts, losses, copies     bool
}

var nodeLayout, machineLayout = layoutOf(natgwType()), layoutOf(machineType())

const scopeRemote, scopePort = "203.0.113.10:53", 1024

func scopeAddr(i int) packet.Addr4 { return placeAddr(i) }

var scopeSpec = func() *cellstate.Spec {
	p := &Plan{
		nodes: []nodePlan{}, edges: 1, hosts: 1, tenants: 1, flowsPerDestination: 55_000,
		timeouts: planTimeouts{10 * time.Second, time.Second, time.Second, time.Second, time.Second, 0},
	}
	for i := range scopeNodes {
		p.nodes = append(p.nodes, nodePlan{fmt.Sprintf("node-%d", i), cellstate.RoleTop | cellstate.RoleFlowMaster})
	}
	p.nodes = append(p.nodes, nodePlan{"decider", cellstate.RoleDecider})
	return p.spec(1, nil, nil)
}()

// newScope is a cell that has been whole for a while.
func newScope(d flowtrack.Defect) *scope {
	state, err := cellstate.Compile("small", scopeSpec)
	if err != nil {
		panic(err)
	}
	w := &scope{cell: &cell{reached: map[string]int{}, state: state, defect: d, seed: maphash.MakeSeed()}, lives: 100}
	for f := range scopeFlows {
		from := fmt.Sprintf("%v:4000", instanceBase+packet.Addr4(f))
		w.packets[f] = UDP(from, scopeRemote, []byte("to be translated"))
		remote := netip.MustParseAddrPort(scopeRemote)
		dst, _ := packet.AddrFrom(remote.Addr())
		w.inside[f] = packet.MakeTuple(vniBase, packet.ProtoUDP, instanceBase+packet.Addr4(f), 4000, dst, remote.Port())
	}
	w.decider = membership.New(0, scopeAddr(scopeNodes), 1)
	var peers []membership.Node
	for i := range state.Nodes {
		peers = append(peers, membership.Node{Addr: state.Nodes[i].Addr, Votes: state.Nodes[i].Roles.Has(cellstate.RoleFlowMaster)})
	}
	w.decider.Apply(0, state.CellID, peers)
	w.own = true
	for i := range scopeNodes {
		w.start(i)
	}
	w.calmly(3 * time.Second)
	holders := w.holders()
	w.tops = []int{holders[0], scopeNodes - holders[0] - holders[1]}
	return w
}

func natgwType() reflect.Type   { return reflect.TypeFor[natgw.Node]() }
func machineType() reflect.Type { return reflect.TypeFor[membership.Machine]() }

// at is the time by a node's own clock.
func (w *scope) at(i int) time.Duration { return w.now + time.Duration(i+1)*7*time.Hour }

func (w *cell) newNode(i int, now time.Duration, life uint64) *natgw.Node {
	n := natgw.New(now, natgw.Config{
		Name: w.state.Nodes[i].Name, Self: scopeAddr(i), FlowsMax: 8, Seed: [2]uint64{1, 2}, Incarnation: life, Defect: w.defect,
	})
	n.Apply(now, w.state)
	return n
}

// holders are the nodes that hold the flows' slot, the owner first.
func (w *scope) holders() (list []int) {
	x, err := w.nodes[0].Explain(w.at(0), natgw.Query{
		VPC: w.state.VPCs[0].Name, Protocol: packet.ProtoUDP,
		Inside: netip.AddrPortFrom(instanceBase.Netip(), 4000), Remote: netip.MustParseAddrPort(scopeRemote),
	})
	if err != nil {
		panic(err)
	}
	for _, name := range x.Holders {
		list = append(list, slices.IndexFunc(w.state.Nodes, func(p cellstate.Peer) bool { return p.Name == name }))
	}
	return list
}

// start gives a node a new life.
func (w *scope) start(i int) {
	w.lives++
	w.nodes[i], w.fresh[i], w.sums[i] = w.newNode(i, w.at(i), w.lives), true, 0
	w.collect(i, nil)
}

// clone is a state of its own, which shares with w what it does not change.
func (w *scope) clone() *scope {
	c := *w
	c.fresh, c.own = [scopeNodes]bool{}, false
	c.letters, c.facts = slices.Clone(w.letters), slices.Clone(w.facts)
	return &c
}

// leave gives back what only w has.
func (w *scope) leave() {
	for i, n := range w.nodes {
		if n != nil && w.fresh[i] {
			w.free = append(w.free, n)
		}
	}
	if w.own {
		w.freeM = append(w.freeM, w.decider)
	}
}

// change returns a node that w may change.
func (w *scope) change(i int) *natgw.Node {
	w.sums[i] = 0
	if w.fresh[i] {
		return w.nodes[i]
	}
	var n *natgw.Node
	if k := len(w.free); k > 0 {
		n, w.free = w.free[k-1], w.free[:k-1]
	} else {
		n = w.newNode(i, 0, 1)
		n.Control(0)
		n.EndTurn()
	}
	nodeLayout.copy(unsafe.Pointer(n), unsafe.Pointer(w.nodes[i]))
	w.nodes[i], w.fresh[i] = n, true
	return n
}

func (w *scope) changeDecider() *membership.Machine {
	if w.own {
		return w.decider
	}
	var m *membership.Machine
	if k := len(w.freeM); k > 0 {
		m, w.freeM = w.freeM[k-1], w.freeM[:k-1]
	} else {
		m = membership.New(0, scopeAddr(scopeNodes), 1)
	}
	machineLayout.copy(unsafe.Pointer(m), unsafe.Pointer(w.decider))
	w.decider, w.own = m, true
	return m
}

// sum is a hash of all that decides what can happen next. Times are absolute, so
// states are only taken for one that were reached at the same time.
func (w *scope) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	for i, n := range w.nodes {
		if n == nil {
			continue
		}
		if w.sums[i] == 0 {
			h.Reset()
			nodeLayout.hash(&h, unsafe.Pointer(n))
			w.sums[i] = h.Sum64() | 1
		}
	}
	h.Reset()
	for i, n := range w.nodes {
		if n != nil {
			maphash.WriteComparable(&h, w.sums[i]+uint64(i))
		}
	}
	machineLayout.hash(&h, unsafe.Pointer(w.decider))
	maphash.WriteComparable(&h, w.now)
	maphash.WriteComparable(&h, w.cut)
	maphash.WriteComparable(&h, w.left)
	maphash.WriteComparable(&h, w.lost)
	all := uint64(0) // in any order
	for i := range w.letters {
		all += w.letters[i].sum
	}
	for i := range w.facts {
		all += maphash.Comparable(w.seed, w.facts[i])
	}
	maphash.WriteComparable(&h, all)
	return h.Sum64()
}

// post puts a datagram on its way, or hands it over at once. Its bytes are w's own.
func (w *scope) post(from int, p *wire.Packet) {
	to := slices.IndexFunc(w.state.Nodes, func(x cellstate.Peer) bool { return x.Addr == p.Peer })
	switch {
	case to < 0:
		return // it has left the cell
	case to == scopeNodes:
		w.atDecider(from, p)
		return
	case from < scopeNodes && w.cut[from][to]:
		return
	}
	l := letter{from: from, to: to, Packet: *p, class: w.classOf(p), sent: w.now}
	if l.class == lateHellos { // the newest says all
		w.letters = slices.DeleteFunc(w.letters, func(o letter) bool { return o.class == lateHellos && o.from == from && o.to == to })
	}
	if w.calm || w.late&l.class == 0 || from == scopeNodes && l.class == lateHellos {
		w.hand(&l)
		return
	}
	var h maphash.Hash
	h.SetSeed(w.seed)
	maphash.WriteComparable(&h, [4]int{from, to, int(l.Tunnel.Stage), int(w.now)})
	_, _ = h.Write(l.Data)
	if l.Tunnel.Chain != nil {
		_, _ = h.Write(l.Tunnel.Chain[:])
	}
	l.sum = h.Sum64()
	w.letters = append(w.letters, l)
}

// classOf says what a letter is.
func (w *cell) classOf(p *wire.Packet) uint8 {
	switch p.Tunnel.Stage {
	case packet.StageChain:
		return lateChain
	case packet.StageHello:
		return lateHellos
	}
	b, rest, _ := chain.ReadBatch(p.Data, w.state.CellID)
	if b.Stream != 0 {
		return lateStreams
	}
	for m := (chain.Message{}); len(rest) > 0; {
		if rest = chain.Next(rest, &m); m.Kind != chain.Ack {
			return lateMessages
		}
	}
	return lateStreams
}

// messages are those of a letter.
func (w *cell) messages(p *wire.Packet) (list []chain.Message) {
	if p.Tunnel.Stage == packet.StageChain {
		m, _ := chain.ParseOption(p.Tunnel.Chain, w.state.CellID)
		return append(list, m)
	}
	if p.Tunnel.Stage != packet.StageMessages {
		return nil
	}
	_, rest, _ := chain.ReadBatch(p.Data, w.state.CellID)
	for m := (chain.Message{}); len(rest) > 0; {
		rest = chain.Next(rest, &m)
		list = append(list, m)
	}
	return list
}

func (w *cell) describe(l *letter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d→%d", l.from, l.to)
	if l.class == lateHellos {
		b.WriteString(" hello")
	} else if l.Tunnel.Stage == packet.StageMessages {
		if h, _, _ := chain.ReadBatch(l.Data, w.state.CellID); h.Stream != 0 {
			fmt.Fprintf(&b, " stream %x, view %d,", h.Stream, h.View>>32)
		}
	}
	for _, m := range w.messages(&l.Packet) {
		fmt.Fprintf(&b, " %v view %d;", m, m.View>>32)
	}
	return b.String()
}

// hand gives a letter, with bytes that are w's own, to its receiver.
func (w *scope) hand(l *letter) {
	if w.nodes[l.to] == nil || w.failure != "" {
		return
	}
	stale := w.stale(l)
	var said string
	var before []uint64
	unheld := w.said[l.to].Unheld
	if stale {
		said, before = w.describe(l), w.decisions(w.nodes[l.to])
	}
	l.Peer = scopeAddr(l.from)
	w.step(l.to, &l.Packet)
	if !stale {
		return
	}
	if after := w.decisions(w.nodes[l.to]); !slices.Equal(before, after) || unheld != w.said[l.to].Unheld {
		w.fail(I5s, "node %d, in view %d, obeyed %s: its decisions were %x, then %x; it held %d, then %d of them alone",
			l.to, w.said[l.to].Counter, said, before, after, unheld, w.said[l.to].Unheld)
	}
}

// open is a letter with bytes of its own: those of what is on its way belong to all
// states, and a node writes into what it gets.
func (l letter) open() *letter {
	l.Data = clone(l.Data)
	if l.Tunnel.Chain != nil {
		c := *l.Tunnel.Chain
		l.Tunnel.Chain = &c
	}
	return &l
}

// step gives a node a datagram.
func (w *scope) step(i int, p *wire.Packet) {
	var v packet.View
	if w.change(i).Step(w.at(i), p, &v) {
		w.collect(i, p)
	} else {
		w.collect(i, nil)
	}
}

// collect ends a node's turn: it takes what the node says, and looks at it.
func (w *scope) collect(i int, p *wire.Packet) {
	n := w.nodes[i]
	var out []wire.Packet
	keep := func(list []wire.Packet) {
		for k := range list {
			q := list[k]
			q.Data = clone(q.Data)
			if q.Tunnel.Chain != nil {
				c := *q.Tunnel.Chain
				q.Tunnel.Chain = &c
			}
			out = append(out, q)
		}
	}
	if p != nil {
		keep([]wire.Packet{*p})
	}
	keep(n.Answers())
	keep(n.Control(w.at(i)))
	n.EndTurn()
	w.said[i] = n.Status(w.at(i))
	w.observe(i)
	for k := range out {
		w.post(i, &out[k])
	}
}

// tick lets a beat pass for all.
func (w *scope) tick() {
	w.now += beat
	w.letters = slices.DeleteFunc(w.letters, func(l letter) bool { return w.now-l.sent > letterMax })
	m := w.changeDecider()
	m.Tick(w.now)
	w.deciderHello()
	for i := range w.nodes {
		if w.nodes[i] != nil {
			w.change(i).Tick(w.at(i))
			w.collect(i, nil)
		}
	}
}

// calmly lets time pass in which all that is said is heard at once, but for what is
// under way already.
func (w *scope) calmly(d time.Duration) {
	was := w.calm
	w.calm = true
	for ; d > 0; d -= beat {
		w.tick()
	}
	w.calm = was
}

// atDecider plays the Decider: its membership, and the one port.
func (w *scope) atDecider(from int, p *wire.Packet) {
	if p.Tunnel.Stage == packet.StageHello {
		if r := w.changeDecider().Hear(w.now, scopeAddr(from), p.Data); r != drop.None {
			panic(r)
		}
		w.deciderHello()
		return
	}
	for _, m := range w.messages(p) {
		switch m.Kind {
		case chain.End:
			w.fact(m.Lease, m.Flow, m.Outside()).ended = true
		case chain.Choose:
			m.Kind, m.Public, m.PublicPort = chain.Chosen, publicBase, scopePort
			if m.Class != 0 {
				m.PublicPort += chain.PortsAnyone + uint16(m.Class) - 1
			}
			q := *p
			q.Tunnel.Hops--
			q.Tunnel.Chain = new([packet.ChainLen]byte)
			chain.PutOption(q.Tunnel.Chain, w.state.CellID, &m)
			q.Peer = scopeAddr(from)
			w.post(scopeNodes, &q)
		}
	}
}

func (w *scope) deciderHello() {
	if hello := w.changeDecider().Hello(w.now); hello != nil {
		hello = clone(hello)
		for i := range scopeNodes {
			w.post(scopeNodes, &wire.Packet{Packet: packet.Packet{Data: hello}, Tunnel: packet.Tunnel{Stage: packet.StageHello, Hops: 1}, Peer: scopeAddr(i)})
		}
	}
}

// udpBack is the internet's answer to what left as an outside tuple.
func udpBack(outside packet.Tuple) []byte {
	return UDP(fmt.Sprintf("%v:%d", outside.Dst, outside.DstPort), fmt.Sprintf("%v:%d", outside.Src, outside.SrcPort), []byte("answer"))
}
