package demo

import "slices"

// activityRows are the instances with traffic, in the order of the plan.
func activityRows(s *Scene) (names []string) {
	for _, a := range s.Activity {
		if !slices.Contains(names, a.Task.Instance) {
			names = append(names, a.Task.Instance)
		}
	}
	return names
}

// drawActivity draws what each instance's traffic finds, in n rows with the
// head: an instance per row, a kind of traffic and its destination per column.
func drawActivity(c *Canvas, s *Scene, y, n int) int {
	type what struct {
		kind Kind
		host string
	}
	var cols []what
	for _, a := range s.Activity {
		w := what{a.Task.Kind, a.Task.Host.Name}
		if !slices.Contains(cols, w) {
			cols = append(cols, w)
		}
	}
	slices.SortStableFunc(cols, func(a, b what) int { return int(a.kind) - int(b.kind) })
	const left = 11
	bulk := 0
	for _, w := range cols {
		if w.kind.Bulk() {
			bulk++
		}
	}
	// A throughput needs two cells more than a time.
	wide := max(6, min(22, (c.W-1-left-2*bulk)/max(1, len(cols))))
	x, end := make([]int, len(cols)), left
	for i, w := range cols {
		x[i] = end
		if end += wide; w.kind.Bulk() {
			end += 2
		}
		head := w.kind.String()
		if w.kind == Page {
			head = "page " + w.host
		} else if wide >= 16 {
			head += " " + w.host
		}
		c.Put(x[i], y, Head, clip(head, wide-1))
	}
	c.Put(1, y, Head, "TRAFFIC")
	rows := activityRows(s)
	for r := range min(n-1, len(rows)) {
		for k, a := range s.Activity {
			if a.Task.Instance != rows[r] {
				continue
			}
			c.Put(1, y+1+r, s.Plan.vpcStyle(a.Task.VPC), clip(rows[r], 9))
			text, style := activityCell(a, s.Speed[k])
			i := slices.Index(cols, what{a.Task.Kind, a.Task.Host.Name})
			room := wide - 1
			if a.Task.Kind.Bulk() {
				room += 2
			}
			c.Put(x[i], y+1+r, style, clip(text, room))
		}
	}
	return y + n
}

// activityCell says how one task is.
func activityCell(a Activity, speed float64) (string, Style) {
	switch {
	case a.Foreign != "":
		return "✗ foreign", Bad
	case a.Broken:
		return "✗ fails", Bad
	case a.Task.Kind.Bulk() && a.Bytes > 0:
		return bitRate(speed), Figure
	case a.OK == 0:
		return "…", Faint
	}
	return latency(a.Took), Good
}
