package nitrosim

import (
	"time"

	"hyperplane/flowtable"
	"hyperplane/packet"
)

// reflection remembers by which service a flow's packets reached an instance.
type reflection struct {
	tuple   packet.Tuple // as the instance answers
	service uint32       // 0: free
	_       uint32
	seen    time.Duration
}

// reflections is a bounded table of them; it forgets the idle ones at a
// constant pace.
type reflections struct {
	byTuple   *flowtable.Index
	free      *flowtable.Slab
	records   []reflection
	sweep     int
	lastSweep time.Duration
	idle      time.Duration // how long a record outlives its last packet
	Refused   uint64        // flows not remembered because the table was full
}

func newReflections(seed flowtable.Seed) *reflections {
	return &reflections{
		byTuple: flowtable.NewIndex(reflectionsMax, seed),
		free:    flowtable.NewSlab(reflectionsMax),
		records: make([]reflection, reflectionsMax),
	}
}

func (r *reflections) find(t packet.Tuple) (uint32, bool) {
	return r.byTuple.Find(t, func(i uint32) bool { return r.records[i].tuple == t })
}

// lookup returns the service that the answer t has to go back to.
func (r *reflections) lookup(now time.Duration, t packet.Tuple) (uint32, bool) {
	i, ok := r.find(t)
	if !ok {
		return 0, false
	}
	r.records[i].seen = now
	return r.records[i].service, true
}

// learn remembers that packets answered by t came from service.
func (r *reflections) learn(now time.Duration, t packet.Tuple, service uint32) {
	i, ok := r.find(t)
	if !ok {
		if i, ok = r.free.Take(); !ok {
			r.Refused++
			return
		}
		if !r.byTuple.Add(t, i) {
			r.free.Give(i)
			r.Refused++
			return
		}
	}
	r.records[i] = reflection{tuple: t, service: service, seen: now}
}

// expire visits a share of the records: all of them in a sweepPeriod.
func (r *reflections) expire(now time.Duration) {
	elapsed := now - r.lastSweep
	r.lastSweep = now
	high := r.free.High()
	for range min(int64(high), int64(high)*int64(elapsed)/int64(sweepPeriod)+1) {
		if r.sweep >= high {
			r.sweep = 0
		}
		rec := &r.records[r.sweep]
		if rec.service != 0 && now-rec.seen > r.idle {
			r.byTuple.Delete(rec.tuple, uint32(r.sweep))
			*rec = reflection{}
			r.free.Give(uint32(r.sweep))
		}
		r.sweep++
	}
}
