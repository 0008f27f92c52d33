package nitrosim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"hyperplane/cellstate"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
	"hyperplane/wire"
)

// Opener opens the interface of an instance: tun.Open for real ones.
type Opener func(in *cellstate.Instance) (tun.Device, error)

// port is one instance's interface on this host.
type port struct {
	instance *cellstate.Instance // of the current state
	device   tun.Device
	unwatch  func()
}

// Worker is the shell around a Host: it owns the instances' interfaces and
// moves packets between them, the connection and the Host on the loop's thread.
type Worker struct {
	host  *Host
	conn  wire.Conn
	lanes []wire.Conn // by which it receives; the first is conn
	loop  *loop.Loop
	open  Opener
	state *cellstate.State

	ports      map[string]*port // by instance name
	resolvers  resolvers
	byInstance map[*cellstate.Instance]*port
	closed     tun.Stats // of interfaces that are gone

	arena []byte // packets read from instances in this turn
	used  int
	out   wire.Packet // the one just read: here, so that it is not allocated each time
	pkts  []wire.Packet
	view  packet.View
}

// Attach makes a worker for host on l, which sends and receives by conn, and receives
// by others, if there are any (wire.Config.Lanes).
func Attach(l *loop.Loop, host *Host, conn wire.Conn, open Opener, others ...wire.Conn) (*Worker, error) {
	w := &Worker{
		host: host, conn: conn, lanes: append([]wire.Conn{conn}, others...), loop: l, open: open,
		ports:      make(map[string]*port),
		byInstance: make(map[*cellstate.Instance]*port),
		arena:      make([]byte, arenaLen),
		pkts:       make([]wire.Packet, batch),
	}
	for _, lane := range w.lanes {
		if _, err := l.Watch(lane.FD(), func(now time.Duration) loop.Moved { return w.receive(now, lane) }); err != nil {
			return nil, fmt.Errorf("nitrosim: %w", err)
		}
	}
	l.Every(w.tick)
	l.Flush(w.flush)
	return w, nil
}

// Apply hands a state to the host and brings the interfaces in line with it:
// those of instances that left are closed, those of new ones opened, and
// those that stay are not touched. An interface that cannot be opened is an
// error of its own and does not keep the others from serving; the next Apply
// tries it again.
func (w *Worker) Apply(now time.Duration, s *cellstate.State) error {
	w.state = s
	w.host.Apply(now, s)
	wanted := make(map[string]*cellstate.Instance)
	for _, in := range s.InstancesOn(w.host.name) {
		wanted[in.Name] = in
	}
	for name, p := range w.ports {
		if in := wanted[name]; in == nil || !sameInterface(in, p.instance) {
			w.close(name)
		}
	}
	clear(w.byInstance)
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		in := wanted[name]
		p := w.ports[name]
		if p == nil {
			d, err := w.open(in)
			if err != nil {
				failed = append(failed, fmt.Errorf("instance %s: %w", name, err))
				continue
			}
			p = &port{device: d}
			p.unwatch, err = w.loop.Watch(d.FD(), func(now time.Duration) loop.Moved { return w.read(now, p) })
			if err != nil {
				d.Close()
				failed = append(failed, fmt.Errorf("instance %s: %w", name, err))
				continue
			}
			w.ports[name] = p
		}
		p.instance = in
		w.byInstance[in] = p
	}
	return errors.Join(append(failed, w.applyResolvers())...)
}

// Complete reports whether every instance of this host has its interface, and its
// resolver.
func (w *Worker) Complete() bool {
	return len(w.ports) == len(w.state.InstancesOn(w.host.name)) && w.resolvers.missing == 0
}

// sameInterface reports whether b's interface serves a as it is.
func sameInterface(a, b *cellstate.Instance) bool {
	return a.Addr == b.Addr && a.Addr6 == b.Addr6 && a.MTU == b.MTU && a.NetNS == b.NetNS && a.Device == b.Device &&
		a.VPC.VNI == b.VPC.VNI && a.Subnet.CIDR == b.Subnet.CIDR && a.Subnet.CIDR6 == b.Subnet.CIDR6
}

func (w *Worker) close(name string) {
	p := w.ports[name]
	p.unwatch()
	p.device.Close()
	w.closed.Add(p.device.Stats())
	delete(w.byInstance, p.instance)
	delete(w.ports, name)
}

// Close closes every interface.
func (w *Worker) Close() {
	for name := range w.ports {
		w.close(name)
	}
	for vni := range w.resolvers.byVNI {
		w.closeResolver(vni)
	}
}

// tick runs timers and asks the Tops whether they are alive.
func (w *Worker) tick(now time.Duration) {
	w.host.Tick(now)
	for _, probe := range w.host.Probes(now) {
		w.out = probe.Datagram()
		w.conn.Send(&w.out)
	}
}

