package demo

import "fmt"

// Draw paints a scene for a terminal of w by h cells.
//
//  1. title
//  2. the topology, with what each part receives
//  3. how the cell is, and what became of the connections held
//  4. who talks to whom, through which node, edge and public address
//  5. what each instance's traffic finds
//  6. throughput, and drops
//  7. how to look inside, and the keys
//
// What has a fixed height gets it; the flows get the rest, and what they do
// not need makes the sparklines higher.
func Draw(s Scene, w, h int) *Canvas {
	c := NewCanvas(w, h)
	if c.W < widthMin || c.H < heightMin {
		return drawSmall(c, &s)
	}
	f := fit(&s, c.H)
	y := drawTitle(c, &s, 0)
	y += f.air
	y = drawDiagram(c, &s, y, f.diagram) + f.air
	y = drawState(c, &s, y) + f.air
	y = drawFlows(c, &s, y, f.flows) + f.air
	y = drawActivity(c, &s, y, f.activity) + f.air
	y = drawThroughput(c, &s, y, f.spark)
	drawDrops(c, &s, y+f.airSmall)
	drawFooter(c, &s, c.H-f.footer, f.footer)
	return c
}

// drawSmall says what fits where there is no room for the picture.
func drawSmall(c *Canvas, s *Scene) *Canvas {
	text, good := condition(s)
	style := Good
	if !good {
		style = Bad
	}
	c.Put(0, 0, Strong, clip("HYPERPLANE", c.W))
	c.Put(0, 1, style, clip(text, c.W))
	held, _ := s.connections(c.W)
	c.Put(0, 2, Plain, held)
	c.Put(0, 3, Plain, clip(fmt.Sprintf("no room: want %dx%d", widthMin, heightMin), c.W))
	c.Put(0, 4, Plain, clip("q quit", c.W))
	return c
}

// heights are the rows that each section gets.
type heights struct {
	air, airSmall int // empty rows between sections
	diagram       diagramSize
	flows         int // with its head
	activity      int // with its head
	spark         int // of one sparkline
	footer        int
}

// flowRowsUsual is how many rows the flows get where there is room, whether
// they are there or not: the rest must not jump as flows come and go.
const flowRowsUsual = 15

// flowRowsMin is how many rows the flows get, their head included, before the
// topology is drawn without figures.
const flowRowsMin = 5

// stateRows are those that the cell and its connections take.
const stateRows = 2

// fit divides the rows.
func fit(s *Scene, h int) heights {
	f := heights{spark: 1}
	sizes := []diagramSize{{3, 1}, {3, 0}, {2, 0}, {1, 0}}
	switch {
	case h >= 44:
		f.air, f.airSmall, f.spark = 1, 1, 2
	case h >= 36:
		f.air, f.spark, sizes = 1, 2, sizes[1:]
	case h >= 28:
		f.air, sizes = 1, sizes[2:]
	default:
		sizes = sizes[2:]
	}
	if s.Keys {
		f.footer = 2
		switch {
		case h >= 44:
			f.footer = 6
		case h >= 32:
			f.footer = 3
		}
	}
	f.activity = 1 + min(len(activityRows(s)), max(1, h/8))
	fixed := 1 + stateRows + f.activity + 2*f.spark + 1 + f.footer + 5*f.air + f.airSmall
	room := 0
	for _, f.diagram = range sizes { // the largest that leaves the flows some rows
		if room = h - fixed - f.diagram.rows(&s.Plan); room >= flowRowsMin {
			break
		}
	}
	f.flows = max(0, min(room, max(flowRowsUsual, 1+len(s.Lines))))
	if more := (room - f.flows) / 2; more > 0 && s.Keys {
		f.spark += min(more, 6)
	}
	return f
}

// rule draws the head of a section: its name and a line.
func rule(c *Canvas, y int, name string) int {
	x := c.Put(1, y, Head, name) + 1
	for i := x; i < c.W-1; i++ {
		c.Set(i, y, Faint, '─')
	}
	return x
}
