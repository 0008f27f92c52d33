package demo

import (
	"cmp"
	"slices"
	"time"

	"hyperplane/testnet"
)

// Scene is what is drawn: a snapshot, and what changed since those before.
type Scene struct {
	Title string
	Snapshot
	Plan     Layout
	PartRate map[string]Rate // by part
	Speed    []float64       // bits per second, per activity
	Up, Down []float64       // bits per second through the edges, newest last
	Drops    []DropCount     // of all parts, most first
	Lines    []FlowLine      // in the order they are drawn
	Flowing  int             // flows that are not ending, drawn or not
	Cell     Cell
	Since    Since           // a node went away, or the beginning
	Beyond   bool            // more nodes went away at a time than a cell survives
	Selected string          // the node that the keys act on
	Note     string          // what a key did last
	Keys     bool            // draw the keys' help
	Tools    map[string]bool // which programs for looking inside are installed
	Binary   string          // how the user calls us
	Frame    int             // counts samples
}

// Layout is what a topology contributes to the picture: it never changes.
type Layout struct {
	Instances []InstanceInfo // in the order they are drawn: by host
	Hosts     []string       // those with instances or not
	Nodes     []string
	Edges     []string
	Internet  []testnet.Host
	VPCs      []string
	Masters   int // nodes that flows are to be on
	Copies    int // nodes that each flow is on
}

// InstanceInfo is one instance as it is drawn.
type InstanceInfo struct{ Name, VPC, Address, Host string }

// Rate is a part's traffic: what it receives per second.
type Rate struct {
	Known        bool
	Packets, Bit float64
}

// DropCount is how many packets were dropped for a reason, and how many per
// second by now.
type DropCount struct {
	Reason string
	Total  uint64
	Rate   float64
}

// FlowLine is one row of the table of flows.
type FlowLine struct {
	Flow
	Instance string
	Bit      float64 // per second, both directions
	Equal    bool    // another VPC has a flow with the same 5-tuple
	First    bool    // of the rows with that 5-tuple
	Last     bool
}

// NewLayout takes from a topology what is drawn of it.
func NewLayout(t *testnet.Topology) Layout {
	l := Layout{Internet: t.Hosts, Copies: t.State.Copies}
	for _, h := range t.State.Hosts {
		l.Hosts = append(l.Hosts, h.Name)
		for _, in := range t.State.Instances {
			if in.Host.Name == h.Name {
				address := in.Addr.String()
				if in.Addr == 0 {
					address = in.Addr6.String()
				}
				l.Instances = append(l.Instances, InstanceInfo{in.Name, in.VPC.Name, address, h.Name})
			}
		}
	}
	for _, n := range t.State.Nodes {
		l.Nodes = append(l.Nodes, n.Name)
	}
	for _, n := range t.State.FlowMasters {
		if !n.Drain {
			l.Masters++
		}
	}
	for _, e := range t.State.Edges {
		l.Edges = append(l.Edges, e.Name)
	}
	for _, v := range t.State.VPCs {
		l.VPCs = append(l.VPCs, v.Name)
	}
	return l
}

// Compute makes the next scene of the one before and a new snapshot.
func Compute(before Scene, now Snapshot) Scene {
	s := before
	s.Snapshot = now
	s.Frame++
	elapsed := now.At - before.At
	if before.Frame == 0 {
		elapsed = 0
	}
	s.PartRate = map[string]Rate{}
	var up, down float64
	for _, p := range now.Parts {
		old := before.part(p.Name)
		if old == nil || !old.Traffic.Answered || !p.Traffic.Answered {
			continue
		}
		s.PartRate[p.Name] = Rate{
			Known:   elapsed > 0,
			Packets: perSecond(old.Traffic.ReceivedPackets, p.Traffic.ReceivedPackets, elapsed),
			Bit:     8 * perSecond(old.Traffic.ReceivedBytes, p.Traffic.ReceivedBytes, elapsed),
		}
		if p.Role == testnet.RoleEdge {
			up += 8 * perSecond(old.Traffic.WireBytes, p.Traffic.WireBytes, elapsed)
			down += 8 * perSecond(old.Traffic.TUNBytes, p.Traffic.TUNBytes, elapsed)
		}
	}
	if elapsed > 0 {
		s.Up, s.Down = history(before.Up, up), history(before.Down, down)
	}
	s.Speed = speeds(before.Activity, now.Activity, elapsed)
	s.Drops = drops(before.Drops, now.Parts, elapsed)
	s.Lines = flowLines(before.Snapshot, now, s.Plan, elapsed)
	s.Flowing = 0
	for _, f := range now.Flows {
		if !ending(f.State) {
			s.Flowing++
		}
	}
	s.Cell = cellOf(now.Parts)
	s.follow(&before)
	return s
}

// perSecond is a counter's rate. A counter that went back belongs to a process
// that was started anew: it counted from zero.
func perSecond(old, now uint64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	if now < old {
		old = 0
	}
	return float64(now-old) / elapsed.Seconds()
}

// history appends a value and forgets the oldest.
func history(h []float64, v float64) []float64 {
	h = append(slices.Clone(h), v)
	return h[max(0, len(h)-historyLen):]
}

func speeds(old, now []Activity, elapsed time.Duration) []float64 {
	s := make([]float64, len(now))
	for i := range now {
		if i < len(old) {
			s[i] = 8 * perSecond(old[i].Bytes, now[i].Bytes, elapsed)
		}
	}
	return s
}

// drops adds all parts' drops by reason.
func drops(before []DropCount, parts []PartState, elapsed time.Duration) []DropCount {
	total := map[string]uint64{}
	for _, p := range parts {
		for reason, n := range p.Traffic.Dropped {
			total[reason] += n
		}
	}
	old := map[string]uint64{}
	for _, d := range before {
		old[d.Reason] = d.Total
	}
	var list []DropCount
	for reason, n := range total {
		list = append(list, DropCount{reason, n, perSecond(min(old[reason], n), n, elapsed)})
	}
	slices.SortFunc(list, func(a, b DropCount) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}
