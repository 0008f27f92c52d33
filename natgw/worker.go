package natgw

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
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
	loop  *loop.Loop
	pkts  []wire.Packet
	view  packet.View
	state *cellstate.State
}

// Attach makes a worker for node on l, receiving and sending by conn.
func Attach(l *loop.Loop, node *Node, conn wire.Conn) (*Worker, error) {
	w := &Worker{node: node, conn: conn, loop: l, pkts: make([]wire.Packet, batch)}
	if _, err := l.Watch(conn.FD(), w.receive); err != nil {
		return nil, fmt.Errorf("natgw: %w", err)
	}
	l.Every(node.Tick)
	l.Flush(func(time.Duration) {
		conn.Flush()
		node.EndTurn()
	})
	return w, nil
}

// Apply hands a state to the node; it runs on the loop.
func (w *Worker) Apply(now time.Duration, s *cellstate.State) error {
	w.state = s
	w.node.Apply(now, s)
	return nil
}

// receive takes one batch. The next Recv of a socket overwrites what is still
// borrowed until the flush, so a turn takes one; in memory nothing is overwritten.
func (w *Worker) receive(now time.Duration) bool {
	n, err := w.conn.Recv(w.pkts)
	if err != nil || n == 0 {
		return false
	}
	for i := range w.pkts[:n] {
		p := &w.pkts[i]
		if w.node.Step(now, p, &w.view) {
			w.conn.Send(p, &w.view)
		}
	}
	answers := w.node.Answers()
	for i := range answers {
		w.conn.Send(&answers[i], nil)
	}
	return true
}

// Snapshot copies the figures; it runs on the loop.
func (w *Worker) Snapshot(now time.Duration) telemetry.Snapshot {
	t := w.node.Account()
	s := w.conn.Stats()
	t.AddSeam(telemetry.Wire, s.RefusedPackets, &s.Drops)
	n := w.node
	return telemetry.Snapshot{Traffic: t, Metrics: append(wire.Metrics(s),
		telemetry.Metric{Name: "flows", Help: "Flows tracked.", Value: float64(n.master.Len())},
		telemetry.Metric{Name: "cached_entries", Help: "Rewrite entries in the Top's cache.", Value: float64(n.cache.free.Len())},
		telemetry.Metric{Name: "misses_total", Help: "Packets that went down the chain.", Counter: true, Value: float64(n.Misses)},
		telemetry.Metric{Name: "answers_suppressed_total", Help: "ICMP errors and RSTs not made, to bound their rate.", Counter: true, Value: float64(n.answers.Suppressed)},
		telemetry.Metric{Name: "state_version", Help: "Version of the state in use.", Value: float64(w.state.Version)},
	)}
}
