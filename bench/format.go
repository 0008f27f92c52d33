package bench

import (
	"fmt"
	"math"
	"time"
)

// figure writes a number with as many digits as a measurement deserves.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// text writes a median with its spread; a star says that some of it is noisy.
func (s Stat) text() string {
	if s.Count == 0 {
		return "–"
	}
	star := ""
	if s.Noisy > 0 {
		star = "*"
	}
	return fmt.Sprintf("%s%s (%s–%s)", figure(s.Median), star, figure(s.Min), figure(s.Max))
}

// rounds counts them in words.
func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}

// Duration writes a time for people, in whole seconds.
func Duration(d time.Duration) string { return d.Round(time.Second).String() }
