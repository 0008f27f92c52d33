package bench

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestCPUTimesAreParsed(t *testing.T) {
	got, err := parseCPU([]byte("cpu  10 1 5 100 20 2 3 4 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (cpuTimes{busy: 25, steal: 4, total: 145}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	busy, steal := got.shares(cpuTimes{busy: 5, steal: 0, total: 105})
	if busy != 0.5 || steal != 0.1 {
		t.Errorf("shares %v, %v; want 0.5, 0.1", busy, steal)
	}
	if busy, _ := got.shares(got); busy != 0 {
		t.Errorf("no time passed, and the share is %v", busy)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if _, err := parseCPU([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// machine is a fake /proc/stat: each pause passes with the next share busy.
func machine(shares ...uint64) *gate {
	var at cpuTimes
	return &gate{
		read: func() (cpuTimes, error) { return at, nil },
		sleep: func(ctx context.Context, _ time.Duration) error {
			at.total += 100
			at.busy += shares[0]
			if len(shares) > 1 {
				shares = shares[1:]
			}
			return ctx.Err()
		},
	}
}

func TestGateWaitsForAnIdleMachine(t *testing.T) {
	for _, c := range []struct {
		name   string
		shares []uint64
		left   time.Duration
		waited int
		noisy  bool
	}{
		{"idle at once", []uint64{2}, time.Minute, 0, false},
		{"idle later", []uint64{50, 50, 0}, time.Minute, 1, false},
		{"never idle", []uint64{50}, 3 * idleWindow, 1, true},
		{"not to wait", []uint64{50}, 0, 0, true},
	} {
		g := machine(c.shares...)
		g.left = c.left
		waited := 0
		noisy, err := g.wait(t.Context(), func() { waited++ })
		if err != nil {
			t.Fatal(err)
		}
		if (noisy != "") != c.noisy || waited != c.waited {
			t.Errorf("%s: noisy %q, said that it waits %d times", c.name, noisy, waited)
		}
		if c.noisy && !strings.Contains(noisy, "50 %") {
			t.Errorf("%s: %q does not say how busy", c.name, noisy)
		}
	}
}

func TestGateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := machine(50).wait(ctx, func() {}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if err := sleep(ctx, time.Hour); err != context.Canceled {
		t.Errorf("sleep: %v", err)
	}
}

func TestThisMachineHasCPUTimes(t *testing.T) {
	if c, err := readCPU(); err != nil || c.total == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
