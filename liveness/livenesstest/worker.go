package livenesstest

import (
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/wire"
)

// Worker is the shell of a role that sends to Tops.
type Worker interface {
	Apply(now time.Duration, s *cellstate.State) error
	Snapshot(now time.Duration) telemetry.Snapshot
}

// WorkerProbes checks that a worker asks every Top at each Tick, and that its
// figures say what came of it. attach makes the worker of the named peer of the
// example.
func WorkerProbes(t *testing.T, name string, attach func(*loop.Loop, wire.Conn) (Worker, error)) {
	s := Example(t)
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	x := wire.NewExchange()
	w, err := attach(l, x.Port(s.PeerByName(name).Addr))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for i, top := range s.Tops {
		conn := x.Port(top.Addr)
		if _, err := l.Watch(-1, func(time.Duration) loop.Moved {
			pkts := make([]wire.Packet, 8)
			n, _ := conn.Recv(pkts)
			for _, p := range pkts[:n] {
				if want := (packet.Tunnel{Stage: packet.StageProbe, Hops: 1}); p.Tunnel != want || len(p.Data) != liveness.ProbeLen {
					t.Errorf("got %+v with %d bytes", p.Tunnel, len(p.Data))
				}
				asked++
				if i > 0 { // the first one is dead
					liveness.AnswerProbe(p.Data, s.CellID, true, 1)
					conn.Send(&p)
				}
			}
			return loop.Moved{Packets: n}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Apply(0, s); err != nil {
		t.Fatal(err)
	}
	for now := time.Duration(0); now <= time.Second; now += loop.Tick {
		l.Turn(now)
		snapshot := w.Snapshot(now)
		if n := snapshot.Traffic.Unaccounted(); n != 0 {
			t.Fatalf("at %v: %d packets unaccounted for", now, n)
		}
	}
	if want := len(s.Tops) * (int(time.Second/loop.Tick) - 1); asked != want {
		t.Errorf("asked %d times, want %d: each Top at each Tick", asked, want)
	}
	got := map[string]float64{}
	for _, m := range w.Snapshot(time.Second).Metrics {
		got[m.Name] = m.Value
	}
	if got["tops_up"] != float64(len(s.Tops)-1) || got["top_changes_total"] != 1 {
		t.Errorf("tops_up %v, top_changes_total %v", got["tops_up"], got["top_changes_total"])
	}
}
