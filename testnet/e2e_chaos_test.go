package testnet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/testnet/hold"
)

// chaosForm in the environment chooses the form of the chaos tests: "long" is
// what make chaos runs, anything else the short one of make test.
const chaosForm = "HYPERPLANE_CHAOS"

func long() bool { return os.Getenv(chaosForm) == "long" }

// needLong skips a test that only the long form has.
func needLong(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skipf("part of the long form: make chaos, or %s=long", chaosForm)
	}
}

const (
	// wholeWaitMax is how long a cell may take to be whole again.
	wholeWaitMax = 60 * time.Second

	// roundWaitMax is how long all connections may take to be used and
	// answered once: one that never is, is broken after 30 s.
	roundWaitMax = 45 * time.Second
)

// stallMax is what 99 of 100 connections may stand still. The short form runs
// on busy machines, where the scheduler alone can take a second.
func stallMax() float64 {
	if long() {
		return 500
	}
	return 2000
}

// chaos is a testnet with many connections over it, to which faults happen.
type chaos struct {
	dir     Dir
	held    *holding
	windows []hold.Window
}

// newChaos lays a topology out and holds connections from all its tenants.
func newChaos(t *testing.T, topology string) *chaos {
	t.Helper()
	c := &chaos{dir: bringUp(t, topology)}
	c.whole(t)
	tcp, udp := 2000, 100
	if long() {
		tcp, udp = 10_000, 500
	}
	c.held = startHolding(t, c.dir, "blue-1,blue-2,green-1", tcp, udp)
	c.whole(t)
	t.Cleanup(func() { c.report(t) })
	return c
}

// during lets a fault happen and demands that no connection minds: f does it
// and returns when its effect is over, or there; then every connection has to be
// answered once more. anyStall: how long they stand still is not the cell's.
func (c *chaos) during(t *testing.T, name string, f func()) {
	t.Helper()
	c.window(t, name, stallMax(), f)
}

func (c *chaos) anyStall(t *testing.T, name string, f func()) { t.Helper(); c.window(t, name, 0, f) }

func (c *chaos) window(t *testing.T, name string, stall float64, f func()) {
	t.Helper()
	c.held.mark(t, name)
	f()
	c.held.round(t)
	w := c.held.mark(t, "between faults")
	c.windows = append(c.windows, w)
	if !w.Intact() {
		t.Errorf("%s: %v", name, w)
	}
	if stall > 0 && w.Stall.P99 > stall {
		t.Errorf("%s: of 100 connections one stood still longer than %v ms, allowed are %v ms", name, w.Stall.P99, stall)
	}
}

// whole waits until every flow master that runs and is to stay says that all of
// them are the cell and every flow is on two of them, and every sender uses all
// Tops.
func (c *chaos) whole(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(wholeWaitMax)
	for {
		missing := c.missing(t)
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cell is not whole after %v: %s", wholeWaitMax, missing)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// missing says what the cell lacks to be whole, "" if nothing.
func (c *chaos) missing(t *testing.T) string {
	t.Helper()
	state, err := readState(c.dir.State())
	if err != nil {
		t.Fatal(err)
	}
	var masters []string // that are to be the cell
	tops := 0            // that answer, though a draining one gets no new packets
	for _, n := range state.Nodes {
		if p, runs := findProcess(c.dir, n.Name); !runs || p.Stopped() {
			continue
		}
		if n.Roles.Has(cellstate.RoleTop) {
			tops++
		}
		if n.Roles.Has(cellstate.RoleFlowMaster) && !n.Drain {
			masters = append(masters, n.Name)
		}
	}
	for _, name := range masters {
		if cell := cellOf(t.Context(), c.dir, name); !cell.Whole(len(masters)) {
			return fmt.Sprintf("%s says %+v, want %d members", name, cell, len(masters))
		}
	}
	for _, p := range append(slices.Clone(state.Edges), state.Hosts...) {
		m, err := Scrape(t.Context(), c.dir, p.Name)
		if err != nil {
			return fmt.Sprintf("%s: %v", p.Name, err)
		}
		if m["tops_up"] != float64(tops) {
			return fmt.Sprintf("%s finds %v Tops up, %d are", p.Name, m["tops_up"], tops)
		}
	}
	return ""
}

// report shows the stalls as a table, and keeps them with their histograms.
func (c *chaos) report(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-44s %8s %7s %6s %6s %9s %9s %9s %9s\n", "fault", "exchanges", "resent", "broken", "misdel", "p50 ms", "p99 ms", "max ms", "path ms")
	for _, w := range c.windows {
		fmt.Fprintf(&b, "%-44s %8d %7d %6d %6d %9.1f %9.1f %9.1f %9.1f\n",
			w.Name, w.Exchanges, w.Resent, w.Broken, w.Misdelivered, w.Stall.P50, w.Stall.P99, w.Stall.Max, w.Busy.P50)
	}
	t.Log(b.String())
	data, err := json.MarshalIndent(c.windows, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), "stalls.json"), data, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
