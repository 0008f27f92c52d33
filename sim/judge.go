package sim

import (
	"fmt"

	"hyperplane/chain"
	"hyperplane/packet"
)

// The judgement of what the endpoints see.

// leaves takes note that a packet of x reached the internet as t.
func (w *World) leaves(x *conn, t packet.Tuple) {
	if t.Src != publicBase+packet.Addr4(x.client.plan.tenant) {
		w.violateBy(x, I7, fmt.Sprintf("left as %v, the address of another tenant", t))
		return
	}
	if t.Dst != x.inside.Dst || t.DstPort != x.inside.DstPort || t.Proto() != x.inside.Proto() {
		w.misdelivered(x, fmt.Sprintf("%v left as %v", x.inside, t))
		return
	}
	if x.outside != t {
		if x.outside != (packet.Tuple{}) {
			if w.mustLive(x) && x.state != over {
				w.violateBy(x, I3, fmt.Sprintf("it is now %v", t))
			}
			w.stats.moved++
		}
		w.contend(x, t)
		x.outside = t
		if w.plan.isIndependent(x.client.plan.tenant) {
			w.share(x)
		}
	}
	if d := w.tuples[t]; d != x && (d == nil || d.id < x.id) {
		w.tuples[t] = x
	}
	if w.now >= x.doubt {
		x.doubt = 0
	}
	w.lastOf[x.inside] = x
	x.through = w.now
}

// contend checks that nobody else holds the outside tuple which x has got.
func (w *World) contend(x *conn, t packet.Tuple) {
	d := w.tuples[t]
	if d == nil || d == x || d.outside != t || d.inside == x.inside || d.excused || x.excused {
		return // nobody has it, or has it any more
	}
	w.sometimes[PortReused]++
	silent := w.now - d.through
	switch rest := w.plan.timeouts.portRest * rateSlack / 100; {
	case d.state != over && w.mustLive(d):
		w.violateBy(d, I1, fmt.Sprintf("connection %d (%v) got its outside tuple", x.id, x.inside))
	case silent < rest:
		w.violateBy(d, I6, fmt.Sprintf("connection %d (%v) got its outside tuple %v after its last packet", x.id, x.inside, silent))
	}
}

// share checks that the inside endpoint of x has one public port, and that port no other
// endpoint, as long as an earlier flow of either has to be known. Where only ports of a
// seat are given an endpoint may get another.
func (w *World) share(x *conn) {
	inside, public := x.inside.Sender(), x.outside.Sender()
	known := func(y *conn) bool {
		return y != nil && y != x && !x.excused && !w.excusable() && w.now > w.excusedUntil && w.mustLive(y)
	}
	ofSeat := func(y *conn) bool { return chain.PortClass(y.outside.SrcPort) != 0 }
	if y := w.mapped[inside]; known(y) && y.outside.Sender() != public && !ofSeat(x) && !ofSeat(y) {
		w.violateBy(x, Mapping, fmt.Sprintf("its endpoint is %v for connection %d", y.outside.Sender(), y.id))
	} else if known(y) {
		w.sometimes[MappingShared]++
	}
	if y := w.ports[public]; known(y) && y.inside.Sender() != inside {
		w.violateBy(x, Mapping, fmt.Sprintf("connection %d (%v) has its port", y.id, y.inside))
	}
	w.mapped[inside], w.ports[public] = x, x
}

// misdelivered is a packet that came to somebody else. One of a connection that
// the gateway has forgotten may find its port with another flow, of the same
// tenant.
func (w *World) misdelivered(y *conn, text string) {
	if w.plan.DeliverCorrupt {
		return
	}
	if w.mustLive(y) && y.state != over || y.outside == (packet.Tuple{}) {
		w.violateBy(y, I7, text)
	}
	w.stats.strays++
}

// reset is the client's view of an RST that it has to believe.
func (w *World) reset(x *conn) {
	if x.state == lingering || x.state == finishing && x.tcp.finIn {
		w.finish(x)
		return
	}
	w.broke(x, "reset")
}

// broke ends a connection that its client did not end.
func (w *World) broke(x *conn, why string) {
	switch {
	case x.excused || w.excusable():
		w.stats.brokenExcused++
	case x.doubt != 0 && why == "reset", w.now-x.through >= x.idleTimeout(w.plan)*rateSlack/100 && why == "reset":
		w.stats.idled++
	case why != "reset" && (w.now < w.disturbed || x.state == finishing):
		w.stats.brokenExcused++
	default:
		w.stats.broken++
		w.violateBy(x, Survival, fmt.Sprintf("last heard of %v ago: %s", w.now-x.through, why))
	}
	w.finish(x)
}

// couldNotOpen ends a connection that never began.
func (w *World) couldNotOpen(x *conn) {
	if x.excused || w.excusable() || w.now < w.disturbed || x.unlucky >= triesSYN {
		w.stats.refused++
	} else {
		w.violateBy(x, Opening, fmt.Sprintf("no answer to %d SYNs", x.tcp.tries))
	}
	w.finish(x)
}

// seatsOnly reports whether some owner may give only the ports of its seat: one or
// two for each destination where there are few blocks.
func (w *World) seatsOnly() bool {
	for _, p := range w.procs {
		if p.up && p.node != nil {
			if s := p.node.Status(p.clock.at(w.now)); s.Keeps && (s.Degraded || !s.Complete) {
				return true
			}
		}
	}
	return false
}

// gotError takes an ICMP error about a packet of x.
func (w *World) gotError(in *instance, x *conn, h packet.ICMP) {
	if x == nil || h.Type() != packet.ICMPUnreachable || h.Code() != packet.ICMPCodeAdminProhibited {
		return
	}
	if w.plan.flowsPerDestination > 1000 && !w.excusable() && !((w.plan.portBlocks > 0 || w.plan.isIndependent(x.client.plan.tenant)) && w.seatsOnly()) {
		w.violateBy(x, Opening, "refused for want of ports")
	}
	w.sometimes[Exhausted]++
	w.stats.refused++
	w.finish(x)
}
