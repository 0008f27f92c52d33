package demo

import (
	"strings"
	"unicode"
)

// Canvas is a grid of characters, each with a Style. Whatever is put outside
// of it is not there.
type Canvas struct {
	W, H  int
	cells []cell
}

type cell struct {
	r rune
	s Style
}

// NewCanvas returns an empty canvas, at most widthMax by heightMax.
func NewCanvas(w, h int) *Canvas {
	w, h = max(0, min(w, widthMax)), max(0, min(h, heightMax))
	c := &Canvas{W: w, H: h, cells: make([]cell, w*h)}
	for i := range c.cells {
		c.cells[i].r = ' '
	}
	return c
}

// Put writes text from x on and returns where it ended.
func (c *Canvas) Put(x, y int, s Style, text string) int {
	for _, r := range text {
		c.Set(x, y, s, r)
		x++
	}
	return x
}

// PutRight writes text that ends before x.
func (c *Canvas) PutRight(x, y int, s Style, text string) { c.Put(x-width(text), y, s, text) }

// Set writes one character. One that would not take exactly one cell, or that
// a terminal obeys, becomes a question mark.
func (c *Canvas) Set(x, y int, s Style, r rune) {
	if x < 0 || y < 0 || x >= c.W || y >= c.H {
		return
	}
	if !narrow(r) {
		r = '?'
	}
	c.cells[y*c.W+x] = cell{r, s}
}

// narrow reports whether a character takes one cell in every terminal. Beyond
// Latin only the symbols of the picture are let through.
func narrow(r rune) bool {
	switch {
	case r < 0x300:
		return unicode.IsPrint(r)
	case r >= 0x2500 && r < 0x2600: // lines, blocks, geometric shapes
		return true
	}
	return strings.ContainsRune("…✓✗←→↑↓─", r)
}

// width is how many cells a text takes on a Canvas.
func width(text string) int { return len([]rune(text)) }

// clip shortens a text to n cells and shows that it did.
func clip(text string, n int) string {
	r := []rune(text)
	switch {
	case len(r) <= n:
		return text
	case n <= 0:
		return ""
	}
	return string(r[:n-1]) + "…"
}

// fitting is the first of several texts that fits into n cells, or what does of
// the last.
func fitting(n int, texts ...string) string {
	for _, t := range texts {
		if width(t) <= n {
			return t
		}
	}
	return clip(texts[len(texts)-1], n)
}

// pad extends a text to n cells.
func pad(text string, n int) string { return text + strings.Repeat(" ", max(0, n-width(text))) }

// Text is the picture without styles and without blanks at the ends of lines.
func (c *Canvas) Text() string {
	return c.render(func(_ Style, text string) string { return text }, true)
}

// Styled is the picture with the terminal's codes for its styles.
func (c *Canvas) Styled() string { return c.render(Style.render, false) }

// render joins runs of equal style.
func (c *Canvas) render(styled func(Style, string) string, trim bool) string {
	lines := make([]string, c.H)
	for y := range lines {
		row := c.cells[y*c.W : (y+1)*c.W]
		var line strings.Builder
		for x := 0; x < len(row); {
			end := x
			var run strings.Builder
			for end < len(row) && row[end].s == row[x].s {
				run.WriteRune(row[end].r)
				end++
			}
			line.WriteString(styled(row[x].s, run.String()))
			x = end
		}
		lines[y] = line.String()
		if trim {
			lines[y] = strings.TrimRight(lines[y], " ")
		}
	}
	return strings.Join(lines, "\n")
}
