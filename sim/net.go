package sim

import (
	"time"

	"hyperplane/packet"
)

// network is the underlay: places, each an address, and a link for every
// ordered pair of them.
type network struct {
	w      *World
	addrs  []packet.Addr4
	places map[packet.Addr4]int32
	links  []link // [from*len(addrs)+to]
	ports  []*port

	// Every datagram sent ends in one of these, or is still under way.
	sent, copied, arrived, lost, corrupted, nobody uint64
	onWay                                          uint64
}

func newNetwork(w *World, addrs []packet.Addr4, shape func(from, to int, d *dice) linkShape) *network {
	n := &network{w: w, addrs: addrs, places: map[packet.Addr4]int32{}}
	n.ports = make([]*port, len(addrs))
	n.links = make([]link, len(addrs)*len(addrs))
	for i, a := range addrs {
		n.places[a] = int32(i)
		for j := range addrs {
			l := n.link(i, j)
			l.dice = newDice(w.plan.Seed, forLinks, uint64(i), uint64(j))
			l.base = shape(i, j, &l.dice)
		}
	}
	return n
}

func (n *network) link(from, to int) *link { return &n.links[from*len(n.addrs)+to] }

// send takes a datagram that place from addressed to peer.
func (n *network) send(from int32, peer packet.Addr4, b []byte) {
	n.sent++
	to, known := n.places[peer]
	if !known {
		n.nobody++
		return
	}
	n.w.trace(traceSend, from, to, b)
	l := n.link(int(from), int(to))
	f := l.send(n.w.now)
	if (f.lost || f.corrupt) && !f.byFault {
		n.w.unlucky(b)
	}
	if f.lost {
		n.lost++
		n.w.trace(traceLost, from, to, b)
		return
	}
	n.copied += uint64(f.n - 1)
	for i := range f.n {
		d := n.w.pool.copy(b)
		if f.corrupt {
			flip(n.w.pool.bytes(d), &l.dice)
			if !n.w.plan.DeliverCorrupt {
				// UDP's checksum sees all but one in 65,536 of these, and the
				// one that remains is what DeliverCorrupt is for.
				n.corrupted++
				n.w.pool.give(d)
				continue
			}
		}
		l.onWay++
		n.onWay++
		n.w.arrivals.put(d, from, to)
		n.w.events.push(f.at[i], evArrive, to, d)
	}
}

// arrive puts a datagram into its port.
func (n *network) arrive(now time.Duration, d int32) *port {
	from, to := n.w.arrivals.from(d), n.w.arrivals.to(d)
	n.link(int(from), int(to)).onWay--
	n.onWay--
	p := n.ports[to]
	if p == nil {
		n.nobody++
		n.w.pool.give(d)
		return nil
	}
	n.arrived++
	p.take(d)
	return p
}

// unaccounted is zero when every datagram has a fate (I8).
func (n *network) unaccounted() int64 {
	return int64(n.sent + n.copied - n.arrived - n.lost - n.corrupted - n.nobody - n.onWay)
}

// flip changes one to three bits.
func flip(b []byte, d *dice) {
	for range d.from(1, 3) {
		i := d.below(len(b) * 8)
		b[i/8] ^= 1 << (i % 8)
	}
}

// arrivals remembers between which places each datagram under way travels.
type arrivals struct{ ends []uint32 }

func (a *arrivals) put(d, from, to int32) {
	for int(d) >= len(a.ends) {
		a.ends = append(a.ends, 0)
	}
	a.ends[d] = uint32(from)<<16 | uint32(to)
}

func (a *arrivals) from(d int32) int32 { return int32(a.ends[d] >> 16) }
func (a *arrivals) to(d int32) int32   { return int32(a.ends[d] & 0xffff) }
