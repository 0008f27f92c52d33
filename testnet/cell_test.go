package testnet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = `# HELP hyperplane_degraded x
# TYPE hyperplane_degraded gauge
go_goroutines 7
hyperplane_degraded{name="node-1",role="node"} 1
hyperplane_view_members{name="node-1",role="node"} 2
hyperplane_flows_single_copy{name="node-1",role="node"} 1.5e+03
hyperplane_dropped_packets_total{name="node-1",reason="no_flow",role="node"} 3
hyperplane_bare 4
`

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics(strings.NewReader(page))
	want := Metrics{"degraded": 1, "view_members": 2, "flows_single_copy": 1500, "dropped_packets_total{reason=no_flow}": 3, "bare": 4}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{"hyperplane_x", "hyperplane_x y", "hyperplane_x{a=\"b\"} "} {
		if m, err := parseMetrics(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %v", bad, m)
		}
	}
}

// A cell is whole when the node knows that many members and no flow is alone.
func TestCellWhole(t *testing.T) {
	m, err := parseMetrics(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.cell(); got == nil || *got != (Cell{true, 2, 1500}) {
		t.Errorf("%+v", got)
	}
	if (Metrics{"degraded": 1}).cell() != nil {
		t.Error("a node that knows no view says something of its cell")
	}
	for _, tt := range []struct {
		cell *Cell
		want bool
	}{
		{&Cell{false, 3, 0}, true}, {&Cell{true, 3, 0}, false}, {&Cell{false, 2, 0}, false}, {&Cell{false, 3, 1}, false}, {nil, false},
	} {
		if got := tt.cell.Whole(3); got != tt.want {
			t.Errorf("%+v of 3: whole %v", tt.cell, got)
		}
	}
}
