package nitrosim

import (
	"time"

	"hyperplane/flowtable"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// egress is the egress-only gateway: what instances of this host may be answered from the
// internet by IPv6.
//
// Nothing is translated, so there is nothing that two flows could share, and who has to
// know a flow is the host whose instance has begun it. So its flows are here and nowhere
// else: they live and die with the host, as the instance does (fate sharing; Clark, "The
// Design Philosophy of the DARPA Internet Protocols", section 3).
//
//	            packet out                answer                FIN both ways, RST
//	(none) ───────────────▶ opening ─────────────▶ open ─────────────────────▶ closing
//	   ▲                        │ egressOpening      │ egressOpen…                 │ egressClosing
//	   └────────────────────────┴────────────────────┴─────────────────────────────┘
//
// A packet out begins a flow whatever it is: the instance may send what it likes, and
// after this process was started again that is how flows come back. For those of TCP that
// wait for the other side, segments without SYN pass for egressGrace after the start: they
// open nothing.
type egress struct {
	byTuple   *flowtable.Index
	free      *flowtable.Slab
	flows     []egressFlow
	held      map[packet.Addr6]int // flows of each instance
	seed      flowtable.Seed
	since     time.Duration // when this process had its first state
	sweep     int
	lastSweep time.Duration

	Refused uint64 // flows not remembered: the table or the instance's share was full
}

type egressFlow struct {
	tuple packet.Tuple6 // as the instance sends, with its VNI
	seen  time.Duration
	state egressState // 0: the record is free
	fins  uint8       // finOut, finIn
}

type egressState uint8

const (
	egressOpening egressState = iota + 1
	egressOpen
	egressClosing
)

const (
	finOut = 1 << iota
	finIn
)

func newEgress(seed flowtable.Seed) *egress {
	return &egress{
		byTuple: flowtable.NewIndex(egressFlowsMax, seed),
		free:    flowtable.NewSlab(egressFlowsMax),
		flows:   make([]egressFlow, egressFlowsMax),
		held:    map[packet.Addr6]int{},
		seed:    seed, since: -1,
	}
}

// begin notes when this process had its first state.
func (e *egress) begin(now time.Duration) {
	if e.since < 0 {
		e.since = now
	}
}

// leaves takes a packet out of the flow t, which may begin it. An ICMP error belongs to a
// flow and begins none.
func (e *egress) leaves(now time.Duration, t packet.Tuple6, kind packet.Kind, flags uint8) drop.Reason {
	i, ok := e.find(t)
	if kind == packet.KindICMPError {
		return drop.None
	}
	if !ok {
		if i, ok = e.open(t); !ok {
			e.Refused++
			return drop.FlowTableFull
		}
	}
	f := &e.flows[i]
	if f.state == egressClosing && kind == packet.KindTCP && flags&packet.TCPSyn != 0 {
		f.state, f.fins = egressOpening, 0 // the next connection between the same ends
	}
	f.seen = now
	f.observe(kind, flags, finOut)
	return drop.None
}

// returns takes a packet from the internet: whether it belongs to the flow t, which is as
// the instance sends it.
func (e *egress) returns(now time.Duration, t packet.Tuple6, kind packet.Kind, flags uint8) bool {
	i, ok := e.find(t)
	switch {
	case !ok:
		return kind == packet.KindTCP && flags&packet.TCPSyn == 0 && now-e.since < egressGrace
	case kind == packet.KindICMPError:
		return true // an error neither ends nor prolongs a flow
	}
	f := &e.flows[i]
	if f.state == egressOpening {
		f.state = egressOpen
	}
	f.seen = now
	f.observe(kind, flags, finIn)
	return true
}

func (f *egressFlow) observe(kind packet.Kind, flags, fin uint8) {
	if kind != packet.KindTCP {
		return
	}
	if flags&packet.TCPFin != 0 {
		f.fins |= fin
	}
	if flags&packet.TCPRst != 0 || f.fins == finOut|finIn {
		f.state = egressClosing
	}
}

// idle is how long the flow may be silent.
func (f *egressFlow) idle() time.Duration {
	switch proto := f.tuple.Proto(); {
	case f.state == egressClosing:
		return egressClosingIdle
	case proto == packet.ProtoUDP:
		return egressUDPIdle
	case proto == packet.ProtoICMPv6:
		return egressICMPIdle
	case f.state == egressOpening:
		return egressOpeningIdle
	}
	return egressTCPIdle
}

func (e *egress) find(t packet.Tuple6) (uint32, bool) {
	return e.byTuple.Find(e.digest(&t), func(i uint32) bool { return e.flows[i].tuple == t })
}

// digest is the key of a flow in the index, whose keys are shorter: 16 bytes of keyed hash,
// so that nobody can choose two flows that have the same.
func (e *egress) digest(t *packet.Tuple6) packet.Tuple {
	a, b := e.seed.Hash128(t.Words())
	return packet.Tuple{Net: uint32(a >> 32), Src: packet.Addr4(a), Dst: packet.Addr4(b >> 32), SrcPort: uint16(b >> 16), DstPort: uint16(b)}
}

// open takes a record for a flow, unless the table or the share of its instance is full.
func (e *egress) open(t packet.Tuple6) (uint32, bool) {
	if e.held[t.Src] >= egressFlowsPerInstanceMax {
		return 0, false
	}
	i, ok := e.free.Take()
	if !ok {
		return 0, false
	}
	if !e.byTuple.Add(e.digest(&t), i) {
		e.free.Give(i)
		return 0, false
	}
	e.flows[i] = egressFlow{tuple: t, state: egressOpening}
	e.held[t.Src]++
	return i, true
}

// expire visits a share of the records: all of them in a sweepPeriod.
func (e *egress) expire(now time.Duration) {
	elapsed := now - e.lastSweep
	e.lastSweep = now
	high := e.free.High()
	for range min(int64(high), int64(high)*int64(elapsed)/int64(sweepPeriod)+1) {
		if e.sweep >= high {
			e.sweep = 0
		}
		if f := &e.flows[e.sweep]; f.state != 0 && now-f.seen > f.idle() {
			e.close(uint32(e.sweep))
		}
		e.sweep++
	}
}

func (e *egress) close(i uint32) {
	f := &e.flows[i]
	e.byTuple.Delete(e.digest(&f.tuple), i)
	if e.held[f.tuple.Src]--; e.held[f.tuple.Src] == 0 {
		delete(e.held, f.tuple.Src)
	}
	*f = egressFlow{}
	e.free.Give(i)
}
