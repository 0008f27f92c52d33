package testnet

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The demo by itself: every kind of traffic works, the picture shows two
// tenants with one 5-tuple, and nothing is left; twice in a row.
func TestDemoPlain(t *testing.T) {
	dir := runDir(t)
	for range 2 {
		r := hyperplane(t, dir, "demo", "--plain", "--for", "5s")
		if r.code != 0 {
			t.Fatalf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
		}
		for _, want := range []string{
			"INSTANCES", "HOSTS", "CELL", "EDGES", "INTERNET", "all 9 processes run",
			"┌ blue-1  tcp  10.0.1.10:40090 203.0.113.10:80 ", "└ green-1 tcp  10.0.1.10:40090 203.0.113.10:80 ",
			" 198.51.100.1:", " 198.51.100.2:", "testnet is down",
		} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("the output lacks %q:\n%s", want, r.stdout)
			}
		}
		if strings.Contains(r.stdout, "\x1b") {
			t.Error("terminal codes without a terminal")
		}
		nothingLeft(t, dir)
	}
}

// output collects what a process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// demo starts the demo, with what it is given as its streams.
func demo(t *testing.T, dir Dir, in io.Reader, out io.Writer, attr *syscall.SysProcAttr, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"demo"}, args...)...)
	cmd.Env = append(os.Environ(), "HYPERPLANE_RUN="+string(dir), "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = in, out, out, attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

// shows waits until the demo has written a text.
func shows(t *testing.T, out *output, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(out.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %q\n%s", text, out)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ends waits for the demo's end and returns its exit code.
func ends(t *testing.T, cmd *exec.Cmd, out *output) int {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("the demo does not end:\n%s", out)
	}
	return cmd.ProcessState.ExitCode()
}

// defaultSignals gives the demo the signals that end it as a terminal would, even
// where this process was started with them ignored, as under nohup: a child
// inherits what is ignored, and starts by default with what is caught.
func defaultSignals(t *testing.T) {
	t.Helper()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGINT, unix.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
}

// Every signal that ends the demo ends it cleanly, in the middle and while
// the testnet comes up.
func TestDemoInterrupted(t *testing.T) {
	defaultSignals(t)
	dir := runDir(t)
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		var out output
		cmd := demo(t, dir, nil, &out, nil, "--plain")
		shows(t, &out, "drops")
		cmd.Process.Signal(sig)
		if code := ends(t, cmd, &out); code != 0 {
			t.Errorf("%s: exit code %d\n%s", unix.SignalName(sig), code, &out)
		}
		nothingLeft(t, dir)
	}
	for _, namespace := range []int{1, 8, 14} {
		var out output
		cmd := demo(t, dir, nil, &out, nil, "--plain")
		eventually(t, fmt.Sprintf("%d namespaces", namespace), func() bool {
			names, err := namespaces()
			return err == nil && len(names) >= namespace
		})
		cmd.Process.Signal(unix.SIGINT)
		if code := ends(t, cmd, &out); code != 0 {
			t.Errorf("with %d namespaces: exit code %d\n%s", namespace, code, &out)
		}
		nothingLeft(t, dir)
	}
}

// A reader that goes away ends the demo like a signal does.
func TestDemoReaderGone(t *testing.T) {
	dir := runDir(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := demo(t, dir, nil, w, nil, "--plain")
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Error(err)
	}
	r.Close()
	ends(t, cmd, &output{})
	nothingLeft(t, dir)
}

// A testnet that is up is left alone.
func TestDemoWhenUp(t *testing.T) {
	dir := bringUp(t, "internet-only")
	r := hyperplane(t, dir, "demo", "--plain", "--for", "1s")
	if r.code != 1 || !strings.Contains(r.stderr, "testnet down") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	inside(t, "web", "true")
	if r := hyperplane(t, dir, "demo", "--plain", "-f", "internet-only"); r.code != 1 || !strings.Contains(r.stderr, "nothing to show") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// On a terminal it draws on the other screen, comes back from it, and cleans
// up when the user quits and when the terminal closes.
func TestDemoTerminal(t *testing.T) {
	defaultSignals(t)
	dir := runDir(t)
	for _, how := range []string{"q", "\x03", "closed"} {
		user, tty := terminal(t)
		var out output
		cmd := demo(t, dir, tty, tty, &syscall.SysProcAttr{Setsid: true, Setctty: true})
		cmd.Stderr = tty
		tty.Close()
		copied := make(chan struct{})
		go func() { defer close(copied); io.Copy(&out, user) }()
		shows(t, &out, "processes run")
		if how == "closed" {
			user.Close()
		} else {
			user.WriteString(how)
		}
		code := ends(t, cmd, &out)
		if how != "closed" {
			user.SetReadDeadline(time.Now().Add(time.Second))
			<-copied
			user.Close()
			text := out.String()
			if code != 0 || !strings.Contains(text, "\x1b[?1049h") || strings.LastIndex(text, "\x1b[?1049l") < strings.LastIndex(text, "\x1b[?1049h") {
				t.Errorf("%q: exit code %d, end of the output %q", how, code, text[max(0, len(text)-800):])
			}
		}
		nothingLeft(t, dir)
	}
}

// terminal returns the user's side and the program's side of a new terminal of
// 80x24 cells.
func terminal(t *testing.T) (user, tty *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := user.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	err = raw.Control(func(fd uintptr) {
		unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	})
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return user, tty
}
