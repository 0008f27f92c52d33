package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testConfig is a short run under names of its own.
func testConfig(t *testing.T) Config {
	t.Helper()
	c := DefaultConfig()
	c.prefix = "hpbt-"
	c.Rounds, c.Seconds, c.IdleWait = 1, 1, 0
	var err error
	if c.Binary, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	return c
}

// The kernel's paths work in both shapes of underlay, and a run leaves nothing.
func TestKernelPathsAreMeasured(t *testing.T) {
	for _, cut := range []bool{false, true} {
		c := testConfig(t)
		c.Subjects, c.Loads = []string{"nftables", "kernel-chain"}, []string{"rtt"}
		c.UnderlayMTU, c.Cut = 1600, cut
		var steps []Step
		r, err := Run(t.Context(), c, func(s Step) { steps = append(steps, s) })
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			t.Errorf("cut %v: %v", cut, p)
		}
		for _, name := range c.Subjects {
			if s := r.Stat(name, "rtt-p50"); s.Count != 1 || s.Median <= 0 || s.Median > float64(time.Second/time.Microsecond) {
				t.Errorf("cut %v: %s: %+v", cut, name, s)
			}
		}
		if last := steps[len(steps)-1]; last.Done != 2 || last.Total != 2 {
			t.Errorf("the last step is %+v", last)
		}
		left, _ := filepath.Glob("/run/netns/hpbt-*")
		files, _ := filepath.Glob("/run/hpbt-*")
		if len(left)+len(files) > 0 {
			t.Errorf("left behind: %v %v", left, files)
		}
	}
}

func TestSubjectThatDoesNotStartIsSaid(t *testing.T) {
	c := testConfig(t)
	c.Subjects, c.Loads = []string{"hyperplane-chain"}, []string{"rtt"}
	c.Binary = "/bin/false" // ends at once
	r, err := Run(t.Context(), c, func(Step) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != 1 || r.Problems[0].Subject != "hyperplane-chain" || !r.Failed() {
		t.Errorf("problems: %v", r.Problems)
	}
}

func TestMissingIPerf3SaysWhatToInstall(t *testing.T) {
	m := &run{config: &Config{Loads: LoadNames()}, result: &Result{}}
	m.chooseLoads()
	if len(m.loads) != 3 || len(m.result.Problems) != 3 {
		t.Fatalf("%d loads, problems %v", len(m.loads), m.result.Problems)
	}
	for _, p := range m.result.Problems {
		if !p.Missing || p.Text == "" {
			t.Errorf("%+v", p)
		}
	}
}
