package hold

import "time"

// tally counts what happened in a window, or in all.
type tally struct {
	exchanges, resent int
	causes            map[cause]int
}

func (t *tally) broke(why cause) {
	if t.causes == nil {
		t.causes = map[cause]int{}
	}
	t.causes[why]++
}

func (t *tally) broken() (n int) {
	for _, k := range t.causes {
		n += k
	}
	return n - t.causes[causeForeign]
}

// Window is what happened from one mark to the next.
type Window struct {
	Name         string         `json:"name"`
	Seconds      float64        `json:"seconds"`
	TCP          int            `json:"tcp"` // connections and
	UDP          int            `json:"udp"` // flows that are held at its end
	Exchanges    int            `json:"exchanges"`
	Resent       int            `json:"datagrams_sent_again"`
	Broken       int            `json:"broken"`
	Misdelivered int            `json:"misdelivered"`
	Causes       map[string]int `json:"causes,omitempty"`
	Stall        Stalls         `json:"stall"`      // of those that are held
	Busy         Stalls         `json:"busy_stall"` // of the busy ones among them
}

// Intact reports whether nothing broke and nothing was misdelivered.
func (w Window) Intact() bool { return w.Broken == 0 && w.Misdelivered == 0 }

// summary describes a tally with the stalls that belong to it.
func (c *Client) summary(name string, t *tally, which int, begun, now time.Duration) Window {
	w := Window{
		Name: name, Seconds: (now - begun).Seconds(), Exchanges: t.exchanges, Resent: t.resent,
		Broken: t.broken(), Misdelivered: t.causes[causeForeign],
	}
	for why, n := range t.causes {
		if w.Causes == nil {
			w.Causes = map[string]int{}
		}
		w.Causes[string(why)] = n
	}
	var all, busy Histogram
	for i := range c.conns {
		x := &c.conns[i]
		if x.state == connBroken {
			continue
		}
		if x.udp {
			w.UDP++
		} else {
			w.TCP++
		}
		all.Add(x.stalls[which])
		if x.busy {
			busy.Add(x.stalls[which])
		}
	}
	w.Stall, w.Busy = all.stalls(), busy.stalls()
	return w
}

// mark ends the window. A connection that waits has waited in it until now.
func (c *Client) mark() Window {
	now := c.now()
	for i := range c.conns {
		if x := &c.conns[i]; x.state == connWaiting {
			x.waited(now, c.windowBegun)
		}
	}
	w := c.summary("", &c.window, inWindow, c.windowBegun, now)
	c.window, c.windowBegun = tally{}, now
	for i := range c.conns {
		c.conns[i].stalls[inWindow] = 0
	}
	return w
}
