package lab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A process is known by number and start time, whatever its program is called,
// and is not alive once it has ended, even before anyone waited for it.
func TestProcessIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a) S 1 (b")
	if err := os.Symlink("/bin/sleep", path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil || !id.Alive() {
		t.Fatalf("%+v, %v", id, err)
	}
	if up := id.Uptime(); up < 0 || up.Minutes() > 1 {
		t.Errorf("uptime %v", up)
	}
	if (ProcessID{id.PID, id.Start + 1}).Alive() {
		t.Error("another start time is the same process")
	}
	if err := (ProcessID{id.PID, id.Start + 1}).Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) || !id.Alive() {
		t.Errorf("signal by another start time: %v", err)
	}
	if err := id.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if left := Gone([]ProcessID{id}, KillWaitMax); len(left) > 0 {
		t.Error("a process that ended is alive until it is waited for")
	}
	cmd.Wait()
}
