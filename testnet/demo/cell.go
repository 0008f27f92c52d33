package demo

import (
	"fmt"

	"hyperplane/testnet"
)

// Cell is what the nodes say of the cell that they are.
type Cell struct {
	Seen     bool // there are nodes
	Told     bool // one of them at least tells
	View     int  // number of the view that they act in
	Members  int  // nodes that are there
	Full     int  // those of them that own flows
	Serving  bool // a majority stands behind the view
	Degraded bool // the cell lacks what it needs to keep every promise
	Single   int  // flows that may be on one node only
	Running  int  // nodes whose process does its work
}

// cellOf takes the word of the node with the newest view that serves, and of
// those that act in the same one.
func cellOf(parts []PartState) (c Cell) {
	var speaker NodeFigures
	for _, p := range parts {
		if p.Role != testnet.RoleNode {
			continue
		}
		if c.Seen = true; p.Runs() {
			c.Running++
		}
		n := p.Traffic.Node
		if !n.Told || c.Told && (speaker.Serving && !n.Serving || speaker.Serving == n.Serving && speaker.View >= n.View) {
			continue
		}
		c.Told, speaker = true, n
	}
	c.View, c.Members, c.Full, c.Serving = int(speaker.View), int(speaker.Members), int(speaker.Full), speaker.Serving
	for _, p := range parts {
		if n := p.Traffic.Node; n.Told && n.View == speaker.View {
			c.Degraded = c.Degraded || n.Degraded
			c.Single += int(n.Single)
		}
	}
	return c
}

// redundant reports whether the loss of a node breaks nothing: every flow is on two
// nodes, and all that are meant by that live.
func (c Cell) redundant() bool {
	return c.Told && c.Serving && !c.Degraded && c.Single == 0 && c.Members > 1 && c.Members == c.Running
}

// words say how the cell is.
func (c Cell) words(l *Layout) (text string, good bool) {
	switch {
	case !c.Seen:
		return "looking", true
	case !c.Told:
		return "no node tells", false
	}
	of := fmt.Sprintf("view %d: %d of %s, ", c.View, c.Members, plural(l.Masters, "node"))
	switch {
	case !c.Serving:
		return of + "degraded: no majority", false
	case c.Degraded:
		return of + "degraded: the next loss may break connections", false
	case l.Copies == 1:
		return of + "one copy of each flow", c.Members >= l.Masters
	case c.Single > 0:
		return of + plural(c.Single, "flow") + " not yet on a second node", false
	case c.Full < c.Members:
		return of + fmt.Sprintf("%d still learns its flows", c.Members-c.Full), true
	case c.Members < l.Masters:
		return of + "every flow on two of them", true
	}
	return of + "full service", true
}

// drawState says how the cell is and what became of the connections held.
func drawState(c *Canvas, s *Scene, y int) int {
	const from = 13
	style := map[bool]Style{true: Good, false: Bad}
	text, good := s.Cell.words(&s.Plan)
	c.Put(1, y, Head, "cell")
	c.Put(from, y, style[good], clip(text, c.W-1-from))
	text, good = s.connections(c.W - 1 - from)
	c.Put(1, y+1, Head, "connections")
	c.Put(from, y+1, style[good], text)
	return y + 2
}
