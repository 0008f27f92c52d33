package decider

import (
	"time"
	"unsafe"

	"hyperplane/chain"
	"hyperplane/packet"
)

// lease is one port, held towards one destination. With the key of its
// destination the port gives the outside tuple, so that is not stored again.
//
//	  0        4        8        12   14   16
//	│       id        │ destin.│port│dead│
type lease struct {
	id          uint64 // the Flow Master's name for the decision
	destination uint32 // and, in its top bit, whether the flow has ended and the port rests
	port        uint16
	// deadline is when it is forgotten, in units of leaseGranularity, modulo 2^16
	// (18 hours). A renewal writes it and leaves the timer alone; the timer is set
	// again when it fires too early.
	deadline uint16
}

// resting is the bit of lease.destination; indexes stay below it.
const resting = 1 << 31

// destination counts what is held of one public address towards one remote
// address and port, or of flows that are Independent towards everybody (0:0). It exists
// while open or seats is positive.
type destination struct {
	key packet.Tuple // an outside tuple with port 0
	// open counts leases of class 0, seats those of all other classes. They never
	// overflow: of all 2^16 ports, 61,440 are in class 0 and 4,096 in the others.
	open, seats uint16
	// rests counts those of both whose flow has ended.
	rests uint16
	_     uint16
}

// living is how many of them are of flows that live.
func (held destination) living() int { return int(held.open) + int(held.seats) - int(held.rests) }

var (
	_ [16]byte = [unsafe.Sizeof(lease{})]byte{}
	_ [24]byte = [unsafe.Sizeof(destination{})]byte{}
)

// renew gives the lease leaseMax from now, rounded up to the granularity.
func (l *lease) renew(now time.Duration) {
	l.deadline = uint16((now+leaseMax-1)/leaseGranularity + 1)
}

// due returns when the lease is to be forgotten; if that is past, a time that is
// not after now. What seems to lie further ahead than renew can set is past: no
// Tick came for hours.
func (l *lease) due(now time.Duration) time.Duration {
	now = now.Truncate(leaseGranularity)
	left := time.Duration(l.deadline-uint16(now/leaseGranularity)) * leaseGranularity
	if left > leaseMax+leaseGranularity {
		return now
	}
	return now + left
}

// adopt takes the Flow Master's word that a port is held. Whoever held it here
// loses it: the owner of the slot knows, this is only a copy. A lease that finds
// no room is left out; its port may then be offered to another flow, and the
// Flow Master refuses that.
func (d *Decider) adopt(now time.Duration, msg *chain.Message) {
	outside := msg.Held()
	i, ok := d.find(outside)
	if !ok {
		if !d.insert(now, outside, msg.Lease) {
			return
		}
		i, _ = d.find(outside)
	}
	l := &d.leases[i]
	l.id = msg.Lease
	l.renew(now)
	d.rest(l, msg.Kind == chain.End)
}

// rest notes whether the lease's flow has ended.
func (d *Decider) rest(l *lease, yes bool) {
	switch was := l.destination&resting != 0; {
	case yes && !was:
		l.destination |= resting
		d.held(l).rests++
	case !yes && was:
		l.destination &^= resting
		d.held(l).rests--
	}
}

// release frees a port, unless the message is about another lease than the one
// that holds it now.
func (d *Decider) release(msg *chain.Message) {
	if i, ok := d.find(msg.Held()); ok && d.leases[i].id == msg.Lease {
		d.free(i)
	}
}

// insert adds a lease of a tuple that is free; false if there is no room.
func (d *Decider) insert(now time.Duration, outside packet.Tuple, id uint64) bool {
	i, ok := d.slab.Take()
	if !ok {
		return false
	}
	at, ok := d.destination(outside)
	if !ok {
		d.slab.Give(i)
		return false
	}
	l := &d.leases[i]
	*l = lease{id: id, destination: at, port: outside.SrcPort}
	l.renew(now)
	*d.count(l)++
	d.timers.Schedule(i, now+leaseMax)
	if !d.byOutside.Add(outside, i) {
		d.free(i)
		return false
	}
	return true
}

// free ends a lease.
func (d *Decider) free(i uint32) {
	l := &d.leases[i]
	d.rest(l, false)
	*d.count(l)--
	held := d.held(l)
	outside := d.outside(l)
	if held.open == 0 && held.seats == 0 {
		d.byDestination.Delete(held.key, l.destination)
		d.destinationSlab.Give(l.destination)
	}
	d.byOutside.Delete(outside, i)
	d.timers.Cancel(i)
	d.slab.Give(i)
}

// find finds the lease of an outside tuple.
func (d *Decider) find(outside packet.Tuple) (uint32, bool) {
	return d.byOutside.Find(outside, func(i uint32) bool {
		l := &d.leases[i]
		return l.port == outside.SrcPort && d.outside(l) == outside
	})
}

// outside is the tuple that a lease holds.
func (d *Decider) outside(l *lease) packet.Tuple {
	outside := d.held(l).key
	outside.SrcPort = l.port
	return outside
}

// findDestination finds the place of a destination by its key.
func (d *Decider) findDestination(key packet.Tuple) (uint32, bool) {
	return d.byDestination.Find(key, func(at uint32) bool { return d.destinations[at].key == key })
}

// held is the destination of a lease.
func (d *Decider) held(l *lease) *destination { return &d.destinations[l.destination&^resting] }

// count returns the count of its destination in which the lease is.
func (d *Decider) count(l *lease) *uint16 {
	held := d.held(l)
	if chain.PortClass(l.port) == 0 {
		return &held.open
	}
	return &held.seats
}

// destination returns the place of the tuple's destination, made if it is new;
// false if there is no room. It is the caller's to count a lease there.
func (d *Decider) destination(outside packet.Tuple) (uint32, bool) {
	key := outside
	key.SrcPort = 0
	if at, ok := d.findDestination(key); ok {
		return at, true
	}
	at, ok := d.destinationSlab.Take()
	if !ok {
		return 0, false
	}
	if !d.byDestination.Add(key, at) {
		d.destinationSlab.Give(at)
		return 0, false
	}
	d.destinations[at] = destination{key: key}
	return at, true
}

// heldTowards returns what is held towards a destination.
func (d *Decider) heldTowards(key packet.Tuple) (held destination) {
	if at, ok := d.findDestination(key); ok {
		held = d.destinations[at]
	}
	return held
}
