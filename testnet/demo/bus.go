package demo

// bus draws a network between two columns: a vertical line that every part has
// an arm to. What carries packets is drawn heavy.
func bus(c *Canvas, left, right, wide, gap int, from, to []*block) {
	x := right - gap
	lines := map[int]*junction{}
	join := func(b *block) *junction {
		if lines[b.y] == nil {
			lines[b.y] = &junction{}
		}
		j := lines[b.y]
		j.heavy = j.heavy || b.active
		return j
	}
	for _, b := range from {
		join(b).left = true
		for i := b.end(left, wide) + 1; i < x; i++ {
			arm(c, i, b.y, b.active)
		}
	}
	for _, b := range to {
		join(b).right = true
		for i := x + 1; i < right-1; i++ {
			arm(c, i, b.y, b.active)
		}
		if b.picked {
			c.Set(right-2, b.y, Key, '▶')
		}
	}
	if len(from) == 0 || len(to) == 0 {
		return
	}
	top, bottom := span(lines, func(*junction) bool { return true })
	heavyTop, heavyBottom := span(lines, func(j *junction) bool { return j.heavy })
	for y := top; y <= bottom; y++ {
		j := junction{}
		if k := lines[y]; k != nil {
			j = *k
		}
		j.up, j.down = y > top, y < bottom
		j.heavy = j.heavy || y >= heavyTop && y <= heavyBottom
		c.Set(x, y, wireStyle(j.heavy), j.glyph())
	}
}

func arm(c *Canvas, x, y int, heavy bool) {
	r := '─'
	if heavy {
		r = '━'
	}
	c.Set(x, y, wireStyle(heavy), r)
}

func wireStyle(heavy bool) Style {
	if heavy {
		return Wire
	}
	return Faint
}

// junction is one cell of a bus.
type junction struct{ up, down, left, right, heavy bool }

// glyph is the character with lines in the junction's directions.
func (j junction) glyph() rune {
	i := 0
	for bit, on := range []bool{j.up, j.down, j.left, j.right} {
		if on {
			i |= 1 << bit
		}
	}
	if j.heavy {
		return []rune(" ╹╻┃╸┛┓┫╺┗┏┣━┻┳╋")[i]
	}
	return []rune(" ╵╷│╴┘┐┤╶└┌├─┴┬┼")[i]
}

// span returns the first and the last row with a junction that is wanted; the
// first is behind the last if there is none.
func span(lines map[int]*junction, want func(*junction) bool) (top, bottom int) {
	top, bottom = heightMax, -1
	for y, j := range lines {
		if want(j) {
			top, bottom = min(top, y), max(bottom, y)
		}
	}
	return top, bottom
}
