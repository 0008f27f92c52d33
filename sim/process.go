package sim

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/loop"
	"hyperplane/telemetry"
)

// process is one worker with a loop, a clock and a place on the network. What
// it had in memory goes with a crash; nothing is kept on disk, so it never
// comes back with an old state, only with none.
type process struct {
	w     *World
	index int
	name  string
	kind  cellstate.PeerKind
	room  int // datagrams that wait for it
	clock clock

	up, stopped bool
	life        int32 // counts its starts
	loop        *loop.Loop
	role        Role
	node        Inspector // of a cell node
	port        *port
	devices     []*device
	version     uint64 // of the state that it has

	lastTick time.Duration // of the loop, by its own clock
	queued   bool          // a turn is scheduled
	cost     time.Duration // of each turn
	busy     time.Duration // until when the last one lasts
	reads    int           // packets read from its devices, up to the last check
	applied  bool          // a state, since the last turn
	misses   uint64        // of its Top, up to the last check
	whole    time.Duration // when all its flows were last on two nodes
	said     NodeStatus    // of itself, in the trace
}

// start runs a process that is not up.
func (w *World) start(p *process) {
	if p.up || w.gone[p.index] && p.kind == cellstate.PeerNode {
		return
	}
	p.up, p.stopped, p.queued, p.busy, p.lastTick = true, false, false, 0, 0
	p.life++
	d := newDice(w.plan.Seed, forProcesses, uint64(p.index), uint64(p.life))
	p.clock = clock{start: w.now, offset: d.between(0, loop.Tick), skew: p.clock.skew}
	var err error
	if p.loop, err = loop.New(); err != nil {
		w.fail("simulator", err.Error())
		return
	}
	p.port = w.net.open(p.index, p.room)
	p.devices = nil
	switch p.kind {
	case cellstate.PeerNode:
		p.role, p.node, err = newNode(p.loop, p.port, p.name, p.clock.at(w.now), &d, w.plan)
	case cellstate.PeerEdge:
		p.role, err = w.newEdge(p)
	case cellstate.PeerHost:
		p.role, err = w.newHost(p, &d)
	}
	if err != nil {
		w.fail("simulator", err.Error())
		return
	}
	w.note(fmt.Sprintf("%s starts", p.name))
	w.apply(p)
	w.events.push(p.clock.when(loop.Tick), evTick, int32(p.index), p.life)
}

// apply hands the newest state to a process.
func (w *World) apply(p *process) {
	if !p.up || p.stopped {
		return
	}
	p.version, p.applied = w.version, true
	if err := p.role.Apply(p.clock.at(w.now), w.state); err != nil {
		w.fail("simulator", fmt.Sprintf("%s: %v", p.name, err))
		return
	}
	w.soon(p)
}

// crash ends a process with all that it knows.
func (w *World) crash(p *process) {
	if !p.up {
		return
	}
	w.note(fmt.Sprintf("%s dies", p.name))
	w.checkAccount(p)
	if p.node != nil {
		w.died[p.index] = w.now
	}
	p.up, p.stopped = false, false
	_ = p.port.Close()
	for _, d := range p.devices {
		_ = d.Close()
	}
	p.loop.Close()
	p.loop, p.role, p.node, p.devices = nil, nil, nil, nil
}

// pause stops a process as SIGSTOP does: its datagrams wait, its clock goes on.
func (p *process) pause() {
	if p.up {
		p.stopped = true
	}
}

// resume lets it go on, with all that has come to wait.
func (p *process) resume() {
	if !p.up || !p.stopped {
		return
	}
	p.stopped = false
	if p.node != nil {
		p.w.sometimes[ZombieResumed]++
	}
	if p.version != p.w.version {
		p.w.apply(p)
	}
	p.w.soon(p)
	p.w.events.push(p.w.now, evTick, int32(p.index), p.life)
}

// soon schedules a turn.
func (w *World) soon(p *process) {
	if p.up && !p.stopped && !p.queued {
		p.queued = true
		w.events.push(max(w.now, p.busy), evTurn, int32(p.index), p.life)
	}
}

// awake runs a turn now, or as soon as the last one is over.
func (w *World) awake(p *process) {
	switch {
	case !p.up || p.stopped || p.queued:
	case w.now < p.busy:
		w.soon(p)
	default:
		w.turn(p)
	}
}

// tick is due by the process's clock.
func (w *World) tick(p *process, life int32) {
	if !p.up || p.stopped || p.life != life {
		return // resume schedules the next one
	}
	local := p.clock.at(w.now)
	switch {
	case local-p.lastTick < loop.Tick: // a turn was faster
	case w.now < p.busy:
		w.events.push(p.busy, evTick, int32(p.index), life)
		return
	default:
		w.turn(p)
	}
	w.events.push(p.clock.when(p.lastTick+loop.Tick), evTick, int32(p.index), life)
}

// turn runs one turn of a process and takes what it gave to its devices.
func (w *World) turn(p *process) {
	w.turns++
	p.queued = false
	local := p.clock.at(w.now)
	ticks := local-p.lastTick >= loop.Tick
	if ticks {
		p.lastTick = local
	}
	w.hash.add(uint64(w.now), uint64(p.index), nil)
	p.loop.Turn(local)
	if p.cost > 0 {
		p.busy = w.now + p.cost
	}
	w.afterTurn(p, ticks)
	p.port.endTurn()
	for _, d := range p.devices {
		w.drain(p, d)
	}
	if len(p.port.inbox) > 0 {
		w.soon(p)
	}
}

// drain passes on what a process wrote to a device.
func (w *World) drain(p *process, d *device) {
	for i := 0; i < len(d.out); i++ {
		id := d.out[i]
		if d.client == nil {
			w.toInternet(id)
			continue
		}
		w.toInstance(d.client, w.pool.bytes(id))
		w.pool.give(id)
	}
	d.out = d.out[:0]
}

// account is what a role has counted.
func (p *process) account() telemetry.Traffic { return p.role.Snapshot(p.clock.at(p.w.now)).Traffic }
