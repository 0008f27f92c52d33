package testnet

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"hyperplane/testnet/lab"
)

// The command's exit code is the caller's, and so is a signal that ends it.
func TestExec(t *testing.T) {
	dir := bringUp(t, "internet-only")
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"success", []string{"web", "--", "echo", "hello"}, 0, "hello\n", ""},
		{"code", []string{"web", "--", "sh", "-c", "exit 42"}, 42, "", ""},
		{"without dashes", []string{"web", "sh", "-c", "echo $0 $1", "a", "--", "b"}, 0, "a --\n", ""},
		{"flags are the command's", []string{"web", "--", "echo", "-n", "--help"}, 0, "--help", ""},
		{"not found", []string{"web", "--", "no-such-command"}, 127, "", "no-such-command"},
		{"not executable", []string{"web", "--", "/etc/passwd"}, 126, "", "permission denied"},
		{"unknown name", []string{"nobody", "--", "true"}, 2, "", "there are internet, peer, underlay, web"},
		{"no command", []string{"web"}, 2, "", "--help"},
		{"no command after dashes", []string{"web", "--"}, 2, "", "--help"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := hyperplane(t, dir, append([]string{"testnet", "exec"}, tt.args...)...)
			if r.code != tt.code || r.stdout != tt.stdout || !strings.Contains(r.stderr, tt.stderr) {
				t.Errorf("code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
			}
		})
	}
	r := hyperplane(t, dir, "testnet", "exec", "web", "--", "sh", "-c", "kill -TERM $$")
	if ws := r.state.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v, want SIGTERM (which a shell shows as 143)", r.state)
	}
	address := hyperplane(t, dir, "testnet", "exec", "peer", "--", "ip", "-br", "-4", "address", "show", "eth0")
	if !strings.Contains(address.stdout, "203.0.113.20/32") {
		t.Errorf("not inside peer: %s", address.stdout)
	}
}

// Without a testnet every command says how to get one, and down has no work.
func TestCommandsWhenDown(t *testing.T) {
	dir := runDir(t)
	for _, args := range [][]string{
		{"exec", "web", "--", "true"}, {"status"}, {"kill", "web"}, {"start", "web"}, {"logs", "web"},
		{"pause", "web"}, {"resume", "web"}, {"partition", "a", "b"}, {"heal"}, {"heal", "a", "b"}, {"hold"},
	} {
		r := hyperplane(t, dir, append([]string{"testnet"}, args...)...)
		if r.code != 1 || !strings.Contains(r.stderr, "hyperplane testnet up") {
			t.Errorf("%v: code %d, stderr %q", args, r.code, r.stderr)
		}
	}
	if r := hyperplane(t, dir, "testnet", "down"); r.code != 0 || !strings.Contains(r.stdout, "nothing to do") {
		t.Errorf("down: code %d, stdout %q", r.code, r.stdout)
	}
}

