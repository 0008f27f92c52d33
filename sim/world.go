package sim

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
)

// World is a cell with its tenants, the internet and everything that goes
// wrong between them. One thread runs it; it is a function of its plan.
type World struct {
	plan   *Plan
	now    time.Duration
	steps  uint64
	turns  uint64
	events events
	hash   fingerprint

	pool     pool
	arrivals arrivals
	net      *network
	procs    []*process
	state    *cellstate.State
	version  uint64
	gone     map[int]bool // nodes that the state does not declare
	draining map[int]bool // nodes that it lets drain

	instances map[string]*instance
	clients   []*client
	conns     []*conn // all there ever were, by number
	live      []*conn // those that are not over
	serving   map[packet.Tuple]*serverConn
	tuples    map[packet.Tuple]*conn        // who used an outside tuple last
	lastOf    map[packet.Tuple]*conn        // and an inside tuple
	mapped    map[packet.Tuple]*conn        // and an inside endpoint whose mappings are independent
	ports     map[packet.Tuple]*conn        // and a public one
	exposed   map[packet.Tuple]packet.Tuple // the inside of what has left as an outside tuple
	seen      map[packet.Tuple]claim        // scratch of checkTuples

	internetDice, serverDice dice
	scratch                  []byte
	ident                    uint16
	view                     packet.View

	// What is lost; see loss.go.
	lost         []int
	repaired     []time.Duration
	died         []time.Duration
	excusedUntil time.Duration
	disturbed    time.Duration // until then nobody is asked for an answer in time

	mustMove  []mustMove
	careful   bool // every check at every step
	tracing   *tracer
	controls  int // datagrams without a packet, since the last checkPace
	failure   *Failure
	stats     Stats
	sometimes [counters]uint64
}

// checkPeriod is how often the checks are made that look at everything.
const checkPeriod = 100 * time.Millisecond

// newSimulation builds the world of a plan.
func newSimulation(p *Plan) *World {
	n := p.places()
	w := &World{
		plan: p, gone: map[int]bool{}, draining: map[int]bool{},
		serving: map[packet.Tuple]*serverConn{}, tuples: map[packet.Tuple]*conn{}, lastOf: map[packet.Tuple]*conn{}, mapped: map[packet.Tuple]*conn{}, ports: map[packet.Tuple]*conn{}, exposed: map[packet.Tuple]packet.Tuple{}, seen: map[packet.Tuple]claim{},
		internetDice: newDice(p.Seed, forInternet), serverDice: newDice(p.Seed, forServers),
		scratch: make([]byte, 2048),
		lost:    make([]int, n), repaired: make([]time.Duration, n), died: make([]time.Duration, n),
		excusedUntil: -1,
	}
	addrs := make([]packet.Addr4, n)
	for i := range addrs {
		addrs[i] = placeAddr(i)
		w.died[i] = -time.Hour
	}
	w.net = newNetwork(w, addrs, func(from, to int, d *dice) linkShape {
		return linkShape{
			min: p.mean / 3, mean: p.mean, loss: p.lossy, bits: p.bits,
			duplicate: p.untidy, reorder: p.untidy,
		}
	})
	w.newClients()
	w.newProcesses()
	for i, f := range p.Faults {
		w.events.push(f.At, evFault, int32(i), 0)
		w.events.push(f.At+f.For, evHeal, int32(i), 0)
	}
	w.events.push(checkPeriod, evCheck, 0, 0)
	if p.Stopping > 0 {
		w.events.push(p.Stopping+healMax, evRepaired, 0, 0)
	}
	return w
}

func (w *World) newProcesses() {
	p := w.plan
	w.version = 1
	s, err := cellstate.Compile("simulated", p.spec(w.version, w.gone, w.draining))
	if err != nil {
		w.fail("simulator", err.Error())
		return
	}
	w.state = s
	for _, peers := range [][]cellstate.Peer{s.Nodes, s.Edges, s.Hosts} {
		for i := range peers {
			d := newDice(p.Seed, forProcesses, uint64(len(w.procs)))
			r := &process{w: w, index: len(w.procs), name: peers[i].Name, kind: peers[i].Kind, room: inboxMax}
			if d.below(4) == 0 {
				r.room = inboxMin
			}
			if p.skew > 0 {
				r.clock.skew = d.from(-p.skew, p.skew)
			}
			w.procs = append(w.procs, r)
		}
	}
	for _, r := range w.procs {
		w.start(r)
	}
}

// run lets the plan's time pass, or stops at the first violation.
func (w *World) run() {
	var instant uint64
	for w.failure == nil {
		e, ok := w.events.pop()
		if !ok || e.at > w.plan.Duration {
			break
		}
		if e.at > w.now {
			instant = w.steps
		} else if w.steps-instant > eventsPerInstantMax {
			w.violate(I10, fmt.Sprintf("%d events at one instant", eventsPerInstantMax))
		}
		w.now = e.at
		w.steps++
		w.do(&e)
	}
	if w.failure == nil {
		w.check()
		w.checkMoved()
	}
}

func (w *World) do(e *event) {
	switch e.kind {
	case evArrive:
		w.hash.add(uint64(w.now), uint64(e.who), w.pool.bytes(e.what))
		if p := w.net.arrive(w.now, e.what); p != nil {
			w.awake(w.procs[e.who])
		}
	case evTick:
		w.tick(w.procs[e.who], e.what)
	case evTurn:
		if p := w.procs[e.who]; p.life == e.what && p.queued {
			p.queued = false
			w.awake(p)
		}
	case evFault:
		w.begin(&w.plan.Faults[e.who])
	case evHeal:
		w.end(&w.plan.Faults[e.who])
	case evRestart:
		w.step(w.procs[e.who], e.what)
	case evApply:
		if p := w.procs[e.who]; p.version < uint64(e.what) {
			w.apply(p)
		}
	case evClient:
		w.act(w.clients[e.who], e.what)
	case evTimer:
		w.timer(w.conns[e.who-1], e.what)
	case evServer:
		w.serverTimer(w.conns[e.who-1], e.what)
	case evOutside:
		w.atServer(e.what)
	case evInside:
		w.toEdge(w.procs[e.who], e.what)
	case evCheck:
		w.check()
		w.events.push(w.now+checkPeriod, evCheck, 0, 0)
	case evRepaired:
		w.repairedNow()
	}
}

// close gives back what the processes hold.
func (w *World) close() {
	for _, p := range w.procs {
		if p.up && p.loop != nil {
			p.loop.Close()
		}
	}
}
