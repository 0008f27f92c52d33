package natgw

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/decider"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/wire"
)

// Worker is the shell around a Node: it moves packets between a wire.Conn and
// the Node, on the loop's thread.
type Worker struct {
	node  *Node
	conn  wire.Conn
	lanes []wire.Conn // by which it receives; the first is conn
	loop  *loop.Loop
	pkts  []wire.Packet
	view  packet.View
	state *cellstate.State

	degraded   bool
	onDegraded func(bool, Status)

	scarce   bool
	onScarce func(bool, decider.Usage)
}

// Attach makes a worker for node on l, receiving and sending by conn, and receiving
// by others, if there are any (wire.Config.Lanes).
func Attach(l *loop.Loop, node *Node, conn wire.Conn, others ...wire.Conn) (*Worker, error) {
	w := &Worker{node: node, conn: conn, lanes: append([]wire.Conn{conn}, others...), loop: l, pkts: make([]wire.Packet, batch)}
	for _, lane := range w.lanes {
		if _, err := l.Watch(lane.FD(), func(now time.Duration) loop.Moved { return w.receive(now, lane) }); err != nil {
			return nil, fmt.Errorf("natgw: %w", err)
		}
	}
	node.SetPayloadMax(conn.MaxPacket())
	l.Every(func(now time.Duration) {
		node.Tick(now)
		w.watch(now)
	})
	l.Flush(func(now time.Duration) {
		w.send(now)
		conn.Flush()
		node.EndTurn()
	})
	return w, nil
}

// OnDegraded sets what is called when the cell begins to lack something that its
// promises need, and when it has it again. Set it before the loop runs.
func (w *Worker) OnDegraded(f func(degraded bool, s Status)) { w.onDegraded = f }

// OnScarce sets what is called when ports towards a destination begin to run out, and
// when there are enough everywhere again. Set it before the loop runs.
func (w *Worker) OnScarce(f func(scarce bool, fullest decider.Usage)) { w.onScarce = f }

// watch tells of a change once. A node that just started has not been degraded.
func (w *Worker) watch(now time.Duration) {
	if fullest := w.node.decider.Fullest(); w.onScarce != nil && isScarce(fullest, w.scarce) != w.scarce {
		w.scarce = !w.scarce
		w.onScarce(w.scarce, fullest)
	}
	if w.onDegraded == nil || now < startGrace && !w.degraded {
		return
	}
	if s := w.node.Status(now); s.Degraded != w.degraded {
		w.degraded = s.Degraded
		w.onDegraded(s.Degraded, s)
	}
}

// isScarce reports whether ports are scarce, where they were so before or not.
func isScarce(fullest decider.Usage, was bool) bool {
	if was {
		return fullest.Share() >= scarceUntil
	}
	return fullest.Share() >= scarceFrom
}

// Apply hands a state to the node; it runs on the loop.
func (w *Worker) Apply(now time.Duration, s *cellstate.State) error {
	w.state = s
	w.node.Apply(now, s)
	return nil
}

// receive takes one batch of a lane. The next Recv of a socket overwrites what is
// still borrowed until the flush, so a turn takes one; in memory nothing is overwritten.
func (w *Worker) receive(now time.Duration, lane wire.Conn) (moved loop.Moved) {
	n, err := lane.Recv(w.pkts)
	if err != nil || n == 0 {
		return moved
	}
	for i := range w.pkts[:n] {
		moved.Add(len(w.pkts[i].Data))
		p := &w.pkts[i]
		if w.node.Step(now, p, &w.view) {
			w.conn.Send(p)
		}
	}
	w.send(now)
	return moved
}

// send sends what the node has to say besides the packets that it forwards.
func (w *Worker) send(now time.Duration) {
	for _, list := range [...][]wire.Packet{w.node.Answers(), w.node.Control(now)} {
		for i := range list {
			w.conn.Send(&list[i])
		}
	}
}

// Status returns the node's place in its cell; it runs on the loop.
func (w *Worker) Status(now time.Duration) Status { return w.node.Status(now) }

// Snapshot copies the figures; it runs on the loop.
func (w *Worker) Snapshot(now time.Duration) telemetry.Snapshot {
	t := w.node.Account()
	s := wire.StatsOf(w.lanes)
	t.AddSeam(telemetry.Wire, s.RefusedPackets, &s.Drops)
	n := w.node
	return telemetry.Snapshot{Traffic: t, Metrics: append(append(wire.Metrics(&s), n.metrics(now)...),
		telemetry.Metric{Name: "state_version", Help: "Version of the state in use.", Value: float64(w.state.Version)},
	)}
}
