package demo

import (
	"slices"
	"strings"
)

// drawThroughput draws what went through the edges, in two sparklines of n
// rows each with the same scale.
func drawThroughput(c *Canvas, s *Scene, y, n int) int {
	peak := 0.0
	for _, h := range [][]float64{s.Up, s.Down} {
		if len(h) > 0 {
			peak = max(peak, slices.Max(h))
		}
	}
	for _, line := range []struct {
		head string
		h    []float64
	}{{"from internet", s.Down}, {"to internet", s.Up}} {
		c.Put(1, y+n-1, Head, line.head)
		const from = 16
		to := c.W - 14
		if to > from {
			spark(c, from, y, to-from, n, line.h, peak)
		}
		now := 0.0
		if len(line.h) > 0 {
			now = line.h[len(line.h)-1]
		}
		c.PutRight(c.W-1, y+n-1, Figure, bitRate(now))
		y += n
	}
	return y
}

// spark draws the newest values as bars of up to n rows, the newest at the
// right. A value above zero is never invisible.
func spark(c *Canvas, x, y, w, n int, values []float64, peak float64) {
	values = values[max(0, len(values)-w):]
	x += w - len(values)
	bars := []rune(" ▁▂▃▄▅▆▇█")
	for i, v := range values {
		eighths := 0
		if peak > 0 && v > 0 {
			eighths = max(1, int(v/peak*float64(8*n)+0.5))
		}
		for row := range n {
			level := max(0, min(8, eighths-8*(n-1-row)))
			c.Set(x+i, y+row, Wire, bars[level])
		}
	}
}

// drawDrops lists the reasons for which packets were dropped.
func drawDrops(c *Canvas, s *Scene, y int) {
	x := c.Put(1, y, Head, "drops") + 10
	if len(s.Drops) == 0 {
		c.Put(x, y, Good, "none")
		return
	}
	for _, d := range s.Drops {
		text := d.Reason + " " + scaledCount(d.Total)
		style := Plain
		if d.Rate > 0 {
			text += " (" + strings.TrimSpace(scaled(d.Rate)) + "/s)"
			style = Bad
		}
		if x+width(text) > c.W-4 {
			c.Put(x, y, Faint, "…")
			return
		}
		x = c.Put(x, y, style, text) + 3
	}
}
