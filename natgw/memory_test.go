package natgw

import (
	"runtime"
	"testing"

	"hyperplane/decider"
	"hyperplane/flowtable"
	"hyperplane/flowtrack"
)

// A flow takes 404 bytes in all: two Flow Masters, two Deciders and one Top. A
// destination that only it has takes 36 more at each Decider, which a Decider allocates
// for as many as it has leases.
func TestMemoryOfAFlow(t *testing.T) {
	const flows, fixed = 1 << 18, 1 << 18 // bytes that do not grow with the flows
	var kept any
	for _, c := range []struct {
		what  string
		bytes int
		make  func() any
	}{
		{"Flow Master", 96, func() any { return flowtrack.New(flowtrack.Config{Self: 1, FlowsMax: flows}) }},
		{"Decider", 40 + 36, func() any { return decider.New(decider.Config{PortsMax: flows}) }},
		{"Top", 132, func() any { return newCache(flows, flowtable.Seed{}) }},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		kept = c.make()
		runtime.ReadMemStats(&after)
		got := int(after.TotalAlloc - before.TotalAlloc)
		if got < c.bytes*flows || got > c.bytes*flows+fixed {
			t.Errorf("%s: %d bytes for %d flows, want %d each", c.what, got, flows, c.bytes)
		}
	}
	runtime.KeepAlive(kept)
}
