package demo

import (
	"fmt"
	"strings"
)

// drawTitle says what this is and whether all is well.
func drawTitle(c *Canvas, s *Scene, y int) int {
	x := c.Put(1, y, Strong, "HYPERPLANE") + 2
	text, good := condition(s)
	style, mark := Good, "● "
	if !good {
		style, mark = Bad, "✗ "
	}
	what := fmt.Sprintf("%s testnet  up %s  %s", s.Title, clock(s.At), plural(s.Flowing, "flow"))
	if room := c.W - 1 - width(mark+text) - 2 - x; s.Plan.Copies == 1 {
		const die = ": connections die with their node"
		c.Put(x, y, Bad, fitting(room, "one copy of each flow"+die+"  "+what, "one copy of each flow"+die, "one copy"+die, "one copy of each flow"))
	} else {
		c.Put(x, y, Faint, clip(what, room))
	}
	c.PutRight(c.W-1, y, style, mark+text)
	return y + 1
}

// condition says in a few words how the testnet is.
func condition(s *Scene) (text string, good bool) {
	for _, a := range s.Activity {
		if a.Foreign != "" {
			return "TENANTS MIXED: " + a.Task.Instance + " " + a.Foreign, false
		}
	}
	if n := s.Held.Misdelivered; n > 0 {
		return "CONNECTIONS MIXED: " + plural(n, "connection") + " got data of another", false
	}
	var down []string
	all := 0
	for i := range s.Parts {
		p := &s.Parts[i]
		if p.HasProcess() {
			all++
		}
		if !p.Runs() {
			down = append(down, p.Name)
		}
	}
	if all == 0 {
		return "looking", true
	}
	if len(down) > 0 {
		verb := " do not run"
		if len(down) == 1 {
			verb = " does not run"
		}
		return strings.Join(down, ", ") + verb, false
	}
	return fmt.Sprintf("all %d processes run", all), true
}
