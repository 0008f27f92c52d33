package liveness

import (
	"cmp"
	"slices"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/shard"
)

// Detector is one sender's picture of its cell's Tops. New makes it; without an
// Apply it has none. It is not safe for concurrent use.
type Detector struct {
	cell     uint32
	tops     []top // by id
	lastTick time.Duration

	asked  [askedMax]time.Duration // when the last probes were sent, a ring
	askedN uint64
	probes []Probe

	inUse, next choice
	table       shard.Table // over inUse.ids

	// Changes counts how often the set of Tops in use became another: each time,
	// the slots of those that went or came moved.
	Changes uint64

	// Asked counts the probes handed out, Answered the answers taken.
	Asked, Answered uint64
}

// choice is a set of Tops that get packets.
type choice struct {
	ids   []uint64
	addrs []packet.Addr4
}

// New returns a Detector without Tops.
func New() *Detector { return &Detector{} }

// Apply makes tops the Tops of the cell and keeps what it knows of those that
// stay. If none stays, all are presumed to be up until they had the time to
// answer: a sender that just started must send. One that joins others has to
// prove itself first. At most shard.TableNodesMax.
func (d *Detector) Apply(now time.Duration, cell uint32, tops []*cellstate.Peer) {
	old := d.tops
	stays := func(p *cellstate.Peer) int {
		return slices.IndexFunc(old, func(t top) bool { return t.ID == p.ID && t.Addr == p.Addr && d.cell == cell })
	}
	admit := unproven
	if !slices.ContainsFunc(tops, func(p *cellstate.Peer) bool { return stays(p) >= 0 }) {
		admit, d.lastTick = presumed, now
	}
	d.tops = make([]top, 0, len(tops))
	for _, p := range tops {
		t := admit(now, p)
		if i := stays(p); i >= 0 {
			t = old[i]
			t.Peer = p // it may drain now
		}
		d.tops = append(d.tops, t)
	}
	slices.SortFunc(d.tops, func(a, b top) int { return cmp.Compare(a.ID, b.ID) })
	d.cell = cell
	for _, c := range []*choice{&d.inUse, &d.next} {
		c.ids, c.addrs = slices.Grow(c.ids, len(tops)), slices.Grow(c.addrs, len(tops))
	}
	d.prepare()
	d.choose()
}

// Tick draws the conclusions from what was answered since the last one; the
// shell calls it every probePeriod, after it read what had arrived.
func (d *Detector) Tick(now time.Duration) {
	if gap := now - d.lastTick; gap > pauseMin {
		for i := range d.tops {
			d.tops[i].skip(gap - probePeriod)
		}
	}
	d.lastTick = now
	for i := range d.tops {
		d.tops[i].judge(now)
	}
	d.choose()
}

// Top returns the address of the Top that takes the packets of a slot below
// shard.Slots; 0 when the cell has none.
func (d *Detector) Top(slot uint32) packet.Addr4 {
	best := d.table.At(slot)
	if len(best) == 0 {
		return 0
	}
	return d.inUse.addrs[best[0]]
}

// Up is how many Tops are up.
func (d *Detector) Up() (n int) {
	for i := range d.tops {
		if d.tops[i].condition == up {
			n++
		}
	}
	return n
}

// choose brings the table in line with what is known of the Tops.
func (d *Detector) choose() {
	best := uint8(255)
	for i := range d.tops {
		best = min(best, d.tops[i].class())
	}
	d.next.ids, d.next.addrs = d.next.ids[:0], d.next.addrs[:0]
	for i := range d.tops {
		if t := &d.tops[i]; t.class() == best {
			d.next.ids, d.next.addrs = append(d.next.ids, t.ID), append(d.next.addrs, t.Addr)
		}
	}
	if slices.Equal(d.next.ids, d.inUse.ids) && slices.Equal(d.next.addrs, d.inUse.addrs) {
		return
	}
	if len(d.inUse.ids) > 0 {
		d.Changes++
	}
	d.inUse, d.next = d.next, d.inUse
	d.table.Build(d.inUse.ids, 1)
}
