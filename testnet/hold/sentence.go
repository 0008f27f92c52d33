package hold

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// String says in one line what the window was.
func (w Window) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s TCP and %s UDP connections held, %s broken, %s misdelivered; stall p50 %s p99 %s max %s; of the busy ones p50 %s max %s",
		Grouped(w.TCP), Grouped(w.UDP), Grouped(w.Broken), Grouped(w.Misdelivered),
		Millis(w.Stall.P50), Millis(w.Stall.P99), Millis(w.Stall.Max), Millis(w.Busy.P50), Millis(w.Busy.Max))
	for i, why := range slices.Sorted(maps.Keys(w.Causes)) {
		b.WriteString([]string{"; why: ", ", "}[min(i, 1)])
		fmt.Fprintf(&b, "%s %s", Grouped(w.Causes[why]), why)
	}
	return b.String()
}

// Grouped writes a number with its digits in groups of three.
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Millis writes milliseconds, of which only small ones have a fraction.
func Millis(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return Grouped(int(ms+0.5)) + " ms"
}
