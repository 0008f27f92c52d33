package flowtrack

import (
	"time"

	"hyperplane/chain"
)

// Tick ends the flows that are past their deadline, each with a Forget for the
// Tops and a Release for the Decider, and continues the sweep after Apply. Its
// work is bounded; what is left is done by the next Tick.
func (m *Master) Tick(now time.Duration, out []chain.Message) []chain.Message {
	for range expiriesPerTickMax {
		i, ok := m.timers.Next(now)
		if !ok {
			break
		}
		if deadline := m.deadline(&m.records[i]); deadline > now {
			m.timers.Schedule(i, deadline)
			continue
		}
		out = m.end(i, out)
	}
	return m.sweep(out)
}

// deadline is when the flow ends if no packet comes.
func (m *Master) deadline(r *record) time.Duration {
	return r.lastSeen + m.timeout(r) + chain.ReportPeriod
}

// timeout is the gateway's for the flow's protocol and state; zero, the sooner
// to end it, when the gateway is gone.
func (m *Master) timeout(r *record) time.Duration {
	gateway := m.state.Gateway(r.service)
	if gateway == nil {
		return 0
	}
	t := &gateway.Timeouts
	switch r.state {
	case Opening:
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

// end removes the flow and says so to the Tops and the Decider.
func (m *Master) end(i uint32, out []chain.Message) []chain.Message {
	r := &m.records[i]
	msg := chain.Message{
		Kind: chain.Forget, Service: r.service, Flow: r.inside,
		Public: r.public, PublicPort: r.publicPort, Lease: r.lease,
	}
	m.byInside.Delete(r.inside)
	m.byOutside.Delete(r.outside())
	m.timers.Cancel(i)
	m.slab.Give(i)
	return append(out, msg, release(&msg))
}
