package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is a run with everything that a report can show: both comparisons,
// noise, a ratio below what is expected, a subject that is missing, a program
// that is missing.
func sample() *Result {
	c := DefaultConfig()
	c.Rounds, c.Cut, c.UnderlayMTU = 3, true, 1600
	r := &Result{
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 83 * time.Second,
		Command: "hyperplane bench --rounds 3", Config: c,
		Machine: Machine{
			CPU: "Example CPU", CPUs: 2, MemoryMiB: 7900, Kernel: "6.18.0 x86_64", CongestionDefault: "bbr",
			CongestionUsed: "cubic", Go: "go1.26.8", Hyperplane: "0123456789ab", IPerf3: "iperf 3.12",
		},
		Problems: []Problem{
			{Subject: "hyperplane-chain", Text: "nitro ended before it was ready; its output ends:\n  no such state"},
			{Load: "tcp-4", Missing: true, Text: "iperf3 is not installed; on Debian: apt-get install iperf3"},
		},
	}
	add := func(subject, metric string, noisy string, values ...float64) {
		for i, v := range values {
			r.Readings = append(r.Readings, Reading{
				Round: i + 1, Subject: subject, Metric: metric, Value: v, Noisy: noisy,
				Detail: map[string]float64{"retransmits": float64(i)},
			})
		}
	}
	add("nftables", "tcp-up", "", 40, 38, 42)
	add("hyperplane-gateway", "tcp-up", "", 30, 19, 33.6)
	add("nftables", "tcp-down", "", 40, 40, 40)
	add("hyperplane-gateway", "tcp-down", "", 20, 20, 20)
	add("nftables", "rtt-p50", "", 10, 20, 40)
	add("hyperplane-gateway", "rtt-p50", "others used 50 % of the CPUs just before", 20, 40, 120)
	add("kernel-chain", "connections", "", 6.5, 6.6)
	return r
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	r := sample()
	got := r.Ratio(comparisons[0], "tcp-up")
	// 30/40, 19/38, 33.6/42: the ratio of the medians would be 0.75 as well,
	// its spread would not.
	if diff := cmp.Diff(Stat{Median: 0.75, Min: 0.5, Max: 0.8, Count: 3}, got); diff != "" {
		t.Error(diff)
	}
	if got := r.Ratio(comparisons[1], "connections"); got.Count != 0 {
		t.Errorf("a ratio without a second subject: %+v", got)
	}
	if got := r.Ratio(comparisons[0], "rtt-p50"); got.Noisy != 3 {
		t.Errorf("%d of the ratios are noisy, want 3", got.Noisy)
	}
}

func TestReportsLookAsTheyShould(t *testing.T) {
	r := sample()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"testdata/table.txt": func(b *bytes.Buffer) error { return r.WriteTable(b) },
		"testdata/report.md": func(b *bytes.Buffer) error { return r.WriteReport(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if *rewrite {
			if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
			t.Errorf("%s (renew with -rewrite):\n%s", name, diff)
		}
	}
}

func TestDocumentHasSummaryAndReadings(t *testing.T) {
	b, err := json.Marshal(sample().Document())
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Summary []struct {
			Subject, Metric, Unit string
			Median                float64
		}
		Ratios   []struct{ Median float64 }
		Readings []Reading
		Problems []Problem
		Config   struct {
			Rounds int
			Cut    bool
		}
		Machine struct{ Kernel string }
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Summary) != 7 || d.Summary[0].Subject != "nftables" || d.Summary[0].Median != 40 || d.Summary[0].Unit != "Gbit/s" {
		t.Errorf("summary: %+v", d.Summary)
	}
	if len(d.Ratios) != 3 || len(d.Readings) != 20 || len(d.Problems) != 2 {
		t.Errorf("%d ratios, %d readings, %d problems", len(d.Ratios), len(d.Readings), len(d.Problems))
	}
	if d.Config.Rounds != 3 || !d.Config.Cut || d.Machine.Kernel == "" {
		t.Errorf("settings %+v, machine %+v", d.Config, d.Machine)
	}
}

func TestOnlyRealFailuresFail(t *testing.T) {
	r := &Result{Problems: []Problem{{Load: "tcp-up", Missing: true, Text: "iperf3 is not installed"}}}
	if r.Failed() {
		t.Error("a missing program counts as a failure")
	}
	if r := sample(); !r.Failed() {
		t.Error("a subject that could not be set up is no failure")
	}
}

func TestFiguresHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.756: "0.76", 9.994: "9.99", 39.06: "39.1", 254.4: "254", 123456: "123456"} {
		if got := figure(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}
