package sim

import (
	"time"

	"hyperplane/blackfoot"
	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/nitrosim"
	"hyperplane/telemetry"
	"hyperplane/tun"
)

// Role is what a cell knows of each of its workers.
type Role interface {
	Apply(now time.Duration, s *cellstate.State) error
	Snapshot(now time.Duration) telemetry.Snapshot
}

func (d *dice) tableSeed() flowtable.Seed { return flowtable.Seed{d.next(), d.next()} }

// newEdge runs a Blackfoot with the real worker.
func (w *World) newEdge(p *process) (Role, error) {
	dev := &device{w: w, owner: p}
	p.devices = []*device{dev}
	return blackfoot.Attach(p.loop, blackfoot.New(), p.port, dev, func(*cellstate.State) error { return nil })
}

// newHost runs a Nitro with the real worker.
func (w *World) newHost(p *process, d *dice) (Role, error) {
	return nitrosim.Attach(p.loop, nitrosim.New(p.name, d.tableSeed()), p.port, func(in *cellstate.Instance) (tun.Device, error) {
		i := w.instances[in.Name]
		i.device = &device{w: w, owner: p, client: i}
		i.host = p
		p.devices = append(p.devices, i.device)
		return i.device, nil
	})
}
