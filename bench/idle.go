package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// cpuTimes are the totals over all CPUs since the start of the machine, in
// ticks.
type cpuTimes struct{ busy, steal, total uint64 }

// readCPU reads the kernel's totals.
func readCPU() (cpuTimes, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTimes{}, err
	}
	return parseCPU(b)
}

// parseCPU reads the first line of /proc/stat:
//
//	cpu user nice system idle iowait irq softirq steal guest guest_nice
//
// The guests' times are part of user and nice, so they are not added again.
func parseCPU(b []byte) (t cpuTimes, err error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return t, errors.New("/proc/stat: the first line does not hold the CPUs' times")
	}
	for i, f := range fields[1:9] {
		v, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return t, fmt.Errorf("/proc/stat: %w", err)
		}
		t.total += v
		switch i {
		case 3, 4: // idle, iowait
		case 7:
			t.steal = v
			t.busy += v
		default:
			t.busy += v
		}
	}
	return t, nil
}

// shares are the parts of all CPUs' time, 0 to 1, between two readings.
func (t cpuTimes) shares(since cpuTimes) (busy, steal float64) {
	total := t.total - since.total
	if t.total <= since.total {
		return 0, 0
	}
	return float64(t.busy-since.busy) / float64(total), float64(t.steal-since.steal) / float64(total)
}

// gate holds a load back until the machine is idle.
type gate struct {
	read  func() (cpuTimes, error)
	sleep func(context.Context, time.Duration) error
	left  time.Duration // what this round may still wait
}

func newGate() *gate { return &gate{read: readCPU, sleep: sleep} }

// wait returns once the machine is idle, or, with the reason, once the round
// has no more time to wait. It says when it has to wait at all.
func (g *gate) wait(ctx context.Context, waiting func()) (noisy string, err error) {
	for first := true; ; first = false {
		before, err := g.read()
		if err != nil {
			return "", err
		}
		if err := g.sleep(ctx, idleWindow); err != nil {
			return "", err
		}
		after, err := g.read()
		if err != nil {
			return "", err
		}
		busy, _ := after.shares(before)
		if busy <= idleShareMax {
			return "", nil
		}
		if g.left -= idleWindow; g.left <= 0 {
			return fmt.Sprintf("others used %.0f %% of the CPUs just before", busy*100), nil
		}
		if first {
			waiting()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
