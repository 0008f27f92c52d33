package flowtable

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const tick = 100 * time.Millisecond

// Against a plain list: nothing early, nothing late by a granularity, nothing
// twice, nothing lost; also across pauses longer than the ring and for timers
// beyond it.
func TestWheelIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ids = 12
		wheel := NewWheel(ids, tick)
		deadlines := map[uint32]time.Duration{} // not before, as scheduled
		dueBy := map[uint32]time.Duration{}     // the moment from which lateness counts
		now := time.Duration(0)
		id := rapid.Uint32Range(0, ids-1)
		delay := rapid.OneOf(
			rapid.Int64Range(-int64(time.Second), int64(2*time.Second)),
			rapid.Int64Range(0, int64(2*wheelSlots*tick)),
			rapid.Int64Range(0, int64(24*time.Hour)),
		)
		t.Repeat(map[string]func(*rapid.T){
			"schedule": func(t *rapid.T) {
				i, at := id.Draw(t, "id"), now+time.Duration(delay.Draw(t, "delay"))
				wheel.Schedule(i, at)
				deadlines[i], dueBy[i] = at, max(at, now)
				if due, ok := wheel.Deadline(i); !ok || due < at || due >= max(at, 0)+2*tick {
					t.Fatalf("Deadline(%d) = %v, %v, want about %v", i, due, ok, at)
				}
			},
			"cancel": func(t *rapid.T) {
				i := id.Draw(t, "id")
				wheel.Cancel(i)
				delete(deadlines, i)
				if _, ok := wheel.Deadline(i); ok {
					t.Fatalf("Deadline(%d) of a cancelled timer", i)
				}
			},
			"advance": func(t *rapid.T) {
				now += max(0, time.Duration(delay.Draw(t, "delay")))
				for {
					i, ok := wheel.Next(now)
					if !ok {
						break
					}
					at, scheduled := deadlines[i]
					if !scheduled || at > now {
						t.Fatalf("at %v: Next = %d, scheduled %v for %v", now, i, scheduled, at)
					}
					delete(deadlines, i)
				}
				for i, at := range deadlines {
					if dueBy[i] <= now-tick {
						t.Fatalf("at %v: %d, due at %v, did not come", now, i, at)
					}
				}
			},
			"": func(t *rapid.T) {
				if wheel.Len() != len(deadlines) {
					t.Fatalf("Len = %d, want %d", wheel.Len(), len(deadlines))
				}
			},
		})
	})
}

// Many far timers in one slot delay the due ones; they do not stop the caller,
// and the due ones come within the calls it takes to pass them.
func TestWheelBoundsItsMoves(t *testing.T) {
	const far = 3*movesPerNextMax + 10
	wheel := NewWheel(far+1, tick)
	wheel.Schedule(far, wheelSlots*tick)
	for i := range uint32(far) {
		wheel.Schedule(i, 24*time.Hour)
	}
	now := wheelSlots * tick
	calls := 0
	for ; calls < 10; calls++ {
		if i, ok := wheel.Next(now); ok {
			if i != far {
				t.Fatalf("Next = %d, want %d", i, far)
			}
			break
		}
	}
	if calls != 3 {
		t.Errorf("the due timer came after %d empty calls, want 3", calls)
	}
}

func TestWheelDoesNotAllocate(t *testing.T) {
	wheel := NewWheel(1000, tick)
	now, id := time.Duration(0), uint32(0)
	if n := testing.AllocsPerRun(10000, func() {
		wheel.Schedule(id%1000, now+time.Second)
		wheel.Next(now)
		now += 10 * time.Millisecond
		id++
	}); n != 0 {
		t.Errorf("%v allocations per Schedule and Next", n)
	}
}

// BenchmarkWheel sets and fires timers among a million.
func BenchmarkWheel(b *testing.B) {
	const n = 1 << 20
	wheel := NewWheel(n, tick)
	for i := range uint32(n) {
		wheel.Schedule(i, time.Duration(i)*300*time.Microsecond)
	}
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		id, ok := wheel.Next(now)
		for ; !ok; id, ok = wheel.Next(now) {
			now += tick
		}
		wheel.Schedule(id, now+300*time.Second)
	}
}
