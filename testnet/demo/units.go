package demo

import (
	"fmt"
	"strings"
	"time"
)

// scaled writes a figure with three digits and a unit prefix: "5.12 G".
func scaled(v float64) string {
	for _, step := range []struct {
		size   float64
		prefix string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if v >= 0.9995*step.size {
			return threeDigits(v/step.size) + step.prefix
		}
	}
	return fmt.Sprintf("%.0f ", v)
}

func threeDigits(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func bitRate(v float64) string    { return scaled(v) + "bit/s" }
func packetRate(v float64) string { return scaled(v) + "pkt/s" }

// latency writes a duration with three digits.
func latency(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
	if d < time.Second {
		return threeDigits(float64(d)/1e6) + " ms"
	}
	return threeDigits(d.Seconds()) + " s"
}

// clock writes a time since the beginning: "1:05".
func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// ago writes how long ago something was: "12 s ago", "1:05 ago".
func ago(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	}
	return clock(d) + " ago"
}

// plural writes "1 flow", "2 flows".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// scaledCount writes a number of things: exactly as long as that is short.
func scaledCount(n uint64) string {
	if n < 100_000 {
		return fmt.Sprint(n)
	}
	return strings.TrimSpace(scaled(float64(n)))
}
