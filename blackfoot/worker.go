package blackfoot

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/tun"
	"hyperplane/wire"
)

// Worker is the shell around an Edge: it moves packets between the TUN, the
// connection and the Edge on the loop's thread.
type Worker struct {
	edge    *Edge
	conn    wire.Conn
	lanes   []wire.Conn // by which it receives; the first is conn
	device  tun.Device
	route   Router
	unwatch func() // the TUN
	state   *cellstate.State
	failed  error // why the TUN cannot be read any more

	arena []byte // packets read from the TUN in this turn
	used  int
	out   wire.Packet // the one just read: here, so that it is not allocated each time
	pkts  []wire.Packet
	view  packet.View
}

// Router routes the public addresses of a state to the TUN.
type Router func(s *cellstate.State) error

// Attach makes a worker for edge on l, which sends and receives by conn, and receives
// by others, if there are any (wire.Config.Lanes).
func Attach(l *loop.Loop, edge *Edge, conn wire.Conn, device tun.Device, route Router, others ...wire.Conn) (*Worker, error) {
	w := &Worker{
		edge: edge, conn: conn, lanes: append([]wire.Conn{conn}, others...), device: device, route: route,
		arena: make([]byte, arenaLen),
		pkts:  make([]wire.Packet, batch),
	}
	for _, lane := range w.lanes {
		if _, err := l.Watch(lane.FD(), func(time.Duration) loop.Moved { return w.receive(lane) }); err != nil {
			return nil, fmt.Errorf("blackfoot: %w", err)
		}
	}
	var err error
	if w.unwatch, err = l.Watch(device.FD(), w.read); err != nil {
		return nil, fmt.Errorf("blackfoot: %w", err)
	}
	l.Every(w.tick)
	l.Flush(w.flush)
	return w, nil
}

// Apply hands a state to the edge and routes its public addresses to the TUN;
// it runs on the loop.
func (w *Worker) Apply(now time.Duration, s *cellstate.State) error {
	w.state = s
	w.edge.Apply(now, s)
	return w.route(s)
}

// Err says why the edge no longer serves: its TUN is gone.
func (w *Worker) Err() error { return w.failed }

// tick asks the Tops whether they are alive.
func (w *Worker) tick(now time.Duration) {
	w.edge.Tick(now)
	for _, probe := range w.edge.Probes(now) {
		w.out = probe.Datagram()
		w.conn.Send(&w.out)
	}
}

// read takes a batch of packets from the internet.
func (w *Worker) read(time.Duration) (moved loop.Moved) {
	end := w.used + readBytesPerTurn
	for range readsPerTurn {
		if w.used >= end || len(w.arena)-w.used < roomLen+tun.ReadLen {
			return moved // the rest comes in the next turn
		}
		data := w.used + roomLen + packet.VirtioLen
		p, ok, err := w.device.Read(w.arena[w.used+roomLen:])
		if err != nil {
			w.failed = err
			w.unwatch()
			return moved
		}
		if !ok {
			return moved
		}
		moved.Add(len(p.Data))
		w.out = wire.Packet{Packet: p, Room: w.arena[w.used : data : data+len(p.Data)]}
		w.used = (data + len(p.Data) + 63) &^ 63
		if w.edge.FromInternet(&w.out, &w.view) {
			w.conn.Send(&w.out)
		}
	}
	return moved
}

// receive takes one batch of a lane from the cell. The next Recv of a socket overwrites
// what is still borrowed until the flush, so a turn takes one; in memory
// nothing is overwritten.
func (w *Worker) receive(lane wire.Conn) (moved loop.Moved) {
	n, err := lane.Recv(w.pkts)
	if err != nil || n == 0 {
		return moved
	}
	for i := range w.pkts[:n] {
		moved.Add(len(w.pkts[i].Data))
		switch p := &w.pkts[i]; w.edge.FromCell(p, &w.view) {
		case ToInternet:
			w.device.Write(&p.Packet)
		case ToCell:
			w.conn.Send(p)
		}
	}
	return moved
}

func (w *Worker) flush(time.Duration) {
	for i := range w.edge.Pieces() {
		w.device.Write(&w.edge.pieces[i])
	}
	w.conn.Flush()
	w.device.Flush()
	w.edge.EndTurn()
	w.used = 0
}

// Snapshot copies the figures; it runs on the loop.
func (w *Worker) Snapshot(time.Duration) telemetry.Snapshot {
	t := w.edge.Traffic
	d := w.device.Stats()
	t.AddSeam(telemetry.TUN, d.RefusedPackets, &d.ReadDrops)
	s := wire.StatsOf(w.lanes)
	t.AddSeam(telemetry.Wire, s.RefusedPackets, &s.Drops)
	metrics := append(append(wire.Metrics(&s), tun.Metrics(d)...), w.edge.tops.Metrics()...)
	return telemetry.Snapshot{Traffic: t, Metrics: append(metrics,
		telemetry.Metric{Name: "state_version", Help: "Version of the state in use.", Value: float64(w.state.Version)},
	)}
}
