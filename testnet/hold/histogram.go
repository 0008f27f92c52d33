package hold

import (
	"math/bits"
	"time"
)

// stepsLog says how fine a Histogram is: 32 steps per doubling, so a value is
// known within 3 percent, whatever its size.
const (
	stepsLog = 5
	steps    = 1 << stepsLog
)

// Histogram counts durations, to the microsecond where they are short and to
// 3 percent where they are long.
type Histogram struct {
	counts [(64 - stepsLog) * steps]uint32
	n      int
	max    time.Duration
}

// bucket is the place of a number of microseconds: itself below steps, then
// linear within each doubling.
func bucket(us uint64) int {
	if us < steps {
		return int(us)
	}
	shift := bits.Len64(us) - stepsLog - 1
	return shift*steps + int(us>>shift)
}

// top is the largest number of microseconds in a bucket.
func top(b int) uint64 {
	if b < 2*steps {
		return uint64(b)
	}
	shift := b/steps - 1
	return uint64(b%steps+steps+1)<<shift - 1
}

// Add counts one duration; a negative one counts as none.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(0, d).Microseconds()))]++
	h.n++
	h.max = max(h.max, d)
}

// Quantile is a duration that the share q of all that were counted does not
// exceed, 0 if nothing was.
func (h *Histogram) Quantile(q float64) time.Duration {
	rest := int(q*float64(h.n) + 0.999999)
	for b, c := range h.counts {
		if rest -= int(c); rest <= 0 && h.n > 0 {
			return min(h.max, time.Duration(top(b))*time.Microsecond)
		}
	}
	return h.max
}

// Stalls is what a Histogram says, in milliseconds.
type Stalls struct {
	Conns   int      `json:"connections"` // whose longest stall each is
	P50     float64  `json:"p50_ms"`
	P99     float64  `json:"p99_ms"`
	Max     float64  `json:"max_ms"`
	Buckets []Bucket `json:"buckets,omitempty"`
}

// Bucket is how many stalls were at most so long, and longer than the bucket
// before it holds.
type Bucket struct {
	UpTo  float64 `json:"up_to_ms"`
	Count int     `json:"count"`
}

func (h *Histogram) stalls() Stalls {
	s := Stalls{Conns: h.n, P50: ms(h.Quantile(0.5)), P99: ms(h.Quantile(0.99)), Max: ms(h.max)}
	for b, c := range h.counts {
		if c > 0 {
			s.Buckets = append(s.Buckets, Bucket{float64(top(b)) / 1000, int(c)})
		}
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
