package wire

import (
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// datagrams is a received message of which some datagrams may still be to be
// decoded. It is pure: it knows no socket.
type datagrams struct {
	b    []byte
	seg  int // length of each datagram but the last
	left int
	peer packet.Addr4
}

// begin starts on message b, cut every seg bytes; not cut when seg is 0 or
// reaches beyond it. An empty message is one empty datagram: it was received,
// so it must be counted.
func (d *datagrams) begin(b []byte, seg int, peer packet.Addr4) {
	if seg <= 0 || seg > len(b) {
		seg = len(b)
	}
	d.b, d.seg, d.peer, d.left = b, seg, peer, 1
	if seg > 0 {
		d.left = (len(b) + seg - 1) / seg
	}
}

// decode takes datagrams off the message until pkts is full or none is left.
// A bad one is counted by its reason and skipped; the next is judged alone.
func (d *datagrams) decode(pkts []Packet, stats *Stats) (n int) {
	for d.left > 0 && n < len(pkts) {
		size := min(d.seg, len(d.b))
		b := d.b[:size:size] // nobody who extends a packet reaches the next one
		d.b = d.b[size:]
		d.left--
		stats.ReceivedDatagrams++
		p := &pkts[n]
		head, reason := p.Tunnel.Decode(b)
		if reason != drop.None {
			stats.Drops[reason]++
			continue
		}
		p.Data = b[head:]
		p.Room = b[:head] // what lies before is the datagram before
		p.Offload = packet.Offload{GSO: p.Tunnel.GSO, Partial: p.Tunnel.Partial, GSOSize: p.Tunnel.GSOSize}
		p.Peer = d.peer
		stats.ReceivedPackets++
		n++
	}
	return n
}
