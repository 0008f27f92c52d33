package decider

import (
	"fmt"
	"math/rand/v2"
	"time"
	"unsafe"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Config sizes a Decider.
type Config struct {
	// PortsMax is the number of leases, living and resting, it can hold.
	PortsMax int
	// Seed makes ports unpredictable to others and repeatable to tests.
	Seed [32]byte
}

// Decider leases ports. It is not safe for concurrent use; one thread owns it.
type Decider struct {
	state  *cellstate.State // nil until the first Apply
	random *rand.ChaCha8
	serial uint64 // of the newest lease

	// Every lease, by its outside tuple.
	byOutside *flowtable.Table
	slab      *flowtable.Slab
	leases    []lease
	rests     *flowtable.Wheel // over the leases that rest

	// What is held towards each destination.
	byDestination   *flowtable.Table
	destinationSlab *flowtable.Slab
	destinations    []destination
}

// lease is one port, given towards one destination.
type lease struct {
	outside     packet.Tuple
	serial      uint64
	destination uint32
	resting     bool
}

// destination counts what is held of one public address towards one remote
// address and port. It exists while either count is positive.
type destination struct {
	key             packet.Tuple // an outside tuple with port 0
	living, resting uint32
}

var (
	_ [32]byte = [unsafe.Sizeof(lease{})]byte{}
	_ [24]byte = [unsafe.Sizeof(destination{})]byte{}
)

// New returns a Decider that refuses everything until Apply gives it a state.
func New(cfg Config) *Decider {
	if cfg.PortsMax < 1 || cfg.PortsMax > PortsMaxMax {
		panic(fmt.Sprintf("decider: PortsMax %d is outside 1..%d", cfg.PortsMax, PortsMaxMax))
	}
	random := rand.NewChaCha8(cfg.Seed)
	seed := func() flowtable.Seed { return flowtable.Seed{random.Uint64(), random.Uint64()} }
	return &Decider{
		random:          random,
		byOutside:       flowtable.NewTable(cfg.PortsMax, seed()),
		slab:            flowtable.NewSlab(cfg.PortsMax),
		leases:          make([]lease, cfg.PortsMax),
		rests:           flowtable.NewWheel(cfg.PortsMax, restGranularity),
		byDestination:   flowtable.NewTable(cfg.PortsMax, seed()),
		destinationSlab: flowtable.NewSlab(cfg.PortsMax),
		destinations:    make([]destination, cfg.PortsMax),
	}
}

// Apply replaces the state. Leases stay until they are released: ending the
// flows of a gateway that is gone is the Flow Master's work.
func (d *Decider) Apply(now time.Duration, state *cellstate.State) { d.state = state }

// Step takes one message and appends the answers to out. Kinds that are not for
// a Decider are ignored.
func (d *Decider) Step(now time.Duration, msg chain.Message, out []chain.Message) []chain.Message {
	switch msg.Kind {
	case chain.Choose:
		return append(out, d.choose(msg))
	case chain.Release:
		d.release(now, &msg)
	}
	return out
}

// Tick frees the ports whose rest is over, at most restsPerTickMax of them.
func (d *Decider) Tick(now time.Duration) {
	for range restsPerTickMax {
		i, ok := d.rests.Next(now)
		if !ok {
			return
		}
		d.destinations[d.leases[i].destination].resting--
		d.free(i)
	}
}

// Leased returns the number of ports held by living flows, and Resting of those
// not free yet although their flow has ended.
func (d *Decider) Leased() int { return d.slab.Len() - d.rests.Len() }

// Resting: see Leased.
func (d *Decider) Resting() int { return d.rests.Len() }

// choose answers a Choose. The answer is the question with the decision added.
func (d *Decider) choose(msg chain.Message) chain.Message {
	msg.Kind, msg.Reason = chain.Chosen, d.lease(&msg)
	if msg.Reason != drop.None {
		msg.Kind, msg.Public, msg.PublicPort, msg.Lease = chain.Refused, 0, 0, 0
	}
	return msg
}

// lease finds a free port for the flow on one of the gateway's addresses and
// writes the decision into msg.
func (d *Decider) lease(msg *chain.Message) drop.Reason {
	if d.state == nil {
		return drop.UnknownService
	}
	gateway := d.state.Gateway(msg.Service)
	if gateway == nil {
		return drop.UnknownService
	}
	n := uint64(len(gateway.Public))
	first := uint64(mix(msg.Flow.Src)) * n >> 32
	for k := range n {
		msg.Public = gateway.Public[(first+k)%n]
		reason := d.leaseOn(msg, gateway.FlowsPerDestination)
		if reason != drop.PortsExhausted {
			return reason
		}
	}
	return drop.PortsExhausted
}

// leaseOn leases a port of the one address msg.Public.
func (d *Decider) leaseOn(msg *chain.Message, livingMax int) drop.Reason {
	key := chain.Outside(msg.Flow, msg.Public, 0)
	at, known := d.byDestination.Get(key)
	if known {
		held := &d.destinations[at]
		if int(held.living) >= livingMax || held.living+held.resting >= heldPerDestinationMax {
			return drop.PortsExhausted
		}
	}
	i, ok := d.slab.Take()
	if !ok {
		return drop.FlowTableFull
	}
	outside, ok := d.search(key)
	if !ok {
		d.slab.Give(i)
		return drop.PortsExhausted
	}
	if !known {
		if at, ok = d.newDestination(key); !ok {
			d.slab.Give(i)
			return drop.FlowTableFull
		}
	}
	d.destinations[at].living++
	d.serial++
	d.leases[i] = lease{outside: outside, serial: d.serial, destination: at}
	if !d.byOutside.Put(outside, i) {
		d.destinations[at].living--
		d.free(i)
		return drop.FlowTableFull
	}
	msg.PublicPort, msg.Lease = outside.SrcPort, d.serial
	return drop.None
}

// search returns an outside tuple towards the destination that nobody holds:
// random draws first, then one sweep over the range from a random port.
func (d *Decider) search(outside packet.Tuple) (packet.Tuple, bool) {
	var offset uint32
	for range drawsMax {
		offset = uint32(uint64(uint32(d.random.Uint64())) * ports >> 32)
		outside.SrcPort = uint16(portMin + offset)
		if _, held := d.byOutside.Get(outside); !held {
			return outside, true
		}
	}
	for k := range uint32(ports) {
		outside.SrcPort = uint16(portMin + (offset+k)%ports)
		if _, held := d.byOutside.Get(outside); !held {
			return outside, true
		}
	}
	return outside, false
}

// release starts the rest of a lease, unless the message is not about the lease
// that holds the port now, or that lease rests already.
func (d *Decider) release(now time.Duration, msg *chain.Message) {
	i, ok := d.byOutside.Get(msg.Outside())
	if !ok || d.leases[i].serial != msg.Lease || d.leases[i].resting {
		return
	}
	rest := restOrphaned
	if d.state != nil {
		if gateway := d.state.Gateway(msg.Service); gateway != nil {
			rest = gateway.Timeouts.PortRest
		}
	}
	l := &d.leases[i]
	held := &d.destinations[l.destination]
	held.living--
	if rest <= 0 {
		d.free(i)
		return
	}
	held.resting++
	l.resting = true
	d.rests.Schedule(i, now+rest)
}

// free ends a lease that its destination no longer counts.
func (d *Decider) free(i uint32) {
	l := &d.leases[i]
	if held := &d.destinations[l.destination]; held.living+held.resting == 0 {
		d.byDestination.Delete(held.key)
		d.destinationSlab.Give(l.destination)
	}
	d.byOutside.Delete(l.outside)
	d.slab.Give(i)
}

func (d *Decider) newDestination(key packet.Tuple) (uint32, bool) {
	at, ok := d.destinationSlab.Take()
	if !ok {
		return 0, false
	}
	if !d.byDestination.Put(key, at) {
		d.destinationSlab.Give(at)
		return 0, false
	}
	d.destinations[at] = destination{key: key}
	return at, true
}

// mix spreads the bits of an inside address (the finisher of MurmurHash3), so
// that neighbours use different public addresses. It has no seed: an instance
// keeps its public address when the Decider starts anew.
func mix(a packet.Addr4) uint32 {
	x := uint32(a)
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}
