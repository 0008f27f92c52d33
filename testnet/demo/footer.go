package demo

import "fmt"

// drawFooter draws how to look inside and what the keys do, in n rows.
func drawFooter(c *Canvas, s *Scene, y, n int) {
	if !s.Keys {
		return
	}
	hints := Hints(s)
	if room := n - 1; room < len(hints) && room > 0 { // one after the other, each for a while
		i := s.Frame / 10 * room % len(hints)
		hints = append(hints[i:len(hints):len(hints)], hints...)[:room]
	}
	lead := "Look inside: " // where there is no room for the whole head
	if n > len(hints)+1 {
		rule(c, y, "Look inside from another terminal")
		lead = ""
		y++
	}
	for i := range min(n-1, len(hints)) {
		style := Plain
		if hints[i].missing {
			style = Faint
		}
		x := 1
		if hints[i].command {
			x = c.Put(x, y+i, Faint, lead)
		}
		c.Put(x, y+i, style, clip(hints[i].text, c.W-1-x))
	}
	drawKeys(c, s, c.H-1)
}

type hint struct {
	text    string
	missing bool // the program is not here
	command bool // for another terminal
}

// Hints say what the brackets mean, how to look inside with the programs that are installed, and how
// to install the others.
func Hints(s *Scene) (list []hint) {
	instance, host := "NAME", "ADDRESS"
	hostName := "NAME"
	if len(s.Plan.Instances) > 0 {
		instance = s.Plan.Instances[0].Name
	}
	if len(s.Plan.Internet) > 0 {
		host, hostName = s.Plan.Internet[0].Address.String(), s.Plan.Internet[0].Name
	}
	for _, l := range s.Lines {
		if l.Equal {
			list = append(list, hint{"┌ └ joins equal 5-tuples: two VPCs, one private address and port, kept apart", false, false})
			break
		}
	}
	for _, h := range []struct{ tool, in, args string }{
		{"curl", instance, "curl http://" + host + "/"},
		{"iperf3", instance, "iperf3 -c " + host},
		{"tcpdump", hostName, "tcpdump -ni eth0"},
	} {
		if s.Tools[h.tool] {
			list = append(list, hint{fmt.Sprintf("%s testnet exec %s -- %s", s.Binary, h.in, h.args), false, true})
		} else {
			list = append(list, hint{fmt.Sprintf("%s is not installed here; on Debian: apt-get install %s", h.tool, h.tool), true, false})
		}
	}
	return list
}

// drawKeys draws the keys' help, or what the last one did.
func drawKeys(c *Canvas, s *Scene, y int) {
	x := 1
	key := func(k, what string) {
		if x+width(k)+1+width(what) < c.W {
			x = c.Put(x, y, Key, k)
			x = c.Put(x+1, y, Plain, what) + 2
		}
	}
	key("q", "quit")
	if s.Selected != "" {
		key("←→", "choose")
		key("k", "kill "+s.Selected)
		key("s", "start it")
	}
	room := c.W - 1 - x
	note, style := s.Note, Strong
	if note == "" {
		note, style = consequence(s, room), Faint
	}
	if room > 8 {
		c.Put(x, y, style, clip(note, room))
	}
}

// consequence says what killing the chosen node means. It is as long as there
// is room for.
func consequence(s *Scene, room int) string {
	p := s.part(s.Selected)
	if p == nil {
		return ""
	}
	long, short := "killed, its flows go on at once: another node has a copy of each", "(nothing breaks)"
	switch {
	case !p.Runs():
		long, short = "s starts it again", "(press s)"
	case s.Plan.Copies == 1:
		long, short = "killed, it takes its connections with it: nobody has a copy of them", "(breaks connections)"
	case !s.Cell.redundant():
		long, short = "not every flow is on two nodes now: wait, or connections may break", "(wait: no copies yet)"
	}
	if width(long) <= room {
		return long
	}
	return short
}
