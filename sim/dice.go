package sim

import "time"

// dice is a stream of random numbers (splitmix64). Each purpose has its own, so
// that a fault left out by the shrinker does not change what the others draw.
type dice struct{ s uint64 }

// newDice returns the stream for a purpose within a seed.
func newDice(seed uint64, purpose ...uint64) dice {
	d := dice{seed}
	for _, p := range purpose {
		d.s = d.next() ^ p*0x9e3779b97f4a7c15
	}
	return d
}

// Purposes of streams.
const (
	forPlan = iota + 1
	forFaults
	forLinks
	forInternet
	forClients
	forServers
	forProcesses
	forMapping
)

func (d *dice) next() uint64 {
	d.s += 0x9e3779b97f4a7c15
	return scramble(d.s)
}

// scramble is the finisher of splitmix64.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number from 0 to n-1; n must be positive.
func (d *dice) below(n int) int { return int(d.next() >> 33 * uint64(n) >> 31) }

// from returns a number from lo to hi, both included.
func (d *dice) from(lo, hi int) int { return lo + d.below(hi-lo+1) }

// chance is true in n of a million cases.
func (d *dice) chance(perMillion int) bool { return perMillion > 0 && d.below(1_000_000) < perMillion }

// between returns a time from lo up to hi.
func (d *dice) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.next()%uint64(hi-lo))
}

// about returns a time of the given mean that is mostly short and at times long.
func (d *dice) about(mean time.Duration) time.Duration {
	if d.below(8) == 0 {
		return d.between(mean, 7*mean)
	}
	return d.between(0, mean+mean/7)
}
