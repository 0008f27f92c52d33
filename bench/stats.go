package bench

import "slices"

// Stat is what several readings of one thing come to.
type Stat struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Count  int     `json:"count"`
	Noisy  int     `json:"noisy"` // how many of them beside foreign load
}

// summarize returns the median and the spread. Noisy readings count as well:
// leaving out what looks odd would choose the result.
func summarize(values []float64, noisy int) Stat {
	if len(values) == 0 {
		return Stat{}
	}
	s := slices.Clone(values)
	slices.Sort(s)
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Stat{Median: median, Min: s[0], Max: s[len(s)-1], Count: len(s), Noisy: noisy}
}
