package demo

import (
	"fmt"

	"hyperplane/testnet"
)

// diagramSize is how much room a part gets in the drawing of the topology.
type diagramSize struct {
	block int // rows of one part: name, and one or two of figures
	gap   int // empty rows between two
}

// diagramRowsMax bounds the drawing's height in parts of one column; the
// others are counted in its last row.
const diagramRowsMax = 8

func (d diagramSize) column(n int) int {
	n = min(n, diagramRowsMax)
	return max(0, n*(d.block+d.gap)-d.gap)
}

// rows is the height with the heads of the columns.
func (d diagramSize) rows(l *Layout) int {
	h := 0
	for _, n := range []int{len(l.Instances), len(l.Hosts), len(l.Nodes), len(l.Edges), len(l.Internet)} {
		h = max(h, d.column(n))
	}
	return 1 + h
}

// block is one part as it is drawn.
type block struct {
	name   string
	mark   rune
	style  Style // of the mark
	lines  []styled
	active bool // carries packets
	picked bool
	y      int
}

// styled is a line in one style, and what it says where it does not fit.
type styled struct {
	text  string
	style Style
	short []string
}

// The columns, from left to right.
const (
	colInstances = iota
	colHosts
	colNodes
	colEdges
	colInternet
	columns
)

// drawDiagram draws the topology: five columns, and between them the networks
// as vertical lines.
func drawDiagram(c *Canvas, s *Scene, y int, size diagramSize) int {
	height := size.rows(&s.Plan)
	gap := 4
	wide := min(26, (c.W-2-(columns-1)*gap)/columns)
	if wide >= 20 {
		gap = 5
		wide = min(30, (c.W-2-(columns-1)*gap)/columns)
	}
	at := func(col int) int { return 1 + col*(wide+gap) }
	cols := blocks(s, size, y+1, height-1)
	for i, head := range [columns]string{"INSTANCES", "HOSTS", "CELL", "EDGES", "INTERNET"} {
		c.Put(at(i), y, Head, clip(head, wide))
		for _, b := range cols[i] {
			b.draw(c, at(i), wide, size.block, y+height)
		}
		if more := []int{len(s.Plan.Instances), len(s.Plan.Hosts), len(s.Plan.Nodes), len(s.Plan.Edges), len(s.Plan.Internet)}[i] - len(cols[i]); more > 0 {
			c.PutRight(at(i)+wide, y, Faint, fmt.Sprintf("+%d", more))
		}
	}
	for _, host := range cols[colHosts] { // each host has its own instances
		var mine []*block
		for i, b := range cols[colInstances] {
			if s.Plan.Instances[i].Host == host.name {
				mine = append(mine, b)
			}
		}
		bus(c, at(colInstances), at(colHosts), wide, gap, mine, []*block{host})
	}
	for i := colHosts; i < colInternet; i++ {
		bus(c, at(i), at(i+1), wide, gap, cols[i], cols[i+1])
	}
	return y + height
}

// blocks places all parts, each column in the middle, a host beside its own
// instances.
func blocks(s *Scene, size diagramSize, top, height int) (cols [columns][]*block) {
	l := &s.Plan
	for _, in := range l.Instances[:min(len(l.Instances), diagramRowsMax)] {
		st := l.vpcStyle(in.VPC)
		cols[colInstances] = append(cols[colInstances], &block{
			name: in.Name, mark: '■', style: st, active: s.busy(in.Name),
			lines: []styled{{in.Address, Plain, nil}, {"VPC " + in.VPC, st, nil}},
		})
	}
	for col, names := range map[int][]string{colHosts: l.Hosts, colNodes: l.Nodes, colEdges: l.Edges} {
		for _, name := range names[:min(len(names), diagramRowsMax)] {
			cols[col] = append(cols[col], s.role(name))
		}
	}
	for _, h := range l.Internet[:min(len(l.Internet), diagramRowsMax)] {
		b := s.role(h.Name)
		b.active = s.asked(h)
		b.lines = []styled{{h.Address.String(), Plain, nil}}
		cols[colInternet] = append(cols[colInternet], b)
	}
	for i := range cols {
		y := top + (height-size.column(len(cols[i])))/2
		for _, b := range cols[i] {
			b.y = y
			y += size.block + size.gap
		}
	}
	next := top
	for _, host := range cols[colHosts] {
		first, last := -1, 0
		for i, b := range cols[colInstances] {
			if l.Instances[i].Host == host.name {
				if first < 0 {
					first = b.y
				}
				last = b.y
			}
		}
		if first >= 0 {
			host.y = max(next, (first+last)/2)
		}
		next = host.y + size.block
	}
	return cols
}

// role is the block of a part with a process.
func (s *Scene) role(name string) *block {
	b := &block{name: name, mark: '●', style: Good, picked: name == s.Selected}
	p := s.part(name)
	switch {
	case p == nil: // not yet seen
		b.mark, b.style = '○', Faint
	case !p.Runs():
		b.mark, b.style = '✗', Bad
		state := map[string]string{
			testnet.StateDead: "dead", testnet.StateStopped: "stopped", testnet.StateRunning: "no answer",
		}[p.State]
		if state == "" {
			state = "not there"
		}
		b.lines = []styled{{state, Bad, nil}}
	default:
		r := s.PartRate[name]
		b.active = r.Packets > 0
		if p.Traffic.Node.Told {
			b.lines = []styled{s.owns(p.Traffic.Node)}
		}
		if !r.Known || !b.active {
			b.lines = append(b.lines, styled{"idle", Faint, nil})
			break
		}
		b.lines = append(b.lines, styled{bitRate(r.Bit), Figure, nil}, styled{packetRate(r.Packets), Figure, nil})
	}
	return b
}

// owns says which part of the flows a node has. Its copies are all else that it
// tracks, with the few flows that have ended and whose ports rest.
func (s *Scene) owns(n NodeFigures) styled {
	flows := scaledCount(n.Flows)
	owns := "owns " + flows
	if s.Plan.Copies == 1 {
		return styled{owns + " flows, copies none", Figure, []string{owns + " flows", owns}}
	}
	copies := scaledCount(max(n.Records, n.Flows) - n.Flows)
	return styled{owns + " flows, copies of " + copies, Figure, []string{"own " + flows + " copies " + copies, owns}}
}

// busy reports whether an instance's traffic gets answers.
func (s *Scene) busy(instance string) bool {
	for _, a := range s.Activity {
		if a.Task.Instance == instance && a.OK > 0 && !a.Broken {
			return true
		}
	}
	return false
}

// asked reports whether an internet host answers someone.
func (s *Scene) asked(h testnet.Host) bool {
	for _, a := range s.Activity {
		if a.Task.Host == h && a.OK > 0 && !a.Broken {
			return true
		}
	}
	return false
}

// draw paints the part, not below the row bottom.
func (b *block) draw(c *Canvas, x, wide, rows, bottom int) {
	c.Set(x, b.y, b.style, b.mark)
	c.Put(x+2, b.y, Strong, clip(b.name, wide-2))
	for i, l := range b.lines {
		if i+1 < rows && b.y+i+1 < bottom {
			c.Put(x, b.y+i+1, l.style, fitting(wide, append([]string{l.text}, l.short...)...))
		}
	}
}

// end is where the name ends.
func (b *block) end(x, wide int) int { return x + 2 + min(width(b.name), wide-2) }
