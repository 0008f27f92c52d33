package sim

import (
	"net"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// port is a process's end of the network: a wire.Conn whose datagrams are
// encoded and decoded as on a socket. It dies with its process.
type port struct {
	net    *network
	place  int32
	closed bool
	inbox  []int32 // datagrams, oldest first
	read   []int32 // those that this turn has seen
	room   int
	stats  wire.Stats
	out    []byte // scratch of Send
	inputs int    // datagrams taken from and given to the network in this turn:
	sends  int    // what I10 compares
	chains int    // of the datagrams taken, those with a message of the chain
}

var _ wire.Conn = (*port)(nil)

func (n *network) open(place, room int) *port {
	p := &port{net: n, place: int32(place), room: room}
	n.ports[place] = p
	return p
}

// take queues a datagram that has arrived; beyond the room it is dropped, as by
// a socket whose buffer is full.
func (p *port) take(d int32) {
	if len(p.inbox) >= p.room {
		p.stats.Overflow++
		p.net.w.sometimes[InboxFull]++
		p.net.w.pool.give(d)
		return
	}
	p.inbox = append(p.inbox, d)
}

// Recv implements wire.Conn.
func (p *port) Recv(pkts []wire.Packet) (n int, err error) {
	if p.closed {
		return 0, net.ErrClosed
	}
	taken := 0
	for _, d := range p.inbox {
		if n == len(pkts) {
			break
		}
		taken++
		p.read = append(p.read, d)
		p.inputs++
		p.stats.ReceivedDatagrams++
		b := p.net.w.pool.bytes(d)
		pkt := &pkts[n]
		head, reason := pkt.Tunnel.Decode(b)
		if reason != drop.None {
			p.stats.Drops[reason]++
			continue
		}
		pkt.Data = b[head:len(b):len(b)]
		pkt.Room = b[:head:len(b)]
		pkt.Offload = packet.Offload{GSO: pkt.Tunnel.GSO, Partial: pkt.Tunnel.Partial, GSOSize: pkt.Tunnel.GSOSize}
		pkt.Peer = p.net.addrs[p.net.w.arrivals.from(d)]
		p.stats.ReceivedPackets++
		if pkt.Tunnel.Stage == packet.StageChain {
			p.chains++
		}
		n++
	}
	p.inbox = p.inbox[:copy(p.inbox, p.inbox[taken:])]
	return n, nil
}

// Send implements wire.Conn.
func (p *port) Send(pkt *wire.Packet) {
	if p.closed {
		p.stats.RefusedPackets++
		return
	}
	t := pkt.Tunnel
	t.Describe(pkt.Data, pkt.Offload)
	p.out = grow(p.out, t.Len()+len(pkt.Data))
	n := t.Encode(p.out)
	n += copy(p.out[n:], pkt.Data)
	p.sends++
	if t.Control() {
		p.net.w.controls++
	}
	p.stats.SentPackets++
	p.stats.SentDatagrams++
	p.net.w.watchSend(p, pkt)
	p.net.send(p.place, pkt.Peer, p.out[:n])
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, 2*n)
	}
	return b[:n]
}

// endTurn gives back what the turn has read.
func (p *port) endTurn() {
	for _, d := range p.read {
		p.net.w.pool.give(d)
	}
	p.read = p.read[:0]
	p.inputs, p.sends, p.chains = 0, 0, 0
}

// Flush implements wire.Conn: everything has been sent already.
func (p *port) Flush() {}

// FD implements wire.Conn.
func (p *port) FD() int { return -1 }

// Stats implements wire.Conn.
func (p *port) Stats() *wire.Stats { return &p.stats }

// LocalAddr implements wire.Conn.
func (p *port) LocalAddr() packet.Addr4 { return p.net.addrs[p.place] }

// MaxPacket implements wire.Conn: nothing is cut here.
func (p *port) MaxPacket() int { return packet.PacketMax }

// Close implements wire.Conn. What waited is lost.
func (p *port) Close() error {
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	p.endTurn()
	for _, d := range p.inbox {
		p.net.w.pool.give(d)
	}
	p.stats.Overflow += uint64(len(p.inbox))
	p.inbox = nil
	p.net.ports[p.place] = nil
	return nil
}
