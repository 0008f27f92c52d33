package sim

import (
	"fmt"
	"time"
)

// Stats counts what the endpoints saw.
type Stats struct {
	opened, established, closed, refused    uint64
	broken, brokenExcused, idled, moved     uint64
	answers, retransmitted                  uint64
	injected, emitted, strays, serverResets uint64
	deviceFull                              uint64
	controls                                uint64         // most in a second of the world, in hundredths for each pair of processes
	waits                                   [64 * 8]uint32 // answers by their time, eight classes for each doubling
	longest                                 time.Duration
}

// answer notes how long a request waited.
func (s *Stats) answer(d time.Duration) {
	s.answers++
	s.longest = max(s.longest, d)
	s.waits[waitClass(d)]++
}

func waitClass(d time.Duration) int {
	us := max(uint64(d/time.Microsecond), 8)
	class := 0
	for us >= 16 {
		us >>= 1
		class++
	}
	return class*8 + int(us-8)
}

func classStart(c int) time.Duration {
	return time.Duration(uint64(8+c%8)<<(c/8)) * time.Microsecond
}

// quantile is the time within which the share of requests was answered.
func (s *Stats) quantile(share float64) time.Duration {
	left := uint64(float64(s.answers) * share)
	for c, n := range s.waits {
		if uint64(n) > left {
			return classStart(c)
		}
		left -= uint64(n)
	}
	return s.longest
}

func (s *Stats) add(o *Stats) {
	s.opened += o.opened
	s.established += o.established
	s.closed += o.closed
	s.refused += o.refused
	s.broken += o.broken
	s.brokenExcused += o.brokenExcused
	s.idled += o.idled
	s.moved += o.moved
	s.answers += o.answers
	s.retransmitted += o.retransmitted
	s.injected += o.injected
	s.emitted += o.emitted
	s.strays += o.strays
	s.serverResets += o.serverResets
	s.deviceFull += o.deviceFull
	s.controls = max(s.controls, o.controls)
	for i := range s.waits {
		s.waits[i] += o.waits[i]
	}
	s.longest = max(s.longest, o.longest)
}

func (s *Stats) String() string {
	return fmt.Sprintf("connections: %d opened, %d TCP established, %d closed, %d refused or not opened, %d idled out, %d broken (let off: %d), %d translations changed\n"+
		"requests: %d answered in p50 %v, p99 %v, max %v; %d sent again; packets: %d in, %d out, %d strays; at most %.2f control datagrams per second and pair",
		s.opened, s.established, s.closed, s.refused, s.idled, s.broken, s.brokenExcused, s.moved,
		s.answers, s.quantile(0.5), s.quantile(0.99), s.longest, s.retransmitted, s.injected, s.emitted, s.strays, float64(s.controls)/100)
}
