package demo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A panic in a goroutine ends the demo with an error instead of the process.
func TestPanicIsCaught(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &workers{fail: cancel}
	w.goes(func() { panic("oh") })
	w.wg.Wait()
	var caught *PanicError
	if !errors.As(context.Cause(ctx), &caught) || !strings.Contains(caught.Error(), "oh") || len(caught.Stack) == 0 {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

// Text pictures come at their own pace, the first as soon as there are rates.
func TestPlainPace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	snapshots := make(chan Snapshot)
	var out strings.Builder
	ended := make(chan error, 1)
	go func() {
		s, err := showPlain(ctx, &out, newScene(t), snapshots)
		if s.Frame == 0 {
			err = errors.New("not the last scene")
		}
		ended <- err
	}()
	for at := time.Duration(0); at <= 4*time.Second; at += sampleEvery {
		snapshots <- snapshot(t, at)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "HYPERPLANE"); n != 2 {
		t.Errorf("%d pictures in 4 s:\n%s", n, out.String())
	}
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("gone") }

// A reader that has gone ends the pictures.
func TestPlainReaderGone(t *testing.T) {
	snapshots := make(chan Snapshot)
	ended := make(chan error, 1)
	go func() {
		_, err := showPlain(t.Context(), gone{}, newScene(t), snapshots)
		ended <- err
	}()
	snapshots <- snapshot(t, 0)
	snapshots <- snapshot(t, sampleEvery)
	if err := <-ended; err == nil {
		t.Error("no error")
	}
}
