package membership

import (
	"hash/maphash"
	"slices"
	"time"
)

var mapSeed = maphash.MakeSeed()

// clone copies a machine.
func clone(m *Machine) *Machine {
	c := *m
	c.peers, c.parted, c.partedBefore = slices.Clone(m.peers), slices.Clone(m.parted), nil
	return &c
}

// fingerprint is a hash of all that decides what a machine does from now on; times
// count from now, so equal states at other times are equal.
func fingerprint(m *Machine, now time.Duration) uint64 {
	var h maphash.Hash
	h.SetSeed(mapSeed)
	w := func(vs ...uint64) {
		for _, v := range vs {
			maphash.WriteComparable(&h, v)
		}
	}
	bit := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	age := func(t time.Duration) uint64 { return uint64(now - t) }
	bits := bit(m.fresh) | bit(m.amnesiac)<<1 | bit(m.complete)<<2 | bit(m.lapsed)<<3 | bit(m.used)<<4 | bit(m.active)<<5 | bit(m.proposal.wants)<<6 | bit(m.changed)<<7
	w(bits, m.incarnation, m.promised, m.bound, age(m.contact), age(m.helloAt), min(age(m.accepted), uint64(calmAfter)), m.proposal.ballot, age(m.proposal.promised))
	for _, p := range m.parted {
		w(uint64(p.a), uint64(p.b), min(age(p.since), uint64(apartSettling)))
	}
	if m.fresh {
		w(age(m.started), age(m.crowd))
	}
	if m.proposal.wants {
		w(age(m.proposal.wanted))
	}
	maphash.WriteComparable(&h, m.view)
	for i := range m.peers {
		p := &m.peers[i]
		w(bit(p.known)|bit(p.up)<<1, p.incarnation, p.past, age(p.changed), age(p.echo), age(p.upSince), uint64(p.joinWait), uint64(p.restless(now)), age(p.heardAt), uint64(p.gap))
		s := &p.said
		w(bit(s.fresh)|bit(s.amnesiac)<<1|bit(s.complete)<<2|bit(s.lapsed)<<3, s.promised, uint64(s.n))
		maphash.WriteComparable(&h, s.view)
		for _, e := range s.peers[:s.n] {
			w(bit(e.up) | bit(e.steady)<<1)
		}
	}
	return h.Sum64()
}