func TestStatusCommand(t *testing.T) {
	dir := bringUp(t, "internet-only")
	r := hyperplane(t, dir, "testnet", "status", "-o", "json")
	var list []PartStatus
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 4 {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	for _, p := range list {
		serves := p.Role == RoleInternetHost
		if !p.Healthy || serves != (p.PID != 0) || serves != (p.State == StateRunning) || serves && p.Uptime < 0 {
			t.Errorf("%+v", p)
		}
	}
	if text := hyperplane(t, dir, "testnet", "status").stdout; strings.Count(text, "\n") != 5 || !strings.Contains(text, "hp-web") {
		t.Errorf("text:\n%s", text)
	}
	if r := hyperplane(t, dir, "testnet", "status", "-o", "xml"); r.code != 2 {
		t.Errorf("-o xml: code %d", r.code)
	}
}

// A killed part can be started again, with what it had; iperf3 goes with it.
func TestKillAndStart(t *testing.T) {
	dir := bringUp(t, "internet-only")
	get := func() error { _, err := insideErr(t, "peer", "curl", "-sfm", "5", "http://203.0.113.10/"); return err }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	before, _ := findProcess(dir, "web")
	if r := hyperplane(t, dir, "testnet", "kill", "web"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if before.Alive() || get() == nil {
		t.Error("web lives on")
	}
	inWeb, err := lab.Inside("hp-web")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody in hp-web", func() bool {
		procs, err := lab.Scan(inWeb)
		return err == nil && len(procs) == 0
	})
	if s := statusOf(t, dir, "web"); s.State != StateDead || s.Healthy || s.PID != 0 {
		t.Errorf("%+v", s)
	}
	if r := hyperplane(t, dir, "testnet", "kill", "web"); r.code != 1 || !strings.Contains(r.stderr, "testnet start web") {
		t.Errorf("kill again: code %d, %s", r.code, r.stderr)
	}
	if r := hyperplane(t, dir, "testnet", "start", "web"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if err := get(); err != nil {
		t.Errorf("after start: %v", err)
	}
	if s := statusOf(t, dir, "web"); !s.Healthy {
		t.Errorf("%+v", s)
	}
	if r := hyperplane(t, dir, "testnet", "start", "web"); r.code != 1 || !strings.Contains(r.stderr, "already runs") {
		t.Errorf("start again: code %d, %s", r.code, r.stderr)
	}
	for _, args := range [][]string{{"kill", "internet"}, {"start", "nobody"}, {"logs", "underlay"}, {"kill", "web", "--signal", "NONE"}, {"kill"}} {
		if r := hyperplane(t, dir, append([]string{"testnet"}, args...)...); r.code != 2 {
			t.Errorf("%v: code %d, %s", args, r.code, r.stderr)
		}
	}
}

// A process that is paused stands still, shows it, and goes on.
func TestPauseAndResume(t *testing.T) {
	dir := bringUp(t, "internet-only")
	for _, step := range []struct{ command, state string }{{"pause", StateStopped}, {"pause", StateStopped}, {"resume", StateRunning}} {
		if r := hyperplane(t, dir, "testnet", step.command, "web"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		if s := statusOf(t, dir, "web"); s.State != step.state {
			t.Errorf("after %s: %+v", step.command, s)
		}
	}
	eventually(t, "web is healthy", func() bool { return statusOf(t, dir, "web").Healthy })
	before, _ := findProcess(dir, "web")
	if err := Restart(t.Context(), dir, binary(t), "web", syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir, "web"); !s.Healthy || s.PID == before.PID || before.Alive() {
		t.Errorf("after a restart: %+v, before process %d", s, before.PID)
	}
	if err := Kill(dir, "web", syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir, "web"); s.State != StateDead {
		t.Errorf("%+v", s)
	}
	for _, args := range [][]string{{"pause", "web"}, {"resume", "web"}} {
		if r := hyperplane(t, dir, append([]string{"testnet"}, args...)...); r.code != 1 || !strings.Contains(r.stderr, "testnet start web") {
			t.Errorf("%v: code %d, %s", args, r.code, r.stderr)
		}
	}
}

// A spare runs nothing until the state names it; then it starts like any node.
func TestSpareBecomesNode(t *testing.T) {
	dir := bringUp(t, variant(t, "network: 172.31.0.0/24 ", "spares: [{name: node-4, address: 172.31.0.14}]\n  network: 172.31.0.0/24 "))
	if s := statusOf(t, dir, "node-4"); s.State != StateSpare || !s.Healthy || s.PID != 0 || !strings.Contains(s.Detail, "state.yaml") {
		t.Errorf("%+v", s)
	}
	if r := hyperplane(t, dir, "testnet", "start", "node-4"); r.code != 1 || !strings.Contains(r.stderr, "node-4") {
		t.Errorf("a spare that the state does not name: code %d, %s", r.code, r.stderr)
	}
	const third = "  - {name: node-3, address: 172.31.0.13}\n"
	setState(t, dir, 2, "version: 1", "version: 2", third, third+"  - {name: node-4, address: 172.31.0.14}\n")
	if r := hyperplane(t, dir, "testnet", "start", "node-4"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if s := statusOf(t, dir, "node-4"); s.State != StateRunning || !s.Healthy {
		t.Errorf("%+v", s)
	}
	t.Setenv("HYPERPLANE_RUN", string(dir))
	if admins := NodeAdmins(); len(admins) != 4 || admins[3] != "unix:"+dir.Admin("node-4") {
		t.Errorf("%v", admins)
	}
	if !arrives(t, dir, "host-1", "node-4") || !arrives(t, dir, "node-4", "host-1") {
		t.Error("the spare is not on the underlay")
	}
	killHard(t, dir, "node-4")
	if s := statusOf(t, dir, "node-4"); s.State != StateDead || s.Healthy {
		t.Errorf("%+v", s)
	}
}

// A process that is slowed down gets less done and is whole afterwards.
func TestSlow(t *testing.T) {
	dir := bringUp(t, "internet-only")
	p, _ := findProcess(dir, "web")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Slow(ctx, dir, "web") }()
	eventually(t, "web is held", p.Stopped)
	eventually(t, "web runs", func() bool { return !p.Stopped() })
	eventually(t, "web answers, slowly", func() bool { return statusOf(t, dir, "web").Healthy })
	cancel()
	if err := <-done; err != nil || p.Stopped() {
		t.Errorf("%v, stopped %v", err, p.Stopped())
	}
	if err := Slow(t.Context(), dir, "nobody"); err == nil {
		t.Error("no error")
	}
}

func statusOf(t *testing.T, dir Dir, name string) PartStatus {
	t.Helper()
	list, err := Status(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no part %s", name)
	return PartStatus{}
}

// A log is shown, and followed while it grows.
func TestLogs(t *testing.T) {
	dir := bringUp(t, "internet-only")
	if _, err := exec.LookPath("iperf3"); err != nil {
		t.Fatal("iperf3 is not installed: the host's log stays empty without it")
	}
	eventually(t, "iperf3 speaks", func() bool {
		return strings.Contains(hyperplane(t, dir, "testnet", "logs", "web").stdout, "Server listening")
	})
	var grown strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	lines := make(chan string, 100)
	done := make(chan error, 1)
	go func() { done <- Logs(ctx, dir, "web", true, writer(func(b []byte) { lines <- string(b) })) }()
	inside(t, "peer", "iperf3", "-c", "203.0.113.10", "-n", "1K")
	for !strings.Contains(grown.String(), "Accepted connection from 203.0.113.20") {
		select {
		case s := <-lines:
			grown.WriteString(s)
		case err := <-done:
			t.Fatalf("ended (%v) with %q", err, grown.String())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func TestParseSignal(t *testing.T) {
	for s, want := range map[string]syscall.Signal{"KILL": 9, "SIGKILL": 9, "kill": 9, "9": 9, "stop": 19, "SIGCONT": 18} {
		if got, err := ParseSignal(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "999", "NONE", "SIG"} {
		if got, err := ParseSignal(s); err == nil {
			t.Errorf("%q: %v", s, got)
		}
	}
}
