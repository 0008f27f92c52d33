package sim

import "time"

// clock is a process's own: monotonic since its start, as package loop's, and
// at a rate of its own. It goes on while the process is stopped.
type clock struct {
	start  time.Duration // of the process, in the world's time
	offset time.Duration // what it showed then: the phase of its ticks
	skew   int           // how much faster than the world, in millionths
}

// at is what it shows at the world's time t.
func (c *clock) at(t time.Duration) time.Duration {
	d := t - c.start
	return c.offset + d + d/1_000_000*time.Duration(c.skew) + d%1_000_000*time.Duration(c.skew)/1_000_000
}

// when is the first time of the world at which it shows at least local.
func (c *clock) when(local time.Duration) time.Duration {
	d := (local - c.offset) * 1000 / time.Duration(1000+c.skew/1000)
	t := c.start + d
	for c.at(t) > local {
		t -= c.at(t) - local
	}
	for c.at(t) < local {
		t += local - c.at(t)
	}
	return t
}
