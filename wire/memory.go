package wire

import (
	"net"

	"hyperplane/packet"
)

// Exchange carries packets between roles in one process. A packet travels by
// reference: the sender's buffer is borrowed until the turn ends, and the loop
// drains every port within the turn (Pending returns 0). Superpackets are
// never cut and nothing is encapsulated; only a chain option is copied, which
// over UDP the sender may reuse at once too. It belongs to one goroutine.
type Exchange struct {
	ports   map[packet.Addr4]*port
	pending int
}

// NewExchange returns an Exchange without ports.
func NewExchange() *Exchange { return &Exchange{ports: map[packet.Addr4]*port{}} }

// Port returns the connection of address a, opening it if need be. A packet
// sent to an address without one is refused.
func (x *Exchange) Port(a packet.Addr4) Conn {
	p := x.ports[a]
	if p == nil {
		p = &port{exchange: x, addr: a, inbox: make([]Packet, inboxPacketsMax), chains: make([][packet.ChainLen]byte, inboxPacketsMax)}
		x.ports[a] = p
	}
	return p
}

// Pending is the number of packets sent and not yet received, at all ports.
func (x *Exchange) Pending() int { return x.pending }

// port is one role's end: a ring of packets that wait for it.
type port struct {
	exchange *Exchange
	addr     packet.Addr4
	closed   bool
	inbox    []Packet
	chains   [][packet.ChainLen]byte // of the packets at the same places
	first, n int
	held     int // places before first whose chains the last Recv handed out
	stats    Stats
}

func (p *port) Send(pkt *Packet) {
	to := p.exchange.ports[pkt.Peer]
	if p.closed || to == nil || to.n+to.held == len(to.inbox) || !pkt.wellFormed() {
		p.stats.RefusedPackets++
		return
	}
	i := (to.first + to.n) % len(to.inbox)
	slot := &to.inbox[i]
	to.n++
	p.exchange.pending++
	*slot = *pkt
	slot.Peer = p.addr
	if pkt.Tunnel.Control() {
		slot.Offload = packet.Offload{}
	}
	t := &slot.Tunnel
	t.Describe(slot.Data, slot.Offload)
	if t.Chain != nil {
		to.chains[i] = *t.Chain
		t.Chain = &to.chains[i]
	}
	p.stats.SentPackets++
	p.stats.SentDatagrams++
}

func (p *port) Recv(pkts []Packet) (int, error) {
	if p.closed {
		return 0, net.ErrClosed
	}
	n := min(len(pkts), p.n)
	for i := range n {
		pkts[i] = p.inbox[p.first]
		p.first = (p.first + 1) % len(p.inbox)
	}
	p.n -= n
	p.held = n
	p.exchange.pending -= n
	p.stats.ReceivedDatagrams += uint64(n)
	p.stats.ReceivedPackets += uint64(n)
	return n, nil
}

func (p *port) Flush()                  {}
func (p *port) FD() int                 { return -1 }
func (p *port) Stats() *Stats           { return &p.stats }
func (p *port) LocalAddr() packet.Addr4 { return p.addr }
func (p *port) MaxPacket() int          { return ipLenMax }

// Close takes the port off the exchange. What still waited for it is lost, as
// in the buffer of a socket, and counted as overflow.
func (p *port) Close() error {
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	p.stats.Overflow += uint64(p.n)
	p.exchange.pending -= p.n
	p.n, p.held = 0, 0
	delete(p.exchange.ports, p.addr)
	return nil
}
