package decider

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
)

// Config sizes a Decider.
type Config struct {
	// PortsMax is the number of leases it can hold: of living flows, and of ended
	// ones whose port still rests at the Flow Master.
	PortsMax int
	// Seed makes ports unpredictable to others and repeatable to tests.
	Seed [32]byte
	// Blocks is the number of blocks of 256 ports that are given out, from 1024 on, and
	// of those of each class of endpoints; 0 means all 252. Fewer make tests meet every
	// port again and again.
	Blocks int
}

// Decider leases ports. It is not safe for concurrent use; one thread owns it.
type Decider struct {
	state  *cellstate.State // nil until the first Apply
	blocks int
	random *rand.ChaCha8

	// Every lease, by its outside tuple.
	byOutside *flowtable.Index
	slab      *flowtable.Slab
	leases    []lease
	timers    *flowtable.Wheel // one per lease, not after its deadline

	// What is held towards each destination.
	byDestination   *flowtable.Index
	destinationSlab *flowtable.Slab
	destinations    []destination
	survey          survey
}

// New returns a Decider that refuses everything until Apply gives it a state.
func New(cfg Config) *Decider {
	if cfg.PortsMax < 1 || cfg.PortsMax > PortsMaxMax {
		panic(fmt.Sprintf("decider: PortsMax %d is outside 1..%d", cfg.PortsMax, PortsMaxMax))
	}
	if cfg.Blocks < 0 || cfg.Blocks > blocks {
		panic(fmt.Sprintf("decider: Blocks %d is outside 0..%d", cfg.Blocks, blocks))
	}
	random := rand.NewChaCha8(cfg.Seed)
	seed := func() flowtable.Seed { return flowtable.Seed{random.Uint64(), random.Uint64()} }
	return &Decider{
		blocks:          cmp.Or(cfg.Blocks, blocks),
		random:          random,
		byOutside:       flowtable.NewIndex(cfg.PortsMax, seed()),
		slab:            flowtable.NewSlab(cfg.PortsMax),
		leases:          make([]lease, cfg.PortsMax),
		timers:          flowtable.NewWheel(cfg.PortsMax, leaseGranularity),
		byDestination:   flowtable.NewIndex(cfg.PortsMax, seed()),
		destinationSlab: flowtable.NewSlab(cfg.PortsMax),
		destinations:    make([]destination, cfg.PortsMax),
	}
}

// Apply replaces the state. Leases stay until they are released or forgotten:
// ending the flows of a gateway that is gone is the Flow Master's work.
func (d *Decider) Apply(now time.Duration, state *cellstate.State) { d.state = state }

// Step takes one message and appends the answers to out: exactly one to a
// Choose, none to others. Kinds that are not for a Decider are ignored.
func (d *Decider) Step(now time.Duration, msg chain.Message, out []chain.Message) []chain.Message {
	switch msg.Kind {
	case chain.Choose:
		return append(out, d.choose(now, msg))
	case chain.Release:
		d.release(&msg)
	case chain.Lease, chain.End:
		d.adopt(now, &msg)
	}
	return out
}

// Tick forgets the leases that nobody renewed, looking at no more than
// timersPerTickMax of them, and goes on with the survey of destinations.
func (d *Decider) Tick(now time.Duration) {
	d.lookAround()
	for range timersPerTickMax {
		i, ok := d.timers.Next(now)
		if !ok {
			return
		}
		if due := d.leases[i].due(now); due > now {
			d.timers.Schedule(i, due) // renewed since
		} else {
			d.free(i)
		}
	}
}

// Leased returns the number of leases.
func (d *Decider) Leased() int { return d.slab.Len() }
