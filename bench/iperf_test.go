package bench

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestIPerfReports(t *testing.T) {
	for _, c := range []struct {
		file               string
		gbits, retransmits float64
		err                string
	}{
		{file: "iperf-up.json", gbits: 39.064, retransmits: 3},
		{file: "iperf-down-4.json", gbits: 12.5, retransmits: 72},
		{file: "iperf-refused.json", err: "unable to connect"},
		{file: "iperf-bbr.json", err: "congestion control bbr"},
	} {
		b, err := os.ReadFile("testdata/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		gbits, again, err := parseIPerf(b)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got error %v, want one about %q", c.file, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.file, err)
		case math.Abs(gbits-c.gbits) > 0.001 || again != c.retransmits:
			t.Errorf("%s: got %v Gbit/s, %v retransmits; want %v, %v", c.file, gbits, again, c.gbits, c.retransmits)
		}
	}
}

func FuzzIPerfReport(f *testing.F) {
	for _, name := range []string{"iperf-up.json", "iperf-refused.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		if gbits, _, err := parseIPerf(b); err != nil && gbits != 0 {
			t.Errorf("an error and a figure: %v, %v", err, gbits)
		}
	})
}

func TestIPerfAlwaysNamesTheCongestionControl(t *testing.T) {
	up, down := iperfArgs("203.0.113.10", 2, 1, false), iperfArgs("203.0.113.10", 2, 4, true)
	if i := slices.Index(up, "-C"); i < 0 || up[i+1] != "cubic" {
		t.Errorf("%v", up)
	}
	if slices.Contains(up, "-R") || !slices.Contains(down, "-R") {
		t.Errorf("direction: %v, %v", up, down)
	}
	if i := slices.Index(down, "-P"); i < 0 || down[i+1] != "4" {
		t.Errorf("%v", down)
	}
}
