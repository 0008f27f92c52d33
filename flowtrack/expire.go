package flowtrack

import (
	"time"

	"hyperplane/chain"
)

// Tick ends the flows that are past their deadline, frees the ports that are past
// their rest, goes on with the sweep after Apply and renews the Deciders' leases.
// Its work is bounded; what is left is done by the next Tick.
func (m *Master) Tick(now time.Duration, out []chain.Message) []chain.Message {
	m.attend(now)
	for range expiriesPerTickMax {
		i, ok := m.timers.Next(now)
		if !ok {
			break
		}
		if deadline := m.deadline(&m.records[i]); deadline > now {
			m.timers.Schedule(i, deadline)
			continue
		}
		out = m.expire(now, i, out)
	}
	for i := range m.streams {
		m.streams[i].budget = batchesPerTickMax
	}
	return m.recall(now, m.renew(now, m.sweep(now, out)))
}

// expire acts on a deadline: the owner decides, and a holder that has not heard
// from any owner for long forgets (I6).
func (m *Master) expire(now time.Duration, i uint32, out []chain.Message) []chain.Message {
	r := &m.records[i]
	slot := uint32(r.slot)
	switch {
	case !m.Owns(slot) && m.current.mine && m.ownsInView(slot):
		m.timers.Schedule(i, now+chain.ReportPeriod) // until a majority is heard again
		return out
	case !m.valid(r) && m.Owns(slot) && now < m.current.knows[slot]:
		m.timers.Schedule(i, min(m.current.knows[slot], now+replicaGrace)) // its port may be in use
		return out
	case !m.Owns(slot), !m.valid(r):
		m.remove(i)
		return out
	case r.state == Resting && !m.mayFree(now, r):
		m.timers.Schedule(i, now+chain.ReportPeriod)
		return out
	case r.state == Resting:
		note := toDecider(r.message(chain.Release), chain.Release)
		if j, shares := m.sharer(i); shares {
			note = m.leaseNote(j)
		}
		m.remove(i)
		return append(out, note)
	}
	return m.end(now, i, out)
}

// deadline is when the flow ends if no packet comes, or its port is free. Who
// does not own the slot waits longer than the owner.
func (m *Master) deadline(r *record) time.Duration {
	slot := uint32(r.slot)
	owner := m.standing.Alone || m.current.mine && m.ownsInView(slot)
	var d time.Duration
	if r.state == Resting {
		d = r.opened
	} else {
		seen := r.lastSeen
		if owner {
			seen = m.seenByOwner(r)
		}
		d = seen + m.timeout(r) + chain.ReportPeriod
	}
	if !owner {
		d += replicaGrace
	}
	return d
}

// seenByOwner is when the flow last had a packet, for all that its owner can know:
// a new owner has not heard the last report to the one before.
func (m *Master) seenByOwner(r *record) time.Duration {
	if !m.ownsInView(uint32(r.slot)) {
		return r.lastSeen
	}
	return max(r.lastSeen, m.current.owned[r.slot])
}

// timeout is the gateway's for the flow's protocol and state; zero, the sooner
// to end it, when the gateway is gone.
func (m *Master) timeout(r *record) time.Duration {
	if m.state == nil {
		return 0
	}
	gateway := m.state.Gateway(r.service)
	if gateway == nil {
		return 0
	}
	t := &gateway.Timeouts
	switch r.state {
	case Opening, OpeningIn:
		return t.TCPOpening
	case Established:
		return t.TCPIdle
	case Closing:
		return t.TCPClosing
	}
	if r.isEcho() {
		return t.ICMPIdle
	}
	return t.UDPIdle
}

// rearm moves the flow's timer nearer if its deadline has come nearer. A
// deadline that moved away needs nothing: the timer fires, and Tick sets it
// anew. So a busy flow touches the wheel once per timeout, not once per report.
func (m *Master) rearm(i uint32) {
	deadline := m.deadline(&m.records[i])
	if due, ok := m.timers.Deadline(i); !ok || deadline <= due-granularity {
		m.timers.Schedule(i, deadline)
	}
}

// end makes the flow's record one of a port that rests, and says so to the Top
// that last asked, to the other holders and to the Deciders.
func (m *Master) end(now time.Duration, i uint32, out []chain.Message) []chain.Message {
	r := &m.records[i]
	until := max(now+m.portRest(r), r.lastSeen+restGuard)
	if r.traits&quoted != 0 {
		until = max(until, now+ignoranceMax)
	}
	if m.defect == ReusePortAtOnce {
		until = now
	}
	m.ceases(r.inside)
	r.copied = true
	r.state, r.opened, r.lastSeen = Resting, until, now
	m.timers.Schedule(i, until)
	m.lower(i)

	forget := r.message(chain.Forget)
	forget.To = r.top
	out = append(out, forget, m.leaseNote(i))
	if m.standing.Alone {
		return out
	}
	return m.tell(r, until-now, out)
}

// retire makes room for another flow of the same inside tuple through another
// gateway. The stream tells the holders.
func (m *Master) retire(now time.Duration, i uint32) {
	r := &m.records[i]
	m.byInside.Delete(r.inside, i)
	m.ceases(r.inside)
	r.copied = true
	r.state, r.opened, r.lastSeen = Resting, max(now+m.portRest(r), now+restGuard), now
	m.timers.Schedule(i, r.opened)
	m.lower(i)
}

// mayFree reports whether nobody can act any more on the flow that had the port:
// no holder that has not heard of its end and answers for it, no Top with an entry
// from such an answer, no node that has not heard of this view.
func (m *Master) mayFree(now time.Duration, r *record) bool {
	if m.defect == ReusePortAtOnce {
		return true
	}
	if m.standing.Alone {
		return m.aloneMayFree(r)
	}
	return now >= m.entered+restGuard && (len(m.streams) == 0 || r.lastSeen < m.toldLongAgo(now))
}

// portRest is the gateway's, or the default's when the gateway is gone.
func (m *Master) portRest(r *record) time.Duration {
	if m.state != nil {
		if gateway := m.state.Gateway(r.service); gateway != nil {
			return gateway.Timeouts.PortRest
		}
	}
	return restOrphaned
}

// remove forgets a record.
func (m *Master) remove(i uint32) {
	r := &m.records[i]
	m.unbind(i)
	if r.state != Resting {
		m.ceases(r.inside)
	}
	if j, ok := m.findInside(r.inside); ok && j == i {
		m.byInside.Delete(r.inside, i)
	}
	m.byOutside.Delete(r.outside(), i)
	m.onSeat[r.class()]--
	m.timers.Cancel(i)
	m.slab.Give(i)
}
