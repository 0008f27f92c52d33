package demo

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// flowLines puts the flows in the order they are drawn: equal 5-tuples of
// different VPCs first and next to each other, then the others. Flows that
// are ending are left out, and the connections held, which are too many.
func flowLines(before, now Snapshot, plan Layout, elapsed time.Duration) []FlowLine {
	moved := map[string]uint64{}
	for _, f := range before.Flows {
		moved[f.Node+f.Protocol+f.Public+f.Remote] = f.BytesOut + f.BytesIn
	}
	vpcs := map[tuple]map[string]bool{}
	var lines []FlowLine
	for _, f := range now.Flows {
		if ending(f.State) || f.held() {
			continue
		}
		l := FlowLine{Flow: f, Instance: plan.instance(f.VPC, f.Inside)}
		if old, ok := moved[f.Node+f.Protocol+f.Public+f.Remote]; ok {
			l.Bit = 8 * perSecond(old, f.BytesOut+f.BytesIn, elapsed)
		}
		if vpcs[f.tuple()] == nil {
			vpcs[f.tuple()] = map[string]bool{}
		}
		vpcs[f.tuple()][f.VPC] = true
		lines = append(lines, l)
	}
	for i := range lines {
		lines[i].Equal = len(vpcs[lines[i].tuple()]) > 1
	}
	slices.SortFunc(lines, func(a, b FlowLine) int {
		return cmp.Or(
			-compareBool(a.Equal, b.Equal),
			-cmp.Compare(port(a.Inside), port(b.Inside)), // the bulk transfers have the highest
			strings.Compare(a.Remote, b.Remote),
			strings.Compare(a.Protocol, b.Protocol),
			strings.Compare(a.Inside, b.Inside),
			strings.Compare(a.VPC, b.VPC),
			strings.Compare(a.Public, b.Public),
		)
	})
	mixProtocols(lines)
	for i := range lines {
		l := &lines[i]
		l.First = l.Equal && (i == 0 || lines[i-1].tuple() != l.tuple())
		l.Last = l.Equal && (i == len(lines)-1 || lines[i+1].tuple() != l.tuple())
	}
	return lines
}

// mixProtocols moves the first flows of every protocol before the second ones,
// so that a short table shows all protocols. Equal 5-tuples stay together.
func mixProtocols(lines []FlowLine) {
	type key struct {
		tuple
		equal bool
	}
	turn := map[key]int{}
	next := map[string]int{}
	for _, l := range lines {
		k := key{l.tuple(), l.Equal}
		if _, known := turn[k]; !known {
			turn[k] = next[l.Protocol]
			next[l.Protocol]++
		}
	}
	slices.SortStableFunc(lines, func(a, b FlowLine) int {
		return cmp.Or(
			-compareBool(a.Equal, b.Equal),
			cmp.Compare(turn[key{a.tuple(), a.Equal}], turn[key{b.tuple(), b.Equal}]),
		)
	})
}

// ending reports whether a flow is only remembered for what is still under way.
func ending(state string) bool { return state == "closing" || state == "closed" }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func port(end string) uint16 {
	a, err := netip.ParseAddrPort(end)
	if err != nil {
		return 0
	}
	return a.Port()
}

// instance finds whose the inside end of a flow is.
func (l *Layout) instance(vpc, inside string) string {
	for _, in := range l.Instances {
		if in.VPC == vpc && strings.HasPrefix(inside, in.Address+":") {
			return in.Name
		}
	}
	return "?"
}
