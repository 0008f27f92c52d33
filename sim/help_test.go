package sim

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/sim/simtest"
	"hyperplane/telemetry/drop"
)

const (
	web   = "203.0.113.10"
	blue  = "198.51.100.1"
	green = "198.51.100.2"
)

// world is a cell under test: every error ends the test.
type world struct {
	*simtest.Cell
	t     testing.TB
	spec  string
	drops drop.Counts // seen by the last call of dropped
}

// newWorld builds the default network, with edits old, new, old, new … made to its file.
func newWorld(t testing.TB, edits ...string) *world {
	t.Helper()
	b, err := os.ReadFile("../cellstate/testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, spec: string(b)}
	c, err := simtest.New(w.edit(edits...), 1<<17)
	if err != nil {
		t.Fatal(err)
	}
	w.Cell = c
	t.Cleanup(c.Close)
	return w
}

// edit changes the network's file and parses it.
func (w *world) edit(edits ...string) *cellstate.State {
	w.t.Helper()
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(w.spec, edits[i]) {
			w.t.Fatalf("the example has no %q", edits[i])
		}
		w.spec = strings.ReplaceAll(w.spec, edits[i], edits[i+1])
	}
	s, err := cellstate.Parse("example.yaml", []byte(w.spec))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func plain(b []byte) packet.Packet { return packet.Packet{Data: b} }

// out sends a packet from an instance and returns the one that reaches the internet.
func (w *world) out(instance string, b []byte) []byte {
	w.t.Helper()
	w.must(w.Send(instance, plain(b)))
	return w.one("the internet", w.Internet())
}

// in sends a packet from the internet and returns the one that reaches the instance.
func (w *world) in(instance string, b []byte) []byte {
	w.t.Helper()
	w.must(w.Reply(plain(b)))
	return w.one(instance, w.Received(instance))
}

func (w *world) one(where string, ps []packet.Packet) []byte {
	w.t.Helper()
	if len(ps) != 1 {
		w.t.Fatalf("%d packets reached %s, want 1; drops: %v", len(ps), where, w.reasons())
	}
	return clone(ps[0].Data)
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// silence fails unless nothing reached anyone.
func (w *world) silence() {
	w.t.Helper()
	ps := w.Internet()
	for name := range w.Instances {
		ps = append(ps, w.Received(name)...)
	}
	for _, p := range ps {
		w.t.Errorf("unexpected packet: %s", Line(p.Data))
	}
}

// dropped fails unless exactly n packets were dropped since the last call, all for reason r.
func (w *world) dropped(r drop.Reason, n uint64) {
	w.t.Helper()
	now := w.Drops()
	for i := range now {
		want := uint64(0)
		if drop.Reason(i) == r {
			want = n
		}
		if got := now[i] - w.drops[i]; got != want {
			w.t.Errorf("dropped for %v: %d, want %d", drop.Reason(i), got, want)
		}
	}
	w.drops = now
}

func (w *world) reasons() map[string]uint64 {
	m := map[string]uint64{}
	for i, n := range w.Drops() {
		if n > 0 {
			m[drop.Reason(i).String()] = n
		}
	}
	return m
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.must(w.Advance(d))
}

// source returns address:port of a packet.
func source(t testing.TB, b []byte) string {
	t.Helper()
	var v packet.View
	if r := v.Decode(&packet.Packet{Data: b}); r != drop.None {
		t.Fatalf("%v: % x", r, b)
	}
	s := v.Tuple.String()
	return strings.Fields(s)[1]
}

func end(a packet.Addr4, port uint16) string { return fmt.Sprintf("%v:%d", a, port) }
