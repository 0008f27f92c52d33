package loop

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running starts a loop and returns a function that stops it and waits.
func running(t *testing.T, prepare func(*Loop)) (*Loop, func()) {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	prepare(l)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.Close()
	}
}

// newLoop makes a loop whose turns the test itself runs.
func newLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// within is a context for what must happen soon.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// A readable descriptor runs its reader, and each turn ends with the flush.
func TestReaderAndFlush(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	read, flushed := 0, 0
	got := make(chan int, 16)
	var stopWatching func()
	l, stop := running(t, func(l *Loop) {
		var err error
		stopWatching, err = l.Watch(pipe[0], func(time.Duration) Moved {
			var b [64]byte
			n, _ := unix.Read(pipe[0], b[:])
			read += max(n, 0)
			return Moved{Packets: 1, Bytes: n}
		})
		if err != nil {
			t.Fatal(err)
		}
		l.Flush(func(time.Duration) {
			if read > flushed {
				flushed = read
				got <- read
			}
		})
	})
	defer stop()
	for want := 1; want <= 3; want++ {
		if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-got:
			if n != want {
				t.Fatalf("read %d bytes, want %d", n, want)
			}
		case <-within(t).Done():
			t.Fatal("the reader did not run")
		}
	}
	if err := l.Do(within(t), stopWatching); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
		t.Fatal(err)
	}
	// Two further turns have passed after two calls of Do.
	for range 2 {
		if err := l.Do(within(t), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 0 {
		t.Error("the reader ran after it was stopped")
	}
}

// In-memory readers run until all are quiet; one that stops itself, or
// another, in the middle of a turn does not run again.
func TestInMemoryReaders(t *testing.T) {
	l := newLoop(t)
	a, b := 3, 0
	var stopB func()
	stopA, _ := l.Watch(-1, func(time.Duration) Moved {
		if a == 0 {
			return Moved{}
		}
		a, b = a-1, b+1
		return Moved{Packets: 1}
	})
	stopB, _ = l.Watch(-1, func(time.Duration) Moved {
		if b == 0 {
			return Moved{}
		}
		b--
		return Moved{Packets: 1}
	})
	l.Turn(0)
	if a != 0 || b != 0 {
		t.Errorf("a=%d b=%d after a turn, want all moved", a, b)
	}
	a = 2
	stopB()
	l.Turn(0)
	if a != 0 || b != 2 {
		t.Errorf("a=%d b=%d, want 0 and 2: b's reader was stopped", a, b)
	}
	stopA()
	a = 1
	l.Turn(0)
	if a != 1 {
		t.Error("a's reader ran after it was stopped")
	}
}

// Readers that never come to rest do not keep a turn from ending.
func TestTurnEnds(t *testing.T) {
	l := newLoop(t)
	n := 0
	_, _ = l.Watch(-1, func(time.Duration) Moved { n++; return Moved{Packets: 1} })
	l.Turn(0)
	if n != roundsPerTurnMax {
		t.Errorf("%d rounds, want %d", n, roundsPerTurnMax)
	}
}

// Timers run once per Tick, by the time that the caller gives.
func TestEvery(t *testing.T) {
	l := newLoop(t)
	n := 0
	l.Every(func(time.Duration) { n++ })
	for now := time.Duration(0); now <= 10*Tick; now += Tick / 10 {
		l.Turn(now)
	}
	if n != 10 {
		t.Errorf("%d ticks, want 10", n)
	}
}

func TestDo(t *testing.T) {
	l, stop := running(t, func(*Loop) {})
	ran := false
	if err := l.Do(within(t), func() { ran = true }); err != nil || !ran {
		t.Errorf("ran=%v err=%v", ran, err)
	}
	// A loop that is busy answers nobody, and the caller's context ends the wait.
	release := make(chan struct{})
	busy := make(chan struct{})
	go func() {
		_ = l.Do(context.Background(), func() { close(busy); <-release })
	}()
	<-busy
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := l.Do(ctx, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err=%v, want deadline exceeded", err)
	}
	close(release)
	stop()
	if err := l.Do(within(t), func() {}); !errors.Is(err, ErrStopped) {
		t.Errorf("after the end: err=%v, want ErrStopped", err)
	}
}

// A turn that finds nothing allocates nothing.
func TestTurnAllocatesNothing(t *testing.T) {
	l := newLoop(t)
	_, _ = l.Watch(-1, func(time.Duration) Moved { return Moved{} })
	var events [readyMax]unix.EpollEvent
	if n := testing.AllocsPerRun(100, func() {
		n, _ := epollNow(l.epoll, events[:])
		l.turn(0, events[:n])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The loop's thread runs soon and briefly where the kernel can tell such threads
// from others.
func TestSlice(t *testing.T) {
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil || before.Policy != unix.SCHED_NORMAL || before.Runtime == 0 {
		t.Skip("not supported here: slices (Linux 6.12, policy SCHED_NORMAL)")
	}
	l, stop := running(t, func(*Loop) {})
	defer stop()
	var attr *unix.SchedAttr
	if err := l.Do(within(t), func() { attr, err = unix.SchedGetAttr(0, 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || attr.Runtime != uint64(slice) || attr.Nice != before.Nice {
		t.Errorf("%+v, %v; want a slice of %v", attr, err, slice)
	}
}

// An idle loop yields as long as that takes no time; when it does, others want the
// processor, and it sleeps instead for a while.
func TestNoYieldWhenContended(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	yields, takes := 0, time.Duration(0)
	l.yield = func() {
		yields++
		for begun := l.Now(); l.Now()-begun < takes; {
		}
	}
	idle := func() int {
		yields = 0
		l.lastTick = l.Now() - Tick // the next is due: an idle poll does not block
		if n, err := l.poll(make([]unix.EpollEvent, readyMax)); n != 0 || err != nil {
			t.Fatalf("%d ready, %v", n, err)
		}
		return yields
	}
	takes = 2 * yieldMax
	if n := idle(); n != 1 {
		t.Errorf("%d yields though the first one took %v", n, takes)
	}
	if n := idle(); n != 0 {
		t.Errorf("%d yields just after one that took %v", n, takes)
	}
	if left := l.contended - l.Now(); left <= 0 || left > contendedFor {
		t.Errorf("contended for another %v", left)
	}
	l.contended, takes = 0, 0
	for try := 0; idle() != idleYields; try++ { // this thread itself may be interrupted
		if l.contended = 0; try == 1000 {
			t.Fatalf("%d yields though they take no time, want %d", yields, idleYields)
		}
	}
}

// Only a stream of small packets waits for more of them, and only where that is a gain.
func TestPause(t *testing.T) {
	for _, c := range []struct {
		name  string
		moved Moved
		gains bool
		waits bool
	}{
		{"nothing", Moved{}, true, false},
		{"a question", Moved{1, 64}, true, false},
		{"a stream", Moved{streamPackets, 64 * streamPackets}, true, true},
		{"a stream, and nobody gains", Moved{streamPackets, 64 * streamPackets}, false, false},
		{"nearly full", Moved{fullPackets - 1, 64 * (fullPackets - 1)}, true, true},
		{"full", Moved{fullPackets, 64 * fullPackets}, true, false},
		{"superpackets", Moved{8, 8 * 65535}, true, false},
		{"large packets", Moved{8, 8 * 1500}, true, false},
		{"a superpacket and acknowledgements", Moved{8, 65535 + 7*52}, true, false},
	} {
		now := time.Hour
		m := moderator{due: now} // nothing is saved up
		want := time.Duration(0)
		if c.waits {
			want = turnEvery
		}
		if d := m.pause(now, c.moved, c.gains); d != want {
			t.Errorf("%s: %v, want %v", c.name, d, want)
		}
	}
}

// Who rested may take some turns at once, and who keeps the pace by himself never waits.
func TestTurnsAreSaved(t *testing.T) {
	stream := Moved{streamPackets, 64 * streamPackets}
	var m moderator
	now, free := time.Hour, 0
	for m.pause(now, stream, true) == 0 {
		free++
	}
	if free != int(turnsSaved/turnEvery) {
		t.Errorf("%d turns at once after a rest, want %d", free, turnsSaved/turnEvery)
	}
	for range 1000 {
		now += turnEvery
		if d := m.pause(now, stream, true); d > turnEvery {
			t.Fatalf("a loop that keeps the pace waits %v", d)
		}
	}
	now += turnsSaved
	for range 1000 {
		if d := m.pause(now, stream, true); d > 0 {
			t.Fatalf("a loop that rested and keeps the pace waits %v", d)
		}
		now += turnEvery
	}
	for range 1000 { // unmoderated turns owe nothing
		m.pause(now, stream, false)
	}
	if d := m.pause(now, stream, true); d > turnEvery {
		t.Errorf("a wait of %v for turns that were free", d)
	}
}

// A loop into which small packets stream turns at the moderated pace while others want
// the processor, and as fast as it can when nobody does, or when the roles are all in
// this process.
func TestStreamIsModerated(t *testing.T) {
	const turns = 200
	last := func(contended time.Duration, inMemory bool) (took time.Duration) {
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) // readable for ever
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		var begun time.Duration
		n, done := 0, make(chan time.Duration, 1)
		_, stop := running(t, func(l *Loop) {
			if inMemory {
				_, _ = l.Watch(-1, func(time.Duration) Moved { return Moved{} })
			}
			_, _ = l.Watch(fd, func(now time.Duration) Moved {
				l.contended = now + contended
				switch n++; n {
				case 1:
					begun = now
				case turns:
					done <- now - begun
				}
				return Moved{streamPackets, 64 * streamPackets}
			})
		})
		defer stop()
		select {
		case took = <-done:
		case <-within(t).Done():
			t.Fatalf("not %d turns in 10 s", turns)
		}
		return took
	}
	if took, least := last(time.Minute, false), (turns-1)*turnEvery-turnsSaved; took < least {
		t.Errorf("%d turns in %v while contended, want at least %v", turns, took, least)
	}
	// The machine may be busy: the fastest of some tries.
	for _, c := range []struct {
		contended time.Duration
		inMemory  bool
	}{{-time.Minute, false}, {time.Minute, true}} {
		fastest := time.Hour
		for try := 0; try < 20 && fastest > turns*turnEvery/2; try++ {
			fastest = min(fastest, last(c.contended, c.inMemory))
		}
		if fastest > turns*turnEvery/2 {
			t.Errorf("contended for %v, in memory %v: %d turns in %v", c.contended, c.inMemory, turns, fastest)
		}
	}
}
