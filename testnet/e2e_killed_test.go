package testnet

import (
	"syscall"
	"testing"
)

// killHard ends a part's process without a warning.
func killHard(t *testing.T, dir Dir, name string) {
	t.Helper()
	if err := Kill(dir, name, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// balanced demands that every role accounts for all its packets (I8). What was
// on its way to a process that was killed is nobody's, so links are not compared.
func balanced(t *testing.T, dir Dir) {
	t.Helper()
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range settled(t, dir, top) {
		if d := s.unaccounted(); d != 0 {
			t.Errorf("%s: %v packets unaccounted for: %v", name, d, s)
		}
	}
}
