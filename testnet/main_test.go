package testnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hyperplane/testnet/lab"
)

// peerLink is the underlay link of a node, an edge or a host.
const peerLink = lab.UnderlayLink

// buildDir holds the binary under test, if this run built one.
var buildDir string

func TestMain(m *testing.M) {
	if flows := os.Getenv(holdFlows); flows != "" {
		os.Exit(holdFlowsMain(flows)) // not a test run, but a helper of one
	}
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// theBinary builds hyperplane once. HYPERPLANE_BINARY names one that is built
// already (with the race detector, say).
var theBinary = sync.OnceValues(func() (string, error) {
	if b := os.Getenv("HYPERPLANE_BINARY"); b != "" {
		return filepath.Abs(b)
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "hyperplane-test-"); err != nil {
		return "", err
	}
	path := filepath.Join(buildDir, "hyperplane")
	if out, err := exec.Command("go", "build", "-o", path, "hyperplane/cmd/hyperplane").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func binary(t *testing.T) string {
	t.Helper()
	b, err := theBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// needKernel skips the test where the machine cannot run a testnet, and says
// what is missing.
func needKernel(t *testing.T) {
	t.Helper()
	err := preflight()
	var missing *MissingFeatureError
	if errors.As(err, &missing) || errors.Is(err, ErrNotRoot) {
		t.Skipf("not supported here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// runDir is a run directory for one test, and a promise: when the test ends,
// nothing of a testnet is left. A testnet that somebody has up is a failure,
// not something to take down; remains that no process serves are.
func runDir(t *testing.T) Dir {
	t.Helper()
	needKernel(t)
	dir := Dir(filepath.Join(t.TempDir(), "run"))
	takeMachine(t)
	awaitNoTestnet(t, dir)
	links := linkNames(t)
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, dir)
		}
		if _, err := Down(context.Background(), dir); err != nil {
			t.Error(err)
		}
		nothingLeft(t, dir)
		if now := linkNames(t); now != links {
			t.Errorf("links before: %s, after: %s", links, now)
		}
	})
	return dir
}

// testsLock is held by a test from before its testnet is up until it is down.
const testsLock = "/run/hyperplane-testnet-tests.lock"

// takeMachine waits until no other test run has a testnet, and keeps others
// out until the test ends: there can be one testnet on a machine, and taking
// one down takes down whatever is there.
func takeMachine(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(othersWaitMax); ; time.Sleep(20 * time.Millisecond) {
		unlock, err := lab.Lock(testsLock)
		if err == nil {
			t.Cleanup(unlock)
			return
		}
		if !errors.Is(err, lab.ErrBusy) {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("another run of these tests still has the machine after %v (%s)", othersWaitMax, testsLock)
		}
	}
}

// othersWaitMax is how long a test waits for a testnet that is not its own,
// othersWait how long the next one still does.
const othersWaitMax = 2 * time.Minute

var othersWait = othersWaitMax

// awaitNoTestnet waits for a testnet that someone else has up, such as another
// test run: there can be one on a machine.
func awaitNoTestnet(t *testing.T, dir Dir) {
	t.Helper()
	clearRemains(t, dir)
	for deadline := time.Now().Add(othersWait); ; time.Sleep(50 * time.Millisecond) {
		left, err := leftovers(dir)
		if err != nil {
			t.Fatal(err)
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			othersWait = 0 // the next test need not wait for it again
			t.Fatalf("a testnet that this test did not make is still there (%s): take it down first", left)
		}
	}
}

// clearRemains takes down a testnet that nobody serves any more, such as the
// namespaces of a test run that was killed with all its processes.
func clearRemains(t *testing.T, dir Dir) {
	t.Helper()
	unlock, err := lock(t.Context(), othersWaitMax)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	names, err := namespaces()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := processesOf(dir, names)
	if err != nil {
		t.Fatal(err)
	}
	serving, err := lab.Scan(ours)
	if err != nil {
		t.Fatal(err)
	}
	if len(serving) > 0 {
		return // somebody's: awaitNoTestnet gives them time
	}
	if removed, err := takeDown(dir); err != nil {
		t.Fatal(err)
	} else if !removed.Nothing() {
		t.Logf("took down what a run that was killed had left: %d namespaces", removed.Namespaces)
	}
}

func linkNames(t *testing.T) string {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Name)
	}
	return strings.Join(names, " ")
}

// nothingLeft fails the test if anything of a testnet can be found.
func nothingLeft(t *testing.T, dir Dir) {
	t.Helper()
	names, err := namespaces()
	if err != nil || len(names) > 0 {
		t.Errorf("namespaces left: %v (%v)", names, err)
	}
	procs, err := lab.Scan(func(pid int) bool { return markOf(pid) != "" })
	if err != nil || len(procs) > 0 {
		t.Errorf("processes left: %v (%v)", procs, err)
	}
	if _, err := os.Stat(string(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run directory left: %v", err)
	}
	if _, err := os.Stat(lockPath); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock file left: %v", err)
	}
}

// showLogs puts the end of every part's log into the test's output.
func showLogs(t *testing.T, dir Dir) {
	logs, _ := filepath.Glob(filepath.Join(string(dir), "*.log"))
	for _, path := range logs {
		t.Logf("%s:\n%s", filepath.Base(path), lab.Tail(path))
	}
}

// bringUp lays a topology out for the test.
func bringUp(t *testing.T, topology string) Dir {
	t.Helper()
	dir := runDir(t)
	o := Options{Dir: dir, Binary: binary(t), Topology: load(t, topology)}
	err := Up(t.Context(), o)
	for errors.Is(err, ErrAlreadyUp) || errors.Is(err, ErrBusy) { // another run was faster
		awaitNoTestnet(t, dir)
		err = Up(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, topology string) *Topology {
	t.Helper()
	top, err := LoadTopology(topology)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// eventually waits for a condition, with a limit.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// result is what a command did.
type result struct {
	stdout, stderr string
	code           int // -1: ended by a signal
	state          *os.ProcessState
}

// hyperplane runs the binary under test, at most a minute.
func hyperplane(t *testing.T, dir Dir, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Env = append(os.Environ(), "HYPERPLANE_RUN="+string(dir))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), cmd.ProcessState}
}

// inside runs a command in a part and returns what it wrote to stdout and
// stderr, failing the test if it fails.
func inside(t *testing.T, name string, argv ...string) string {
	t.Helper()
	out, err := insideErr(t, name, argv...)
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", name, strings.Join(argv, " "), err, out)
	}
	return out
}

func insideErr(t *testing.T, name string, argv ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := StartIn(name, cmd); err != nil {
		return "", err
	}
	err := cmd.Wait()
	return out.String(), err
}
