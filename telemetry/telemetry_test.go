package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hyperplane/telemetry/drop"
)

func TestUnaccounted(t *testing.T) {
	var tr Traffic
	tr.Receive(TUN, 100)
	tr.Receive(Wire, 100)
	tr.Queue(Wire, 100)
	tr.Dropped[drop.NoFlow]++
	if n := tr.Unaccounted(); n != 0 {
		t.Errorf("unaccounted %d, want 0", n)
	}
	// What the kernel refused is no longer sent, but dropped.
	bad := drop.Counts{drop.GeneveBadOption: 2}
	tr.AddSeam(Wire, 1, &bad)
	if n := tr.Unaccounted(); n != 0 {
		t.Errorf("unaccounted %d, want 0", n)
	}
	if tr.Sent(Wire) != 0 || tr.Drops()[drop.WireSend] != 1 || tr.Received[Wire] != 3 {
		t.Errorf("%+v", tr)
	}
	tr.Receive(TUN, 1)
	if n := tr.Unaccounted(); n != 1 {
		t.Errorf("unaccounted %d, want 1", n)
	}
	sum := tr
	sum.Add(&tr)
	if sum.Unaccounted() != 2 || sum.Received[Wire] != 6 {
		t.Errorf("the sum of two: %+v", sum)
	}
}

// Counters of several are summed, label by label; of gauges the first one's is shown.
func TestAddMetrics(t *testing.T) {
	one := []Metric{
		{Name: "queries_total", Counter: true, Value: 1, Labels: []string{"transport", "udp"}},
		{Name: "queries_total", Counter: true, Value: 10, Labels: []string{"transport", "tcp"}},
		{Name: "state_version", Value: 7},
	}
	sum := AddMetrics(nil, one)
	sum = AddMetrics(sum, append(one, Metric{Name: "other", Value: 3}))
	var got []string
	for _, m := range sum {
		got = append(got, fmt.Sprint(m.Name, m.Labels, " ", m.Value))
	}
	want := []string{"queries_total[transport udp] 2", "queries_total[transport tcp] 20", "state_version[] 7", "other[] 3"}
	if !slices.Equal(got, want) || one[0].Value != 1 {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// serve starts an admin server on a Unix socket and returns its address.
func serve(t *testing.T, snap SnapshotFunc, healthy func(context.Context) error) string {
	t.Helper()
	a := NewAdmin(NewRegistry("node", "node-1", snap), healthy)
	path := filepath.Join(t.TempDir(), "admin.sock")
	if err := a.Listen("unix:" + path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- a.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

func get(t *testing.T, socket, page string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
	}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://role" + page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAdmin(t *testing.T) {
	var sick error
	socket := serve(t, func(context.Context) (Snapshot, error) {
		var s Snapshot
		s.Traffic.Receive(Wire, 100)
		s.Traffic.Dropped[drop.PortsExhausted] = 7
		s.Metrics = []Metric{{Name: "flows", Help: "Flows.", Value: 42}}
		return s, nil
	}, func(context.Context) error { return sick })
	code, body := get(t, socket, "/metrics")
	for _, want := range []string{
		`hyperplane_received_packets_total{name="node-1",role="node",side="wire"} 1`,
		`hyperplane_dropped_packets_total{name="node-1",reason="ports_exhausted",role="node"} 7`,
		`hyperplane_flows{name="node-1",role="node"} 42`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics (%d) lacks %s", code, want)
		}
	}
	if code, body := get(t, socket, "/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	sick = errors.New("the TUN is gone")
	if code, body := get(t, socket, "/healthz"); code != 503 || !strings.Contains(body, "the TUN is gone") {
		t.Errorf("/healthz: %d %q", code, body)
	}
}

func TestMetricsOfAStuckWorker(t *testing.T) {
	socket := serve(t, func(context.Context) (Snapshot, error) { return Snapshot{}, errors.New("stuck") },
		func(context.Context) error { return nil })
	if code, body := get(t, socket, "/metrics"); code != 500 || !strings.Contains(body, "stuck") {
		t.Errorf("/metrics: %d %q", code, body)
	}
}

// A socket left by a dead process is replaced; a living one is not.
func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	snap := func(context.Context) (Snapshot, error) { return Snapshot{}, nil }
	a := NewAdmin(NewRegistry("r", "n", snap), nil)
	if err := a.Listen("unix:" + path); err != nil {
		t.Error(err)
	}
	defer a.listeners[0].Close()
	b := NewAdmin(NewRegistry("r", "n", snap), nil)
	if err := b.Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("err=%v, want that another process serves it", err)
	}
	for _, bad := range []string{"nonsense", "127.0.0.1:notaport", "unix:/no/such/dir/x"} {
		if err := b.Listen(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("Listen(%q): %v", bad, err)
		}
	}
}

func TestLogger(t *testing.T) {
	var b strings.Builder
	log, err := NewLogger(&b, "node", "node-1", "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("not shown")
	log.Warn().Msg("shown")
	if s := b.String(); strings.Contains(s, "not shown") || !strings.Contains(s, `"role":"node","name":"node-1"`) {
		t.Errorf("log: %s", s)
	}
	if _, err := NewLogger(&b, "node", "node-1", "loud"); err == nil {
		t.Error("level loud: no error")
	}
}
