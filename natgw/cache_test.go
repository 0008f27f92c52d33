package natgw

import (
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
)

func decided(port uint16, public packet.Addr4, publicPort uint16) *chain.Message {
	return &chain.Message{
		Kind: chain.Entry, Service: 1, Public: public, PublicPort: publicPort, Lease: uint64(port)<<16 | uint64(publicPort),
		Flow: packet.MakeTuple(100, packet.ProtoUDP, 0x0a00010a, port, 0xcb00710a, 53),
	}
}

const public packet.Addr4 = 0xc6336401

func newTestCache() *cache { return newCache(4, flowtable.Seed{1, 2}) }

// consistent fails unless every entry in use is found by both of its tuples
// and nothing else is.
func (c *cache) consistent(t *testing.T) {
	t.Helper()
	used := 0
	for i := range c.entries {
		if !c.free.InUse(uint32(i)) {
			if c.entries[i] != (entry{}) {
				t.Errorf("entry %d is free and not empty", i)
			}
			continue
		}
		used++
		e := &c.entries[i]
		if c.get(e.inside) != e || c.get(e.outside()) != e {
			t.Errorf("entry %d (%v) is not found by both tuples", i, e.inside)
		}
	}
	if c.byTuple.Len() != 2*used {
		t.Errorf("%d tuples for %d entries", c.byTuple.Len(), used)
	}
}

func TestCacheInstall(t *testing.T) {
	c := newTestCache()
	m := decided(4000, public, 5000)
	e := c.install(1, m)
	if e == nil || c.get(m.Flow) != e || c.get(m.Outside().Reverse()) != e {
		t.Fatal("the entry is not found by both tuples")
	}
	e.packetsOut = 7
	if again := c.install(2, m); again != e || again.packetsOut != 7 {
		t.Error("the same decision again made another entry (I3)")
	}
	// The owner decided anew: the old reply tuple must not lead here any more.
	moved := c.install(3, decided(4000, public, 5001))
	if moved == nil || moved.packetsOut != 0 || c.get(m.Outside().Reverse()) != nil {
		t.Error("the old decision is still there")
	}
	c.consistent(t)
}

// A reply tuple belongs to one flow: a new owner of it takes it whole (I1).
func TestCacheReplyTupleTaken(t *testing.T) {
	c := newTestCache()
	old, next := decided(4000, public, 5000), decided(4001, public, 5000)
	c.install(1, old)
	e := c.install(2, next)
	if c.get(old.Flow) != nil || c.get(next.Outside().Reverse()) != e {
		t.Error("two flows share a reply tuple")
	}
	c.consistent(t)
}

// What was asked earlier does not replace what was asked later, however late it
// comes.
func TestCacheLateEntry(t *testing.T) {
	c := newTestCache()
	late := decided(4000, public, 5000)
	now := decided(4000, public, 5001)
	now.At = time.Second
	e := c.install(1, now)
	if c.install(2, late) != e || e.publicPort != 5001 {
		t.Error("an older decision of the same flow replaced a newer one (I3)")
	}
	if c.install(2, decided(4001, public, 5001)) != nil || c.get(now.Flow) != e {
		t.Error("an older decision took the public port of a newer one (I1)")
	}
	c.consistent(t)
}

// A Confirm renews the lease of the decision that it names, and never shortens it.
func TestCacheConfirm(t *testing.T) {
	c := newTestCache()
	m := decided(4000, public, 5000)
	e := c.install(1, m)
	if e.until != chain.EntryLease {
		t.Errorf("lease until %v, want %v", e.until, chain.EntryLease)
	}
	m.At = 2 * time.Second
	c.confirm(m)
	if e.until != chain.EntryLease+2*time.Second {
		t.Errorf("lease until %v after a confirmation", e.until)
	}
	m.At = time.Second
	c.confirm(m)
	other := decided(4000, public, 5001)
	other.At = time.Minute
	c.confirm(other)
	if e.until != chain.EntryLease+2*time.Second {
		t.Errorf("lease until %v after a late confirmation and one of another decision", e.until)
	}
}

func TestCacheRemove(t *testing.T) {
	c := newTestCache()
	m := decided(4000, public, 5000)
	c.install(1, m)
	if c.named(decided(4000, public, 5001)) != nil { // an older decision of the same flow
		t.Error("named by a message about another decision")
	}
	if c.named(m) == nil {
		t.Error("not named by its own")
	}
	c.remove(m.Flow)
	c.remove(m.Flow)
	if c.named(m) != nil {
		t.Error("not forgotten")
	}
	c.consistent(t)
}

func TestCacheFull(t *testing.T) {
	c := newTestCache()
	for i := range uint16(4) {
		if c.install(1, decided(4000+i, public, 5000+i)) == nil {
			t.Fatalf("no room for flow %d of 4", i)
		}
	}
	if c.install(1, decided(5000, public, 6000)) != nil {
		t.Error("a fifth flow in a cache of four")
	}
	c.consistent(t)
	c.remove(decided(4002, public, 5002).Flow)
	if c.install(1, decided(5000, public, 6000)) == nil {
		t.Error("no room after one was forgotten")
	}
	c.consistent(t)
}
