package nitrosim

import (
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/liveness"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
	"hyperplane/wire"
)

// The worker asks every Top at each Tick, and its figures say what came of it.
func TestWorkerProbes(t *testing.T) {
	s := newRig(t).state
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x := wire.NewExchange()
	w, err := Attach(l, New("host-1", flowtable.Seed{1, 2}), x.Port(s.PeerByName("host-1").Addr),
		func(in *cellstate.Instance) (tun.Device, error) { return tuntest.New(in.MTU), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	asked := 0
	for i, top := range s.Tops {
		conn := x.Port(top.Addr)
		if _, err := l.Watch(-1, func(time.Duration) bool {
			pkts := make([]wire.Packet, 8)
			n, _ := conn.Recv(pkts)
			for _, p := range pkts[:n] {
				if want := (packet.Tunnel{Stage: packet.StageProbe, Hops: 1}); p.Tunnel != want || len(p.Data) != liveness.ProbeLen {
					t.Errorf("got %+v with %d bytes", p.Tunnel, len(p.Data))
				}
				asked++
				if i > 0 { // the first one is dead
					liveness.AnswerProbe(p.Data, s.CellID, true, 1)
					conn.Send(&p, nil)
				}
			}
			return n > 0
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
	snapshot := w.Snapshot(time.Second)
	for name, want := range map[string]float64{"tops_up": float64(len(s.Tops) - 1), "top_changes_total": 1} {
		if got := metric(&snapshot, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func metric(s *telemetry.Snapshot, name string) float64 {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	return -1
}
