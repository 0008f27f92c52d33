package testnet

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"hyperplane/testnet/hold"
)

// holding is a running `hyperplane testnet hold`.
type holding struct {
	commands io.WriteCloser
	events   chan hold.Event
	cmd      *exec.Cmd
	said     *output // what it complains about
}

// startHolding returns when all connections are open.
func startHolding(t *testing.T, dir Dir, from string, tcp, udp int) *holding {
	t.Helper()
	h := &holding{events: make(chan hold.Event, 100), said: &output{}}
	h.cmd = exec.Command(binary(t), "testnet", "hold", "--control", "-o", "json",
		"--from", from, "--tcp", strconv.Itoa(tcp), "--udp", strconv.Itoa(udp))
	h.cmd.Env = append(os.Environ(), "HYPERPLANE_RUN="+string(dir))
	h.cmd.Stderr = h.said
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if h.commands, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.cmd.Process.Kill()
		h.cmd.Wait()
	})
	go func() {
		defer close(h.events)
		for lines := json.NewDecoder(out); ; {
			var e hold.Event
			if lines.Decode(&e) != nil {
				return
			}
			h.events <- e
		}
	}()
	h.next(t, hold.EventHeld)
	return h
}

// next waits for an event of a kind.
func (h *holding) next(t *testing.T, kind string) hold.Event {
	t.Helper()
	late := time.NewTimer(roundWaitMax)
	defer late.Stop()
	for {
		select {
		case e, ok := <-h.events:
			if !ok {
				t.Fatalf("hold ended: %s", h.said)
			}
			if e.Event == kind {
				return e
			}
		case <-late.C:
			t.Fatalf("hold did not say %q within %v", kind, roundWaitMax)
		}
	}
}

func (h *holding) command(t *testing.T, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(h.commands, format+"\n", args...); err != nil {
		t.Fatalf("hold: %v: %s", err, h.said)
	}
}

// mark begins a window and returns the one that ended.
func (h *holding) mark(t *testing.T, name string) hold.Window {
	t.Helper()
	h.command(t, "mark %s", name)
	return *h.next(t, hold.EventMark).Window
}

// round returns when every connection was used and answered once more.
func (h *holding) round(t *testing.T) {
	t.Helper()
	h.command(t, "round")
	h.next(t, hold.EventRound)
}

// stop ends it and returns what the whole run was.
func (h *holding) stop(t *testing.T) hold.Window {
	t.Helper()
	h.command(t, "stop")
	return *h.next(t, hold.EventResult).Window
}
