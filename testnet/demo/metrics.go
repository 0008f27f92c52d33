package demo

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Counters are what the picture uses of a part's /metrics.
type Counters struct {
	Answered        bool // the part told them
	ReceivedPackets uint64
	ReceivedBytes   uint64
	TUNBytes        uint64 // received on the side of the operating system
	WireBytes       uint64 // received on the side of the peers
	Dropped         map[string]uint64
	Node            NodeFigures
}

// NodeFigures are what a node says of its flows and of its cell.
type NodeFigures struct {
	Told              bool   // it knows of a view
	Flows, Records    uint64 // those it decides about, and all that it tracks
	View              uint64
	Members, Full     uint64
	Serving, Degraded bool
	Single            uint64 // flows that may be on this node only
}

// ParseMetrics reads a /metrics page in the Prometheus text format. What it
// does not know or cannot read it leaves out: a newer part may tell more.
func ParseMetrics(r io.Reader) (Counters, error) {
	c := Counters{Answered: true, Dropped: map[string]uint64{}}
	lines := bufio.NewScanner(io.LimitReader(r, pageBytesMax))
	for lines.Scan() {
		name, labels, value, ok := parseSample(lines.Text())
		if !ok {
			continue
		}
		switch name {
		case "hyperplane_received_packets_total":
			c.ReceivedPackets += value
		case "hyperplane_received_bytes_total":
			c.ReceivedBytes += value
			switch label(labels, "side") {
			case "tun":
				c.TUNBytes += value
			case "wire":
				c.WireBytes += value
			}
		case "hyperplane_dropped_packets_total":
			if value > 0 {
				c.Dropped[label(labels, "reason")] += value
			}
		default:
			c.Node.set(name, value)
		}
	}
	return c, lines.Err()
}

func (n *NodeFigures) set(name string, value uint64) {
	switch name {
	case "hyperplane_flows":
		n.Flows = value
	case "hyperplane_flow_records":
		n.Records = value
	case "hyperplane_view":
		n.Told, n.View = true, value
	case "hyperplane_view_members":
		n.Members = value
	case "hyperplane_view_full":
		n.Full = value
	case "hyperplane_serving":
		n.Serving = value > 0
	case "hyperplane_degraded":
		n.Degraded = value > 0
	case "hyperplane_flows_single_copy":
		n.Single = value
	}
}

// parseSample reads `name{label="value",…} 12`.
func parseSample(line string) (name, labels string, value uint64, ok bool) {
	series, number, ok := cutLast(line, ' ')
	if !ok || strings.HasPrefix(line, "#") {
		return "", "", 0, false
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || v >= 1<<64 || v != v {
		return "", "", 0, false
	}
	name, labels, _ = strings.Cut(series, "{")
	return name, strings.TrimSuffix(labels, "}"), uint64(v), true
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// label finds one label's value. Our own values hold no quotes or commas.
func label(labels, name string) string {
	for l := range strings.SplitSeq(labels, ",") {
		if v, ok := strings.CutPrefix(l, name+"="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}
