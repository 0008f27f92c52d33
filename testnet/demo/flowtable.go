package demo

import (
	"slices"
	"strings"
)

// column of the table of flows. Where there is no room for all, those with
// the highest rank go first.
type column struct {
	head  string
	width int
	rank  int
	right bool // a number
	cell  func(*FlowLine) (string, Style)
}

func flowColumns(l *Layout) []column {
	plain := func(f func(*FlowLine) string) func(*FlowLine) (string, Style) {
		return func(r *FlowLine) (string, Style) { return f(r), Plain }
	}
	tenant := func(f func(*FlowLine) string) func(*FlowLine) (string, Style) {
		return func(r *FlowLine) (string, Style) { return f(r), l.vpcStyle(r.VPC) }
	}
	return []column{
		{"WHO", 7, 0, false, tenant(func(r *FlowLine) string { return r.Instance })},
		{"", 4, 2, false, plain(func(r *FlowLine) string { return r.Protocol })},
		{"FROM", 15, 0, false, plain(func(r *FlowLine) string { return r.Inside })},
		{"TO", 15, 0, false, plain(func(r *FlowLine) string { return strings.TrimSuffix(r.Remote, ":0") })},
		{"NODE", 6, 1, false, plain(func(r *FlowLine) string { return r.Node })},
		{"EDGE", 6, 1, false, plain(func(r *FlowLine) string { return r.Edge })},
		{"PUBLIC ADDRESS", 18, 0, false, tenant(func(r *FlowLine) string { return r.Public })},
		{"THROUGHPUT", 11, 3, true, func(r *FlowLine) (string, Style) {
			if r.Bit == 0 {
				return "", Plain
			}
			return bitRate(r.Bit), Figure
		}},
		{"PACKETS OUT/IN", 16, 5, true, func(r *FlowLine) (string, Style) {
			return scaledCount(r.PacketsOut) + "/" + scaledCount(r.PacketsIn), Plain
		}},
		{"STATE", 11, 4, false, func(r *FlowLine) (string, Style) { return r.State, Faint }},
		{"VPC", 10, 6, false, tenant(func(r *FlowLine) string { return r.VPC })},
	}
}

// drawFlows draws the table of flows in n rows, its head included. Equal
// 5-tuples of different VPCs are bracketed.
func drawFlows(c *Canvas, s *Scene, y, n int) int {
	if n < 2 {
		return y + n
	}
	cols, gap := fitColumns(flowColumns(&s.Plan), c.W-3)
	x := 3
	for _, col := range cols {
		col.put(c, x, y, Head, col.head)
		x += col.width + gap
	}
	rows := min(len(s.Lines), n-1)
	if rows < len(s.Lines) && rows > 8 {
		rows-- // in a shorter table the row is worth more than the remark
		c.Put(3, y+1+rows, Faint, "… and "+plural(len(s.Lines)-rows, "more flow"))
	}
	if len(s.Lines) == 0 {
		c.Put(3, y+1, Faint, "no flows")
	}
	for i := range rows {
		drawFlow(c, &s.Lines[i], y+1+i, cols, gap)
	}
	return y + n
}

func drawFlow(c *Canvas, r *FlowLine, y int, cols []column, gap int) {
	switch {
	case r.First:
		c.Set(1, y, Key, '┌')
	case r.Last:
		c.Set(1, y, Key, '└')
	case r.Equal:
		c.Set(1, y, Key, '│')
	}
	x := 3
	for _, col := range cols {
		text, style := col.cell(r)
		col.put(c, x, y, style, text)
		x += col.width + gap
	}
}

func (col *column) put(c *Canvas, x, y int, s Style, text string) {
	text = clip(text, col.width)
	if col.right {
		x += col.width - width(text)
	}
	c.Put(x, y, s, text)
}

// fitColumns leaves out columns until the others fit, and spreads what is left
// of the room between them.
func fitColumns(cols []column, room int) ([]column, int) {
	need := func() (n int) {
		for _, c := range cols {
			n += c.width + 1
		}
		return n - 1
	}
	for need() > room && len(cols) > 1 {
		worst := 0
		for i, c := range cols {
			if c.rank >= cols[worst].rank {
				worst = i
			}
		}
		cols = slices.Delete(cols, worst, worst+1)
	}
	if len(cols) < 2 {
		return cols, 1
	}
	return cols, 1 + max(0, min(3, (room-1-need())/(len(cols)-1)))
}
