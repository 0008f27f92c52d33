package natgw

import (
	"time"

	"hyperplane/chain"
	"hyperplane/flowtable"
)

// missBudgets bound what one service, and one source, may send down the chain, so
// that a scan from the internet or a flood from one instance does not drown the
// owners. Services and sources share a bucket where their hashes meet; the seed is
// secret, so nobody can choose with whom. The two directions have buckets of
// their own: a scan of a public address takes nothing from the instances behind it.
type missBudgets struct {
	seed     uint64
	services [2][serviceBuckets]bucket
	sources  [2][sourceBuckets]bucket
}

// bucket is a token bucket that counts its fill by the time at which it will be
// empty of debts (GCRA).
type bucket struct{ due time.Duration }

func newMissBudgets(seed flowtable.Seed) missBudgets { return missBudgets{seed: seed[0] | 1} }

// take takes one token; false when there is none.
func (b *bucket) take(now, each, burst time.Duration) bool {
	due := max(b.due, now)
	if due-now > burst {
		return false
	}
	b.due = due + each
	return true
}

// allows reports whether a miss may be sent, and counts it.
func (b *missBudgets) allows(now time.Duration, m *chain.Message) bool {
	direction, source := 0, uint64(m.Flow.Src)|uint64(m.Flow.VNI())<<32
	if m.Inbound {
		direction = 1
	}
	const each, burst = time.Second / missesPerSource, missBurst
	if !b.sources[direction][b.place(source)%sourceBuckets].take(now, each, burst) {
		return false
	}
	const eachService = time.Second / missesPerService
	return b.services[direction][b.place(uint64(m.Service)<<1)%serviceBuckets].take(now, eachService, burst)
}

// place mixes a key with the seed (the finisher of SplitMix64).
func (b *missBudgets) place(x uint64) uint64 {
	x = (x ^ b.seed) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
