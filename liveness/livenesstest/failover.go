package livenesstest

import (
	"testing"
	"time"
)

// TopFailsOver checks that the flows of a Top that falls silent go to the next
// one and the others stay (I17), and that all return when it is back for the
// hold-down.
func TopFailsOver(t *testing.T, r *Rig) {
	before := r.flows()
	r.Run(time.Second)
	if r.flows() != before {
		t.Fatal("flows moved though nothing happened")
	}
	gone := r.State.Tops[1].Addr
	r.Silent[gone] = true
	r.Run(100 * time.Millisecond)
	moved := 0
	for i, top := range r.flows() {
		switch {
		case top == gone:
			t.Fatalf("flow %d still goes to the silent one", i)
		case before[i] == gone:
			moved++
		case top != before[i]:
			t.Fatalf("flow %d moved from %v, which lives", i, before[i])
		}
	}
	if moved == 0 {
		t.Fatal("the silent one had no flows")
	}
	delete(r.Silent, gone)
	r.Run(200 * time.Millisecond)
	if r.flows() == before {
		t.Error("it got its flows back before its hold-down")
	}
	r.Run(100 * time.Millisecond)
	if r.flows() != before {
		t.Error("the flows did not return")
	}
}

// TopsFailOpen checks that a sender that hears nobody goes on as if all were up,
// whether it never heard anybody or no longer does, for the first or second time.
func TopsFailOpen(t *testing.T, r *Rig) {
	before := r.flows()
	for _, heard := range []time.Duration{0, time.Second, time.Second} {
		clear(r.Silent)
		r.Run(heard)
		for _, top := range r.State.Tops {
			r.Silent[top.Addr] = true
		}
		r.Run(10 * time.Second)
		if r.flows() != before {
			t.Errorf("flows moved when all fell silent after %v", heard)
		}
	}
}