// read takes a batch of packets from one instance.
func (w *Worker) read(now time.Duration, from *port) (moved loop.Moved) {
	end := w.used + readBytesPerTurn
	for range readsPerTurn {
		if w.used >= end || len(w.arena)-w.used < roomLen+tun.ReadLen {
			return moved // the rest comes in the next turn
		}
		ok, err := w.readInto(from.device)
		if err != nil {
			// The interface went with its namespace; Apply opens it again.
			w.close(from.instance.Name)
			return moved
		}
		if !ok {
			return moved
		}
		moved.Add(len(w.out.Data))
		w.pass(w.host.FromInstance(now, from.instance, &w.out, &w.view), &w.out)
	}
	return moved
}

// readInto reads a packet of a device into the arena, as w.out.
func (w *Worker) readInto(d tun.Device) (ok bool, err error) {
	start := w.used
	p, ok, err := d.Read(w.arena[start+roomLen:])
	if !ok || err != nil {
		return false, err
	}
	data := start + roomLen + packet.VirtioLen
	w.used = (data + len(p.Data) + 63) &^ 63
	w.out = wire.Packet{Packet: p, Room: w.arena[start : data : data+len(p.Data)]}
	return true, nil
}

// receive takes one batch of a lane from the wire. The next Recv of a socket overwrites
// what is still borrowed until the flush, so a turn takes one; in memory
// nothing is overwritten.
func (w *Worker) receive(now time.Duration, lane wire.Conn) (moved loop.Moved) {
	n, err := lane.Recv(w.pkts)
	if err != nil || n == 0 {
		return moved
	}
	for i := range w.pkts[:n] {
		moved.Add(len(w.pkts[i].Data))
		p := &w.pkts[i]
		w.pass(w.host.FromWire(now, p, &w.view), p)
	}
	return moved
}

func (w *Worker) pass(v Verdict, p *wire.Packet) {
	switch {
	case v.ToPeer:
		w.conn.Send(p)
	case v.Instance != nil:
		w.write(v.Instance, &p.Packet)
	case v.Resolver != nil:
		w.writeResolver(v.Resolver, &p.Packet)
	}
}

func (w *Worker) write(to *cellstate.Instance, p *packet.Packet) {
	if port := w.byInstance[to]; port != nil {
		port.device.Write(p)
		return
	}
	w.unqueue(p, drop.InstanceDown)
}

// unqueue counts a packet as dropped that was to be written to a device.
func (w *Worker) unqueue(p *packet.Packet, r drop.Reason) {
	t := &w.host.Traffic
	t.Queued[telemetry.TUN]--
	t.QueuedBytes[telemetry.TUN] -= uint64(len(p.Data))
	t.Dropped[r]++
}

func (w *Worker) flush(time.Duration) {
	for i := range w.host.Extras() {
		if x := &w.host.extras.made[i]; x.Instance != nil {
			w.write(x.Instance, &x.Packet.Packet)
		} else {
			w.conn.Send(&x.Packet)
		}
	}
	w.conn.Flush()
	for _, p := range w.ports {
		p.device.Flush()
	}
	for _, r := range w.resolvers.byVNI {
		r.device.Flush()
	}
	w.host.EndTurn()
	w.used = 0
}

// Snapshot copies the figures; it runs on the loop.
func (w *Worker) Snapshot(time.Duration) telemetry.Snapshot {
	t := w.host.Account()
	tuns := w.closed
	for _, p := range w.ports {
		tuns.Add(p.device.Stats())
	}
	for _, r := range w.resolvers.byVNI {
		tuns.Add(r.device.Stats())
	}
	t.AddSeam(telemetry.TUN, tuns.RefusedPackets, &tuns.ReadDrops)
	s := wire.StatsOf(w.lanes)
	t.AddSeam(telemetry.Wire, s.RefusedPackets, &s.Drops)
	r := w.host.reflections
	metrics := slices.Concat(wire.Metrics(&s), tun.Metrics(&tuns), w.host.tops.Metrics(), w.resolvers.metrics())
	return telemetry.Snapshot{Traffic: t, Metrics: append(metrics,
		telemetry.Metric{Name: "instances", Help: "Instances whose interface is open on this host.", Value: float64(len(w.ports))},
		telemetry.Metric{Name: "reflections", Help: "Flows remembered as having come through the cell.", Value: float64(r.byTuple.Len())},
		telemetry.Metric{Name: "reflections_refused_total", Help: "Flows not remembered because the table was full.", Counter: true, Value: float64(r.Refused)},
		telemetry.Metric{Name: "egress_only_flows", Help: "IPv6 flows to the internet of this host's instances.", Value: float64(w.host.egress.byTuple.Len())},
		telemetry.Metric{Name: "egress_only_flows_refused_total", Help: "IPv6 flows not begun because the table, or the instance's share of it, was full.", Counter: true, Value: float64(w.host.egress.Refused)},
		telemetry.Metric{Name: "answers_suppressed_total", Help: "ICMP errors and echo replies not made, to bound their rate.", Counter: true, Value: float64(w.host.extras.Suppressed)},
		telemetry.Metric{Name: "state_version", Help: "Version of the state in use.", Value: float64(w.state.Version)},
	)}
}
