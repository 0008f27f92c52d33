package loop

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ErrStopped is returned by Do when the loop ran its last turn.
var ErrStopped = errors.New("loop: stopped")

// Reader moves one batch from its source into the role.
type Reader func(now time.Duration) Moved

// Loop is one worker's thread. Its methods other than Do belong to that
// thread (or to the time before Run).
type Loop struct {
	epoll, wake int
	start       time.Time
	readers     map[int32]Reader // by descriptor
	inMemory    []*Reader        // nil: stopped during this turn
	flushes     []func(now time.Duration)
	ticks       []func(now time.Duration)
	lastTick    time.Duration
	contended   time.Duration // until then others want the processor
	moderator   moderator
	yield       func() // sched_yield, but in tests
	jobs        chan func()
	stopped     chan struct{}
}

// New returns a loop that watches nothing yet.
func New() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("loop: epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, fmt.Errorf("loop: eventfd: %w", err)
	}
	l := &Loop{
		epoll: ep, wake: wake, start: time.Now(),
		readers: make(map[int32]Reader),
		jobs:    make(chan func(), jobsMax),
		stopped: make(chan struct{}),
		yield:   yield,
	}
	if _, err := l.Watch(wake, l.drainWake); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Watch runs r whenever fd is readable, until stop is called, which has to be
// before fd is closed. With fd < 0, r reads from memory: it runs in every turn,
// again and again until it and its like move nothing.
func (l *Loop) Watch(fd int, r Reader) (stop func(), err error) {
	if fd < 0 {
		mine := &r
		l.inMemory = append(l.inMemory, mine)
		return func() {
			if i := slices.Index(l.inMemory, mine); i >= 0 {
				l.inMemory[i] = nil
			}
		}, nil
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return nil, fmt.Errorf("loop: watch descriptor %d: %w", fd, err)
	}
	l.readers[int32(fd)] = r
	return func() {
		delete(l.readers, int32(fd))
		// Fails only for a descriptor that is closed already, which is then not watched either.
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}, nil
}

// Flush registers f to run at the end of every turn, in order of registration.
func (l *Loop) Flush(f func(now time.Duration)) { l.flushes = append(l.flushes, f) }

// Every registers f to run once per Tick.
func (l *Loop) Every(f func(now time.Duration)) { l.ticks = append(l.ticks, f) }

// Now is the loop's time: monotonic, since New.
func (l *Loop) Now() time.Duration { return time.Since(l.start) }

// Do runs f between two turns and waits for its end. It is the one way into
// the loop from other goroutines, and must not be called from within it.
func (l *Loop) Do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case l.jobs <- func() { f(); close(done) }:
	case <-l.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("loop: busy: %w", ctx.Err())
	}
	l.wakeUp()
	select {
	case <-done:
		return nil
	case <-l.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("loop: no answer: %w", ctx.Err())
	}
}

// Run turns until ctx ends. It locks its goroutine to a thread.
func (l *Loop) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(l.stopped)
	sliceShort()
	stop := context.AfterFunc(ctx, l.wakeUp)
	defer stop()
	var events [readyMax]unix.EpollEvent
	for ctx.Err() == nil {
		n, err := l.poll(events[:])
		if err != nil {
			return err
		}
		moved := l.turn(l.Now(), events[:n])
		now := l.Now()
		// Roles in one process send each other nothing of which there could be less.
		gains := now < l.contended && len(l.inMemory) == 0
		if d := l.moderator.pause(now, moved, gains); d > 0 {
			sleep(d)
		}
	}
	return nil
}

// Turn runs one turn over the in-memory readers only: what tests and
// simulations call, with a time of their own.
func (l *Loop) Turn(now time.Duration) { l.turn(now, nil) }

// Close releases the loop's own descriptors, after Run has returned.
func (l *Loop) Close() {
	unix.Close(l.wake)
	unix.Close(l.epoll)
}

// poll first asks without blocking, through raw system calls that the Go
// scheduler does not see; only an idle loop blocks, in a way it does see.
func (l *Loop) poll(events []unix.EpollEvent) (int, error) {
	if n, err := epollNow(l.epoll, events); n > 0 || err != nil {
		return n, err
	}
	for now, i := l.Now(), 0; i < idleYields && now >= l.contended; i++ {
		l.yield()
		before := now
		if now = l.Now(); now-before > yieldMax {
			l.contended = now + contendedFor
		}
		if n, err := epollNow(l.epoll, events); n > 0 || err != nil {
			return n, err
		}
	}
	timeout := Tick - (l.Now() - l.lastTick)
	if timeout <= 0 {
		return 0, nil
	}
	n, err := unix.EpollWait(l.epoll, events, int(timeout/time.Millisecond)+1)
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("loop: epoll_wait: %w", err)
	}
	return n, nil
}

// turn returns what came from descriptors. What came from memory is the same packets
// on their way through the roles.
func (l *Loop) turn(now time.Duration, ready []unix.EpollEvent) (moved Moved) {
	for len(l.jobs) > 0 {
		(<-l.jobs)()
	}
	for i := range ready {
		// A job or an earlier reader may have removed this one.
		if r, ok := l.readers[ready[i].Fd]; ok {
			m := r(now)
			moved.Packets += m.Packets
			moved.Bytes += m.Bytes
		}
	}
	for round, progress := 0, true; progress && round < roundsPerTurnMax; round++ {
		progress = false
		for _, r := range l.inMemory {
			if r != nil && (*r)(now).Packets > 0 {
				progress = true
			}
		}
	}
	l.inMemory = slices.DeleteFunc(l.inMemory, func(r *Reader) bool { return r == nil })
	if now-l.lastTick >= Tick {
		l.lastTick = now
		for _, f := range l.ticks {
			f(now)
		}
	}
	for _, f := range l.flushes {
		f(now)
	}
	return moved
}

func (l *Loop) wakeUp() {
	one := [8]byte{1}
	// Fails only when the counter is full, that is, when a wake-up is pending.
	_, _ = unix.Write(l.wake, one[:])
}

func (l *Loop) drainWake(time.Duration) Moved {
	var n [8]byte
	_, _ = unix.Read(l.wake, n[:])
	return Moved{}
}
