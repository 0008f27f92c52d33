package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/liveness"
	"hyperplane/membership"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Signals counts what nodes say to each other without a packet.
type Signals struct {
	Sent, Received uint64 // messages in batches
	Hellos         uint64 // hellos sent, one for each peer
	Lost           uint64 // messages for which a turn had no room; all are said again

	// Datagrams of batches and hellos, probes and the answers to them included;
	// not those received that were dropped.
	DatagramsSent, DatagramsReceived uint64

	Carried uint64 // packets sent to other nodes along the chain
}

// outbox gathers the messages of a turn, by the node that they go to. All of them
// may be lost: they are said again at a constant pace, or cost one retransmission.
type outbox struct {
	cell  uint32
	chunk int // bytes of one datagram
	arena []byte
	other []byte // of the turn before: in memory, what a flush sends is read in the next turn
	used  int    // chunks
	open  []openBatch
	ready []wire.Packet
	given int // of ready, to the shell
	lost  uint64
	sent  uint64

	// A hello may be longer than a batch, and a turn in memory has several.
	hellos  [hellosPerTurn][membership.HelloMax]byte
	hellosN int
}

type openBatch struct {
	to     packet.Addr4
	writer chain.BatchWriter
}

func newOutbox(payload int) outbox {
	chunk := min(payload, chain.BatchHeaderLen+chain.MessageLen*messagesPerBatchMax)
	return outbox{
		chunk: chunk,
		arena: make([]byte, chunk*chunksPerTurnMax),
		other: make([]byte, chunk*chunksPerTurnMax),
		open:  make([]openBatch, 0, openBatchesMax),
		ready: make([]wire.Packet, 0, 2*chunksPerTurnMax+openBatchesMax),
	}
}

// add puts a message into the batch for m.To.
func (o *outbox) add(m *chain.Message) {
	if m.To == 0 {
		return
	}
	for i := range o.open {
		if b := &o.open[i]; b.to == m.To {
			if b.writer.Add(m) {
				return
			}
			o.close(b)
			o.open[i] = o.open[len(o.open)-1]
			o.open = o.open[:len(o.open)-1]
			break
		}
	}
	buffer := o.take()
	if buffer == nil || len(o.open) == cap(o.open) {
		o.lost++
		return
	}
	o.open = append(o.open, openBatch{to: m.To})
	b := &o.open[len(o.open)-1]
	b.writer.Begin(buffer, chain.Batch{Cell: o.cell, View: m.View})
	b.writer.Add(m)
}

// take returns a chunk of the turn's memory, or nil.
func (o *outbox) take() []byte {
	if o.used == chunksPerTurnMax {
		return nil
	}
	b := o.arena[o.used*o.chunk : (o.used+1)*o.chunk : (o.used+1)*o.chunk]
	o.used++
	return b
}

func (o *outbox) close(b *openBatch) {
	o.sent += uint64(b.writer.N())
	o.push(b.to, packet.StageMessages, b.writer.Payload())
}

func (o *outbox) push(to packet.Addr4, stage uint8, payload []byte) {
	o.ready = append(o.ready, wire.Packet{
		Packet: packet.Packet{Data: payload},
		Tunnel: packet.Tunnel{Stage: stage, Hops: 1},
		Peer:   to,
	})
}

func (o *outbox) reset() {
	o.arena, o.other = o.other, o.arena
	o.used, o.given = 0, 0
	o.open, o.ready = o.open[:0], o.ready[:0]
}

// Control returns the control datagrams to be sent in this turn: what is in the
// outbox, and the hello if it is due. Valid until EndTurn.
func (n *Node) Control(now time.Duration) []wire.Packet {
	o := &n.outbox
	for i := range o.open {
		o.close(&o.open[i])
	}
	o.open = o.open[:0]
	if hello := n.member.Hello(now); hello != nil {
		b := &o.hellos[o.hellosN%len(o.hellos)]
		o.hellosN++
		hello = b[:copy(b[:], hello)]
		for i := range n.state.Nodes {
			if a := n.state.Nodes[i].Addr; a != n.self {
				o.push(a, packet.StageHello, hello)
				n.Signals.Hellos++
			}
		}
	}
	fresh := o.ready[o.given:]
	o.given = len(o.ready)
	for i := range fresh {
		n.Traffic.Generated++
		n.Traffic.Queue(telemetry.Wire, len(fresh[i].Data))
	}
	n.Signals.Sent, n.Signals.Lost = o.sent, o.lost
	n.Signals.DatagramsSent += uint64(len(fresh))
	return fresh
}

// control takes a control datagram; true when p, made an answer, is to be sent
// back.
func (n *Node) control(now time.Duration, p *wire.Packet) (bool, drop.Reason) {
	kind, _ := n.state.Peer(p.Peer)
	switch {
	case kind == cellstate.PeerUnknown:
		return false, drop.UnknownPeer
	case p.Tunnel.Hops == 0:
		return false, drop.HopBudget
	case p.Tunnel.Stage == packet.StageProbe:
		r := liveness.AnswerProbe(p.Data, n.outbox.cell, n.servesTop(now), n.incarnation)
		return r == drop.None, r
	case kind != cellstate.PeerNode:
		return false, drop.WrongTenant
	}
	switch p.Tunnel.Stage {
	case packet.StageHello:
		r := n.member.Hear(now, p.Peer, p.Data)
		n.follow(now)
		return false, r
	case packet.StageMessages:
		return false, n.batch(now, p)
	}
	return false, drop.BadMessage
}

// batch takes the messages of a batch.
func (n *Node) batch(now time.Duration, p *wire.Packet) drop.Reason {
	b, rest, r := chain.ReadBatch(p.Data, n.outbox.cell)
	if r != drop.None {
		return r
	}
	var m chain.Message
	for len(rest) > 0 {
		rest = chain.Next(rest, &m)
		m.From, m.To = p.Peer, n.self
		n.Signals.Received++
		n.handle(now, &m)
	}
	if b.Stream != 0 {
		ack, ok := n.master.Heard(now, p.Peer, b.View, b.Stream, b.Last)
		if !ok {
			return drop.StaleEpoch
		}
		n.queue = append(n.queue, ack)
		n.follow(now)
	}
	n.settle(now)
	return drop.None
}

// servesTop says to senders whether to use this node's Top: not while it sees no
// majority of the flow masters. It may be the last one, and go on alone; but then
// senders find no other.
func (n *Node) servesTop(now time.Duration) bool {
	return n.roles.Has(cellstate.RoleTop) && n.member.InTouch(now)
}

// stream sends the copies that are due to the holders of what this node owns.
func (n *Node) stream(now time.Duration) {
	for range chunksPerTurnMax / 2 {
		b, records, ok := n.master.NextBatch(now, n.records[:0])
		n.records = records[:0]
		if !ok {
			return
		}
		buffer := n.outbox.take()
		if buffer == nil {
			return // sent again after streamRetry
		}
		var w chain.BatchWriter
		w.Begin(buffer, chain.Batch{Cell: n.outbox.cell, Last: b.Last, Stream: b.Number, View: n.entered})
		for i := range records {
			w.Add(&records[i])
		}
		n.outbox.sent += uint64(w.N())
		n.outbox.push(b.To, packet.StageMessages, w.Payload())
	}
}

// optionRing is where chain options are written until they are sent.
type optionRing struct {
	ring [optionsPerTurn][packet.ChainLen]byte
	next int
}

func (o *optionRing) take() *[packet.ChainLen]byte {
	b := &o.ring[o.next%optionsPerTurn]
	o.next++
	return b
}
