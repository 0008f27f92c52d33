package sim

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Campaign is many seeds.
type Campaign struct {
	First   uint64
	Seeds   int           // how many; 0: as many as fit
	Limit   time.Duration // of wall-clock time; 0: none
	Workers int           // worlds at once; each has its own thread
	Options Options       // of every world
	Shrink  time.Duration // how long to look for a smaller world when one fails
}

// Sum is what many worlds did.
type Sum struct {
	Seeds     int
	Simulated time.Duration
	Wall      time.Duration
	Stats     Stats
	Sometimes [counters]uint64
	Worlds    [counters]int // in which it happened
	Failed    []Report
}

// Go runs the campaign. It stops starting worlds at the first failure.
func (c Campaign) Go() Sum {
	var (
		sum   Sum
		lock  sync.Mutex
		next  = c.First
		began = time.Now()
		group sync.WaitGroup
	)
	take := func() (uint64, bool) {
		lock.Lock()
		defer lock.Unlock()
		if len(sum.Failed) > 0 || c.Seeds > 0 && next >= c.First+uint64(c.Seeds) || c.Limit > 0 && time.Since(began) > c.Limit {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range max(c.Workers, 1) {
		group.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				o := c.Options
				o.Seed = seed
				r, err := Run(o)
				if err != nil {
					r.Failure = &Failure{Invariant: Itself, Text: err.Error()}
				} else if r.Failure != nil && c.Shrink > 0 {
					r = Shrink(r, c.Shrink)
				}
				lock.Lock()
				sum.add(&r)
				lock.Unlock()
			}
		})
	}
	group.Wait()
	sum.Wall = time.Since(began)
	return sum
}

func (s *Sum) add(r *Report) {
	s.Seeds++
	s.Simulated += r.Simulated
	s.Stats.add(&r.Stats)
	for i, n := range r.Sometimes {
		s.Sometimes[i] += n
		if n > 0 {
			s.Worlds[i]++
		}
	}
	if r.Failure != nil {
		s.Failed = append(s.Failed, *r)
	}
}

// String is the summary, the failures first.
func (s *Sum) String() string {
	var b strings.Builder
	for i := range s.Failed {
		fmt.Fprintf(&b, "%v\n", &s.Failed[i])
	}
	fmt.Fprintf(&b, "%d seeds, %v simulated in %v (%.0f times as fast), %d failed\n%v\n", s.Seeds, s.Simulated.Round(time.Second),
		s.Wall.Round(time.Millisecond), float64(s.Simulated)/float64(s.Wall), len(s.Failed), &s.Stats)
	b.WriteString("sometimes (times, worlds):")
	for i, n := range s.Sometimes {
		fmt.Fprintf(&b, " %v %d/%d,", Counter(i), n, s.Worlds[i])
	}
	return strings.TrimSuffix(b.String(), ",") + "\n"
}
