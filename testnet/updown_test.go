package testnet

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/testnet/lab"
)

// A testnet comes up, works and goes without a trace, twice in a row; a second
// down has nothing to do.
func TestUpDownTwice(t *testing.T) {
	dir := runDir(t)
	for range 2 {
		var steps []string
		err := Up(t.Context(), Options{
			Dir: dir, Binary: binary(t), Topology: load(t, "internet-only"),
			Progress: func(done, all int, what string) {
				if steps = append(steps, what); done != len(steps) || all != 3 {
					t.Errorf("progress %d of %d at %q", done, all, what)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != 3 || steps[0] != "namespaces and links" {
			t.Errorf("progress %q", steps)
		}
		list, err := Status(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if !p.Healthy {
				t.Errorf("%s is not healthy: %s", p.Name, p.Detail)
			}
		}
		r, err := Down(t.Context(), dir)
		if err != nil || r.Namespaces != 4 || r.Processes < 2 || r.Files == 0 {
			t.Errorf("down: %+v, %v", r, err)
		}
		nothingLeft(t, dir)
		if r, err := Down(t.Context(), dir); err != nil || !r.Nothing() {
			t.Errorf("second down: %+v, %v", r, err)
		}
	}
}

func TestUpWhenUp(t *testing.T) {
	dir := bringUp(t, "internet-only")
	other := Dir(filepath.Join(t.TempDir(), "other"))
	for _, d := range []Dir{dir, other} {
		err := Up(t.Context(), Options{Dir: d, Binary: binary(t), Topology: load(t, "internet-only")})
		if !errors.Is(err, ErrAlreadyUp) || !strings.Contains(err.Error(), "testnet down") {
			t.Errorf("error %v", err)
		}
	}
	if out := inside(t, "peer", "cat", "/proc/net/route"); !strings.Contains(out, "eth0") {
		t.Errorf("the testnet that was up has lost its routes:\n%s", out)
	}
}

// Of several that try at once, one lays the testnet out and the others say why
// they do not.
func TestConcurrentUps(t *testing.T) {
	dir := runDir(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		top, bin := load(t, "internet-only"), binary(t)
		wg.Go(func() { errs[i] = Up(t.Context(), Options{Dir: dir, Binary: bin, Topology: top}) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrBusy) && !errors.Is(err, ErrAlreadyUp):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d succeeded: %v", won, errs)
	}
}

// script writes a program that stands in for the hyperplane binary.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "role")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A process that dies while the testnet comes up is named with the end of its
// log, and what was made is removed.
func TestUpFailureCleansUp(t *testing.T) {
	dir := runDir(t)
	bin := script(t, "for i in $(seq 100); do echo line $i; done; echo the reason is here >&2; exit 3\n")
	err := Up(t.Context(), Options{Dir: dir, Binary: bin, Topology: load(t, "default")})
	var died *DiedError
	if !errors.As(err, &died) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"exit status 3", "the reason is here", "line 100\n"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q\nlacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "line 50\n") {
		t.Error("the whole log was shown")
	}
	nothingLeft(t, dir)

	err = Up(t.Context(), Options{Dir: dir, Binary: "/nonexistent", Topology: load(t, "default")})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	nothingLeft(t, dir)
}

// Ctrl-C while the parts are being awaited leaves nothing.
func TestUpInterrupted(t *testing.T) {
	dir := runDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Up(ctx, Options{
		Dir: dir, Binary: script(t, "exec sleep 60\n"), Topology: load(t, "default"),
		Progress: func(int, int, string) { time.AfterFunc(20*time.Millisecond, cancel) },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	nothingLeft(t, dir)
}

func TestRunDirTooLong(t *testing.T) {
	dir := runDir(t)
	long := Dir(filepath.Join(string(dir), strings.Repeat("x", 100)))
	err := Up(t.Context(), Options{Dir: long, Binary: binary(t), Topology: load(t, "internet-only")})
	if err == nil || !strings.Contains(err.Error(), "HYPERPLANE_RUN") {
		t.Errorf("error %v", err)
	}
	nothingLeft(t, dir)
}

// Down takes down what is left, whatever was done to it before.
func TestDownAfterDamage(t *testing.T) {
	anyPid := func(t *testing.T, dir Dir) lab.ProcessID {
		p, ok := readPid(dir, "web")
		if !ok {
			t.Fatal("no pid file")
		}
		return p
	}
	check := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir Dir)
	}{
		{"run directory removed", func(t *testing.T, dir Dir) { check(t, os.RemoveAll(string(dir))) }},
		{"pid files damaged", func(t *testing.T, dir Dir) {
			check(t, os.WriteFile(dir.pid("web"), []byte("rubbish"), 0o644))
			check(t, os.WriteFile(dir.pid("peer"), nil, 0o644))
			check(t, os.WriteFile(dir.pid("other"), []byte("1 1 1\n"), 0o644))
		}},
		{"everything killed", func(t *testing.T, dir Dir) {
			procs, err := lab.Scan(func(pid int) bool { return markOf(pid) != "" })
			check(t, err)
			for _, p := range procs {
				p.Signal(9)
			}
		}},
		{"a process stopped", func(t *testing.T, dir Dir) { check(t, anyPid(t, dir).Signal(19)) }},
		{"a stranger inside", func(t *testing.T, dir Dir) {
			cmd := exec.Command("sleep", "60")
			check(t, StartIn("web", cmd))
			t.Cleanup(func() {
				if cmd.Wait() == nil {
					t.Error("the stranger was not killed")
				}
			})
		}},
		{"a namespace's name removed", func(t *testing.T, dir Dir) {
			check(t, lab.Remove("hp-web"))
			check(t, os.RemoveAll(string(dir)))
		}},
		{"a namespace mounted twice", func(t *testing.T, dir Dir) {
			path := filepath.Join(lab.NamespaceDir, "hp-web")
			check(t, unix.Mount(path, path, "", unix.MS_BIND, ""))
		}},
		{"a plain file in place of a namespace", func(t *testing.T, dir Dir) {
			check(t, os.WriteFile(filepath.Join(lab.NamespaceDir, "hp-blue-1"), nil, 0o644))
		}},
		{"files removed", func(t *testing.T, dir Dir) {
			for _, f := range []string{"web.pid", "web.sock", "state.yaml", "topology.yaml"} {
				check(t, os.Remove(filepath.Join(string(dir), f)))
			}
		}},
		{"half of the links removed", func(t *testing.T, dir Dir) {
			inside(t, "internet", "ip", "link", "del", "web")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := bringUp(t, "internet-only")
			tt.damage(t, dir)
			if r, err := Down(t.Context(), dir); err != nil || r.Nothing() {
				t.Errorf("down: %+v, %v", r, err)
			}
			nothingLeft(t, dir)
			if err := Up(t.Context(), Options{Dir: dir, Binary: binary(t), Topology: load(t, "internet-only")}); err != nil {
				t.Errorf("up again: %v", err)
			}
		})
	}
}

// A pid file whose number now belongs to another process hits nobody.
func TestDownSparesReusedPid(t *testing.T) {
	dir := bringUp(t, "internet-only")
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { bystander.Process.Kill(); bystander.Wait() }()
	id, err := lab.Identify(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	id.Start--
	if err := writePid(dir, "web", id); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	id.Start++
	if !id.Alive() {
		t.Error("the bystander was killed")
	}
}

// What a user keeps in the run directory is the user's.
func TestDownKeepsForeignFiles(t *testing.T) {
	dir := bringUp(t, "internet-only")
	mine := filepath.Join(string(dir), "capture.pcap")
	if err := os.WriteFile(mine, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(string(dir)); err != nil {
		t.Fatal(err)
	}
}
