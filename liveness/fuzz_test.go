package liveness

import (
	"slices"
	"testing"

	"hyperplane/telemetry/drop"
)

// Whatever arrives, neither side panics; what a node answers is an answer of the
// same request; what it refuses it does not touch; and a Detector believes only
// an answer to what it asked.
func FuzzProbe(f *testing.F) {
	good := make([]byte, ProbeLen)
	request(good, testCell, 20e6)
	f.Add(slices.Clone(good), true, uint64(1))
	AnswerProbe(good, testCell, true, 1)
	f.Add(slices.Clone(good), false, uint64(0))
	f.Add(good[:ProbeLen-1], true, uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, serving bool, incarnation uint64) {
		before := slices.Clone(b)
		d := New()
		d.Apply(0, testCell, peers(1))
		to := d.Probes(20 * ms)[0].To
		if d.Answer(to, b) == drop.None {
			// Version, kind, cell and time are given; the rest is the node's to say.
			if len(b) != ProbeLen || !slices.Equal(b[:2], []byte{1, 2}) || !slices.Equal(b[4:16], good[4:16]) {
				t.Fatalf("% x was believed", b)
			}
		}
		if !slices.Equal(b, before) {
			t.Fatal("an answer was changed")
		}
		if AnswerProbe(b, testCell, serving, incarnation) != drop.None {
			if !slices.Equal(b, before) {
				t.Fatal("what was refused was changed")
			}
			return
		}
		if check(b, kindAnswer, testCell) != drop.None || !slices.Equal(b[4:16], before[4:16]) || b[2] == flagServing != serving {
			t.Fatalf("% x answers % x", b, before)
		}
		if got := d.Answer(to, b) == drop.None; got != slices.Equal(b[8:16], good[8:16]) {
			t.Fatalf("the answer % x: believed %v", b, got)
		}
	})
}
