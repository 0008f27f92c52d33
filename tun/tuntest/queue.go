package tuntest

import "hyperplane/packet"

// queue holds copies of packets, first in first out. Its buffers are used
// again, so that a test of what allocates is not disturbed by it.
type queue struct {
	ring  [queuePacketsMax]packet.Packet
	first int
	n     int
	out   []packet.Packet // what drain returned last
}

// push appends a packet given in parts. False: the queue is full.
func (q *queue) push(off packet.Offload, head []byte, bodies [][]byte) bool {
	if q.n == len(q.ring) {
		return false
	}
	p := &q.ring[(q.first+q.n)%len(q.ring)]
	p.Offload = off
	p.Data = append(p.Data[:0], head...)
	for _, b := range bodies {
		p.Data = append(p.Data, b...)
	}
	q.n++
	return true
}

// pop removes the first packet, which stays valid until the next push.
func (q *queue) pop() (packet.Packet, bool) {
	if q.n == 0 {
		return packet.Packet{}, false
	}
	p := q.ring[q.first]
	q.first = (q.first + 1) % len(q.ring)
	q.n--
	return p, true
}

// drain removes all packets, which stay valid until the next push.
func (q *queue) drain() []packet.Packet {
	q.out = q.out[:0]
	for p, ok := q.pop(); ok; p, ok = q.pop() {
		q.out = append(q.out, p)
	}
	return q.out
}
