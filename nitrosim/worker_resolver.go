package nitrosim

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"hyperplane/cellstate"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/tun"
)

// Resolver is a VPC's resolver on this host, with a device that has its addresses.
type Resolver interface {
	Device() tun.Device
	// Apply says whose queries are answered, and how: those of the VPC's instances.
	Apply(s *cellstate.State, vpc *cellstate.VPC)
	// Metrics are what it has counted; they stay readable after Close.
	Metrics() []telemetry.Metric
	Close()
}

// ResolverOpener opens the resolver of a VPC, which asks the state's Resolvers.
type ResolverOpener func(s *cellstate.State, vpc *cellstate.VPC) (Resolver, error)

// resolvers are those of the VPCs with instances on this host.
type resolvers struct {
	open    ResolverOpener
	byVNI   map[uint32]*resolverPort
	asked   []netip.Addr       // whom they ask
	missing int                // how many could not be opened
	past    []telemetry.Metric // of those that are closed
	said    uint64             // packets read from their devices
}

type resolverPort struct {
	Resolver
	vpc     *cellstate.VPC
	device  tun.Device
	unwatch func()
}

// OpenResolvers says how to open resolvers. Without it, or without upstreams in the
// state, none answers.
func (w *Worker) OpenResolvers(open ResolverOpener) {
	w.resolvers = resolvers{open: open, byVNI: map[uint32]*resolverPort{}}
}

// applyResolvers opens and closes resolvers, so that every VPC with an instance here has
// one if the state names somebody to ask.
func (w *Worker) applyResolvers() error {
	if w.resolvers.open == nil {
		return nil
	}
	wanted := map[uint32]*cellstate.VPC{}
	if len(w.state.Resolvers) > 0 {
		for _, in := range w.state.InstancesOn(w.host.name) {
			wanted[in.VPC.VNI] = in.VPC
		}
	}
	for vni, r := range w.resolvers.byVNI {
		if v := wanted[vni]; v == nil || v.Resolver != r.vpc.Resolver || !slices.Equal(w.resolvers.asked, w.state.Resolvers) {
			w.closeResolver(vni)
		}
	}
	w.resolvers.asked = w.state.Resolvers
	var failed []error
	w.resolvers.missing = 0
	for vni, vpc := range wanted {
		r := w.resolvers.byVNI[vni]
		if r == nil {
			var err error
			if r, err = w.openResolver(vpc); err != nil {
				failed = append(failed, fmt.Errorf("resolver of VPC %s: %w", vpc.Name, err))
				w.resolvers.missing++
				continue
			}
		}
		r.vpc = vpc
		r.Apply(w.state, vpc)
	}
	return errors.Join(failed...)
}

func (w *Worker) openResolver(vpc *cellstate.VPC) (*resolverPort, error) {
	opened, err := w.resolvers.open(w.state, vpc)
	if err != nil {
		return nil, err
	}
	r := &resolverPort{Resolver: opened, vpc: vpc, device: opened.Device()}
	if r.unwatch, err = w.loop.Watch(r.device.FD(), func(time.Duration) loop.Moved { return w.readResolver(r) }); err != nil {
		r.Close()
		return nil, err
	}
	w.resolvers.byVNI[vpc.VNI] = r
	return r, nil
}

func (w *Worker) closeResolver(vni uint32) {
	r := w.resolvers.byVNI[vni]
	delete(w.resolvers.byVNI, vni)
	r.unwatch()
	r.Close()
	w.closed.Add(r.device.Stats())
	w.resolvers.past = telemetry.AddMetrics(w.resolvers.past, r.Metrics())
}

// metrics are those of all resolvers together.
func (r *resolvers) metrics() []telemetry.Metric {
	if r.open == nil {
		return nil
	}
	sum := telemetry.AddMetrics([]telemetry.Metric{
		{Name: "resolvers", Help: "VPCs whose resolver is open on this host.", Value: float64(len(r.byVNI))},
		{Name: "resolver_packets_total", Help: "Packets that resolvers sent to instances; they are among those received from TUNs.", Counter: true, Value: float64(r.said)},
	}, r.past)
	for _, one := range r.byVNI {
		sum = telemetry.AddMetrics(sum, one.Metrics())
	}
	return sum
}

// readResolver takes a batch of packets from a resolver.
func (w *Worker) readResolver(from *resolverPort) (moved loop.Moved) {
	for range readsPerTurn {
		if len(w.arena)-w.used < roomLen+tun.ReadLen {
			return moved
		}
		ok, err := w.readInto(from.device)
		if err != nil {
			w.closeResolver(from.vpc.VNI)
			w.resolvers.missing++ // so that it is opened again
			return moved
		}
		if !ok {
			return moved
		}
		moved.Add(len(w.out.Data))
		w.resolvers.said++
		w.pass(w.host.FromResolver(from.vpc, &w.out, &w.view), &w.out)
	}
	return moved
}

func (w *Worker) writeResolver(vpc *cellstate.VPC, p *packet.Packet) {
	if r := w.resolvers.byVNI[vpc.VNI]; r != nil {
		r.device.Write(p)
		return
	}
	w.unqueue(p, drop.InstanceDown)
}
