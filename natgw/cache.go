package natgw

import (
	"time"
	"unsafe"

	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
)

// entry is a Top's cached rewrite for one flow, both directions. It is plain
// data without pointers, so that the collector never walks the cache and a
// second engine could apply it.
type entry struct {
	inside     packet.Tuple  // VNI and protocol, inside → remote: the key of packets going out
	public     packet.Addr4  // the flow's public address …
	publicPort uint16        // … and port or echo id
	flagsOut   uint8         // TCP flags not yet reported, per direction
	flagsIn    uint8         //
	service    uint32        //
	generation uint32        // of the state that the three fields below come from
	edge       packet.Addr4  // where packets to the internet go
	host       packet.Addr4  // where packets to the instance go
	ackOut     uint32        // the last acknowledgement number from inside …
	ackIn      uint32        // … and from the internet
	mtuIn      uint16        // the instance's MTU
	state      uint8         // what the Flow Master last said of the flow's state
	sentOut    uint8         // TCP flags reported, and not confirmed yet
	sentIn     uint8         //
	traits     traits        // see there
	seen       time.Duration // when the last packet passed
	until      time.Duration // the entry's lease: later packets ask again
	lease      uint64        // the decision's name

	packetsOut, bytesOut uint64
	packetsIn, bytesIn   uint64
}

// traits are what is true of an entry, or not.
type traits uint8

const (
	used        traits = 1 << iota // since the last report
	independent                    // see chain.Message
	acksOut                        // ackOut is known
	acksIn                         // and ackIn
)

// Under two cache lines an entry: a change here is a decision.
var _ [112]byte = [unsafe.Sizeof(entry{})]byte{}

// outside is the key of the flow's replies: remote → public, VNI 0.
func (e *entry) outside() packet.Tuple {
	return chain.Outside(e.inside, e.public, e.publicPort).Reverse()
}

// cache finds entries by the tuple of either direction. The directions cannot
// be confused: the one from inside carries a VNI, the one from outside none.
type cache struct {
	byTuple *flowtable.Index
	free    *flowtable.Slab
	entries []entry
}

func newCache(flowsMax int, seed flowtable.Seed) *cache {
	return &cache{
		byTuple: flowtable.NewIndex(2*flowsMax, seed),
		free:    flowtable.NewSlab(flowsMax),
		entries: make([]entry, flowsMax),
	}
}

func (c *cache) get(t packet.Tuple) *entry {
	if i, ok := c.find(t); ok {
		return &c.entries[i]
	}
	return nil
}

func (c *cache) find(t packet.Tuple) (uint32, bool) {
	return c.byTuple.Find(t, func(i uint32) bool {
		e := &c.entries[i]
		return e.inside == t || t.VNI() == 0 && e.outside() == t
	})
}

// install makes or replaces the entry of a decided flow, and returns the one that
// stands; nil when there is no room, or m is too late.
func (c *cache) install(now time.Duration, m *chain.Message) *entry {
	until := m.At + chain.EntryLease
	if e := c.get(m.Flow); e != nil {
		if e.lease == m.Lease && e.public == m.Public && e.publicPort == m.PublicPort {
			e.until, e.state = max(e.until, until), m.State
			return e
		}
		if e.until > until {
			return e // m was asked earlier and came late
		}
		// The owner decided anew: what is cached is a flow that is gone.
		c.remove(m.Flow)
	}
	// A reply tuple belongs to one flow at a time (I1). Another that still holds it
	// has been forgotten by its owner, unless m is the one that came late.
	if j, ok := c.find(m.Outside().Reverse()); ok {
		if c.entries[j].until > until {
			return nil
		}
		c.remove(c.entries[j].inside)
	}
	i, ok := c.free.Take()
	if !ok {
		return nil
	}
	e := &c.entries[i]
	*e = entry{inside: m.Flow, public: m.Public, publicPort: m.PublicPort, service: m.Service, seen: now, until: until, lease: m.Lease, state: m.State}
	if m.Independent {
		e.traits = independent
	}
	reply := e.outside()
	if c.byTuple.Add(m.Flow, i) {
		if c.byTuple.Add(reply, i) {
			return e
		}
		c.byTuple.Delete(m.Flow, i)
	}
	*e = entry{}
	c.free.Give(i)
	return nil
}

// named returns the entry of m's flow if it holds m's decision, or nil.
func (c *cache) named(m *chain.Message) *entry {
	if e := c.get(m.Flow); e != nil && e.lease == m.Lease {
		return e
	}
	return nil
}

// confirm renews the lease of the entry that m names, from the time at which this
// Top reported it.
func (c *cache) confirm(m *chain.Message) {
	if e := c.named(m); e != nil {
		e.until, e.state = max(e.until, m.At+chain.EntryLease), m.State
		e.sentOut &^= m.FlagsOut
		e.sentIn &^= m.FlagsIn
	}
}

// remove drops the entry with this inside tuple.
func (c *cache) remove(inside packet.Tuple) {
	i, ok := c.find(inside)
	if !ok {
		return
	}
	e := &c.entries[i]
	c.byTuple.Delete(e.outside(), i)
	c.byTuple.Delete(inside, i)
	*e = entry{}
	c.free.Give(i)
}
