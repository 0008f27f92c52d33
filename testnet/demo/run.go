package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"hyperplane/testnet"
)

// Options are what Run needs.
type Options struct {
	Dir      testnet.Dir
	Topology *testnet.Topology
	Title    string        // the topology's name, as the user gave it
	For      time.Duration // 0: until ctx ends or the user quits
	Live     bool          // draw on the terminal In and Out; otherwise write text to Out
	In       *os.File
	Out      io.Writer
	Binary   string // how the user calls this program, for the hints
}

// ErrInterrupted is returned when the demo was ended before its time.
var ErrInterrupted = errors.New("interrupted before the time was over")

var errTimeOver = errors.New("the time is over")

// Run shows the demo. When it returns, nothing of it is left.
//
//  1. lay the testnet out
//  2. drive traffic and look at the parts, in goroutines
//  3. draw until ctx ends, the time is over or the user quits
//  4. stop the traffic, take the testnet down, say what was seen
func Run(ctx context.Context, o Options) (err error) {
	tasks, err := Plan(o.Topology)
	if err != nil {
		return err
	}
	up, err := layOut(ctx, o)
	if err != nil || !up {
		return err
	}
	defer func() { err = errors.Join(err, takeDown(ctx, o)) }()
	return show(ctx, o, tasks)
}

// layOut brings the testnet up; it is not up, without an error, if the user
// did not want to wait.
func layOut(ctx context.Context, o Options) (up bool, err error) {
	begun := time.Now()
	err = testnet.Up(ctx, testnet.Options{Dir: o.Dir, Topology: o.Topology, Progress: func(done, all int, what string) {
		if o.Live {
			fmt.Fprintf(o.Out, "\r\x1b[Klaying out the testnet: %d of %d, %s", done, all, what)
		}
	}})
	if o.Live {
		fmt.Fprint(o.Out, "\r\x1b[K")
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintln(o.Out, "interrupted: nothing is left behind")
		if o.For > 0 {
			return false, ErrInterrupted
		}
		return false, nil
	case err != nil:
		return false, err
	}
	fmt.Fprintf(o.Out, "testnet %s is up after %.1f s\n", o.Title, time.Since(begun).Seconds())
	return true, nil
}

// takeDown must work although ctx has ended.
func takeDown(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downWaitMax)
	defer cancel()
	r, err := testnet.Down(ctx, o.Dir)
	if err != nil {
		return fmt.Errorf("taking the testnet down: %w", err)
	}
	fmt.Fprintf(o.Out, "testnet is down: removed %d processes, %d namespaces and %d files\n", r.Processes, r.Namespaces, r.Files)
	return nil
}

// show drives the traffic and draws. When it returns, both have ended.
func show(ctx context.Context, o Options, tasks []Task) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &workers{fail: cancel}
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		cancel(nil)
		w.wg.Wait()
	}()
	if o.For > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, o.For, errTimeOver)
		defer stop()
	}
	begun := time.Now()
	meters := make([]*Meter, len(tasks))
	for i, t := range tasks {
		meters[i] = newMeter(t)
		d := &driver{task: t, meter: meters[i], open: inNamespace(t.Instance), ports: wellKnown}
		w.goes(func() { d.run(ctx) })
	}
	holder := newHolder(tasks)
	w.goes(func() { holder.run(ctx) })
	obs := newObserver(o.Dir, o.Topology, meters, holder)
	defer obs.close()
	snapshots := make(chan Snapshot)
	w.goes(func() { observe(ctx, obs, snapshots) })

	scene := Scene{Title: o.Title, Plan: NewLayout(o.Topology), Binary: o.Binary}
	if o.Live {
		scene, err = showLive(ctx, o.In, o.Out, newModel(ctx, o, scene), snapshots)
	} else {
		scene, err = showPlain(ctx, o.Out, scene, snapshots)
	}
	took, cause := time.Since(begun), context.Cause(ctx)
	finished := errors.Is(cause, errTimeOver)
	cancel(nil)
	w.wg.Wait()

	var list []Activity
	for _, m := range meters {
		list = append(list, m.Read())
	}
	scene.Held = holder.read()
	fmt.Fprintln(o.Out, Summary(list, &scene, took))
	var broken *PanicError
	switch {
	case err != nil:
	case errors.As(cause, &broken):
		err = broken
	case !finished && o.For > 0:
		err = ErrInterrupted
	}
	return errors.Join(err, Verdict(list, &scene, finished))
}

func newModel(ctx context.Context, o Options, s Scene) Model {
	s.Keys, s.Tools = true, installedTools()
	if len(s.Plan.Nodes) > 0 {
		s.Selected = s.Plan.Nodes[0]
	}
	return Model{Scene: s, Act: Act{
		Kill:  func(name string) error { return testnet.Kill(o.Dir, name, syscall.SIGKILL) },
		Start: func(name string) error { return testnet.Start(ctx, o.Dir, "", name) },
	}}
}

// observe looks again and again. A look that fails altogether shows as a
// picture that stands still.
func observe(ctx context.Context, o *observer, out chan<- Snapshot) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		if s, err := o.look(ctx); err == nil {
			select {
			case out <- s:
			case <-ctx.Done():
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// inNamespace opens sockets inside a part's namespace.
func inNamespace(name string) opener {
	return func(f func() error) error {
		return testnet.InNamespace(name, func() (err error) {
			defer func() { // on a thread of its own, where nobody else would
				if p := recover(); p != nil {
					err = panicked(p)
				}
			}()
			return f()
		})
	}
}

// workers are goroutines of which none may take the program with it: the
// testnet would stay.
type workers struct {
	wg   sync.WaitGroup
	fail context.CancelCauseFunc
}

func (w *workers) goes(f func()) {
	w.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				w.fail(panicked(p))
			}
		}()
		f()
	})
}

// PanicError is a panic that was caught to clean up first.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in the demo: %v\n%s", e.Value, e.Stack)
}

func panicked(v any) *PanicError { return &PanicError{v, debug.Stack()} }
