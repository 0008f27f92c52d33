package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseMetrics(t *testing.T) {
	const page = `# HELP hyperplane_received_packets_total Packets that arrived.
# TYPE hyperplane_received_packets_total counter
hyperplane_received_packets_total{name="edge-1",role="blackfoot",side="tun"} 12
hyperplane_received_packets_total{name="edge-1",role="blackfoot",side="wire"} 1.3e+07
hyperplane_received_bytes_total{name="edge-1",role="blackfoot",side="tun"} 100
hyperplane_received_bytes_total{name="edge-1",role="blackfoot",side="wire"} 23
hyperplane_dropped_packets_total{name="edge-1",reason="no-flow",role="blackfoot"} 7
hyperplane_dropped_packets_total{name="edge-1",reason="ttl",role="blackfoot"} 0
hyperplane_flows{name="node-1",role="node"} 102
hyperplane_flow_records{name="node-1",role="node"} 207
hyperplane_view{name="node-1",role="node"} 7
hyperplane_view_members{name="node-1",role="node"} 3
hyperplane_view_full{name="node-1",role="node"} 2
hyperplane_serving{name="node-1",role="node"} 1
hyperplane_degraded{name="node-1",role="node"} 1
hyperplane_flows_single_copy{name="node-1",role="node"} 1.5e+03
hyperplane_received_bytes_total{side="wire"} NaN
hyperplane_received_bytes_total{side="wire"} -1
hyperplane_received_bytes_total{side="wire"}
go_goroutines 12
rubbish

`
	got, err := ParseMetrics(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	want := Counters{
		Answered: true, ReceivedPackets: 13_000_012, ReceivedBytes: 123, TUNBytes: 100, WireBytes: 23,
		Dropped: map[string]uint64{"no-flow": 7},
		Node: NodeFigures{
			Told: true, Flows: 102, Records: 207, View: 7, Members: 3, Full: 2, Serving: true, Degraded: true, Single: 1500,
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add(`hyperplane_received_packets_total{side="tun"} 12`)
	f.Fuzz(func(t *testing.T, page string) { _, _ = ParseMetrics(strings.NewReader(page)) })
}

func TestPerSecond(t *testing.T) {
	for _, tt := range []struct {
		old, now uint64
		elapsed  time.Duration
		want     float64
	}{
		{100, 150, 500 * time.Millisecond, 100},
		{100, 100, time.Second, 0},
		{100, 40, time.Second, 40}, // started anew
		{0, 100, 0, 0},
		{0, 100, -time.Second, 0},
	} {
		if got := perSecond(tt.old, tt.now, tt.elapsed); got != tt.want {
			t.Errorf("%d to %d in %s: %g, want %g", tt.old, tt.now, tt.elapsed, got, tt.want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h []float64
	for i := range historyLen + 10 {
		h = history(h, float64(i))
	}
	if len(h) != historyLen || h[historyLen-1] != historyLen+9 {
		t.Errorf("%d values, the newest %g", len(h), h[len(h)-1])
	}
}

// A part that was not seen in one sample has no rate in it and the next.
func TestRateNeedsTwo(t *testing.T) {
	s := killed(t)
	if r := s.PartRate["node-2"]; r.Known {
		t.Errorf("the dead node has %+v", r)
	}
	now := snapshot(t, s.At+sampleEvery)
	if s = Compute(s, now); s.PartRate["node-2"].Known {
		t.Error("a rate from one look")
	}
	now = snapshot(t, s.At+sampleEvery)
	if s = Compute(s, now); !s.PartRate["node-2"].Known {
		t.Error("no rate from two looks")
	}
}

func TestUnits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0 bit/s", 999: "999 bit/s", 999.9: "1.00 kbit/s", 12_345: "12.3 kbit/s", 999_600: "1.00 Mbit/s", 5.126e9: "5.13 Gbit/s", 123.4e9: "123 Gbit/s",
	} {
		if got := bitRate(v); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999 * time.Microsecond: "999 µs", 1500 * time.Microsecond: "1.50 ms", 2 * time.Second: "2.00 s",
	} {
		if got := latency(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := clock(3725 * time.Second); got != "1:02:05" {
		t.Error(got)
	}
}

func TestVerdict(t *testing.T) {
	a := func(k Kind, ok uint64, foreign string) Activity {
		return Activity{Task: Task{Kind: k, Instance: "blue-1"}, OK: ok, Error: "no answer", Foreign: foreign}
	}
	for _, tt := range []struct {
		name     string
		list     []Activity
		finished bool
		want     string
	}{
		{"all worked", []Activity{a(Page, 1, ""), a(Upload, 3, "")}, true, ""},
		{"one did not", []Activity{a(Page, 1, ""), a(Upload, 0, "")}, true, "blue-1: upload"},
		{"one had no time", []Activity{a(Upload, 0, "")}, false, ""},
		{"tenants mixed", []Activity{a(Page, 9, "seen as another")}, false, "seen as another"},
	} {
		err := Verdict(tt.list, &Scene{}, tt.finished)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
