package liveness

import (
	"encoding/binary"
	"slices"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Probe is a request to send to a Top.
type Probe struct {
	To      packet.Addr4
	Payload []byte
}

// Datagram is the probe as it is sent.
func (p Probe) Datagram() wire.Packet {
	return wire.Packet{
		Packet: packet.Packet{Data: p.Payload},
		Tunnel: packet.Tunnel{Stage: packet.StageProbe, Hops: 1},
		Peer:   p.To,
	}
}

// prepare makes room for a probe to each Top. Each has bytes of its own: in
// memory the request travels by reference and becomes the answer in place.
func (d *Detector) prepare() {
	d.probes = make([]Probe, len(d.tops))
	payloads := make([]byte, len(d.tops)*ProbeLen)
	for i := range d.tops {
		d.probes[i] = Probe{To: d.tops[i].Addr, Payload: payloads[i*ProbeLen : (i+1)*ProbeLen : (i+1)*ProbeLen]}
	}
}

// Probes returns the requests to send now, one to each Top, whatever is known of
// it. They are valid until the next call.
func (d *Detector) Probes(now time.Duration) []Probe {
	d.asked[d.askedN%askedMax] = now
	d.askedN++
	d.Asked += uint64(len(d.probes))
	for i := range d.probes {
		request(d.probes[i].Payload, d.cell, uint64(now))
	}
	return d.probes
}

// Receive takes a datagram of a stage that only a node sends to its peers in the
// tiers; kind is what the sender p.Peer is. Answers to probes are the only ones
// that a host or edge has a use for.
func (d *Detector) Receive(kind cellstate.PeerKind, p *wire.Packet) drop.Reason {
	switch {
	case kind == cellstate.PeerUnknown:
		return drop.UnknownPeer
	case kind != cellstate.PeerNode:
		return drop.WrongTenant
	case p.Tunnel.Hops == 0:
		return drop.HopBudget
	case p.Tunnel.Stage != packet.StageProbe:
		return drop.BadMessage
	}
	return d.Answer(p.Peer, p.Data)
}

// Answer takes what the Top with address from answered. Refused are what is no
// answer of this cell, what comes from no Top, and what answers nothing that was
// asked, was answered already, or was overtaken by a newer answer. What an
// answer changes shows at the next Tick.
func (d *Detector) Answer(from packet.Addr4, payload []byte) drop.Reason {
	i := slices.IndexFunc(d.tops, func(t top) bool { return t.Addr == from })
	if i < 0 {
		return drop.UnknownPeer
	}
	if r := check(payload, kindAnswer, d.cell); r != drop.None {
		return r
	}
	t := &d.tops[i]
	at := time.Duration(binary.BigEndian.Uint64(payload[8:]))
	if !slices.Contains(d.asked[:min(d.askedN, askedMax)], at) || at <= t.newest {
		return drop.BadMessage
	}
	incarnation := binary.BigEndian.Uint64(payload[16:])
	if t.answered && incarnation != t.incarnation {
		t.restarted = true
	}
	t.answered, t.incarnation, t.newest = true, incarnation, at
	t.serving = payload[2]&flagServing != 0
	t.deadline = max(t.deadline, at+downAfter)
	d.Answered++
	return drop.None
}
