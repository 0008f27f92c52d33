package testnet

import (
	"encoding/json"
	"strings"
	"testing"

	"hyperplane/testnet/hold"
)

// hold says that all is well, in words and in JSON, and by its exit code.
func TestHoldCommand(t *testing.T) {
	dir := bringUp(t, "default")
	r := hyperplane(t, dir, "testnet", "hold", "--from", "blue-1,green-1", "--tcp", "200", "--udp", "20", "--for", "1s")
	if r.code != 0 || !strings.Contains(r.stdout, "200 TCP and 20 UDP connections held, 0 broken, 0 misdelivered; stall p50 ") {
		t.Errorf("code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	r = hyperplane(t, dir, "testnet", "hold", "--tcp", "0", "--udp", "20", "--for", "100ms", "-o", "json")
	rows := strings.Split(strings.TrimSpace(r.stdout), "\n")
	var last hold.Event
	if err := json.Unmarshal([]byte(rows[len(rows)-1]), &last); err != nil || r.code != 0 {
		t.Fatalf("code %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
	}
	if last.Event != hold.EventResult || last.Window.UDP != 20 || last.Window.TCP != 0 {
		t.Errorf("%+v", last)
	}
	if r := hyperplane(t, dir, "testnet", "hold", "--from", "web"); r.code != 2 || !strings.Contains(r.stderr, "there are blue-1, blue-2, green-1") {
		t.Errorf("from a part that is no instance: code %d, %s", r.code, r.stderr)
	}
	checkAccounts(t, dir)
}

// What breaks is counted, and the exit code tells: nobody can think a test
// passed whose connections were gone.
func TestHoldTellsWhatBroke(t *testing.T) {
	dir := bringUp(t, "default")
	h := startHolding(t, dir, "blue-1", 100, 0)
	h.mark(t, "no server")
	killHard(t, dir, "web") // its kernel resets what its process had open
	h.round(t)
	w := h.mark(t, "after")
	if w.Broken != 50 || w.Misdelivered != 0 || w.TCP != 50 {
		t.Errorf("of 100 connections to two servers, without one of them: %v", w)
	}
	if all := h.stop(t); all.Broken != w.Broken {
		t.Errorf("in all %d, in the window %d", all.Broken, w.Broken)
	}
	h.cmd.Wait()
	if code := h.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	r := hyperplane(t, dir, "testnet", "hold", "--tcp", "10", "--udp", "0")
	if r.code != 1 || !strings.Contains(r.stderr, "203.0.113.10:10") || !strings.Contains(r.stderr, "connection refused") {
		t.Errorf("to a server that is not there: code %d, %s", r.code, r.stderr)
	}
}
