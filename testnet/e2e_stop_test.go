package testnet

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// SIGTERM and Ctrl-C stop every role cleanly: exit code 0, and nothing left of it.
func TestRolesStopCleanly(t *testing.T) {
	dir := bringUp(t, "default")
	for name, command := range map[string][]string{
		"node-2": {"node", "--state", dir.State()},
		"edge-1": {"blackfoot", "--state", dir.State()},
		"host-1": {"nitro", "--state", dir.State()},
		"web":    {"testnet", "serve", "--topology", string(dir) + "/topology.yaml"},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			if statusOf(t, dir, name).PID != 0 {
				killHard(t, dir, name)
			}
			stopsCleanly(t, dir, name, sig, command)
		}
		if err := Start(t.Context(), dir, binary(t), name); err != nil {
			t.Fatal(err)
		}
	}
	inside(t, "blue-1", "curl", "-sfm", "10", "http://"+web+"/")
}

// stopsCleanly starts a role as a child of this process, which then sees how it
// ends, and ends it when it is ready.
func stopsCleanly(t *testing.T, dir Dir, name string, sig syscall.Signal, command []string) {
	t.Helper()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: string(dir) + "/test.sock"})
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(string(dir) + "/test.sock")
	defer notify.Close()
	cmd := exec.Command(binary(t), append(command, "--name", name, "--admin", "unix:"+dir.Admin(name))...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+string(dir)+"/test.sock")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := StartIn(name, cmd); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		notify.Close() // nobody will be ready any more
	}()
	said := make([]byte, 256)
	n, err := notify.Read(said)
	if err != nil || !strings.Contains(string(said[:n]), "READY=1") {
		t.Errorf("%s is not ready: %q, %v", name, said[:n], err)
	}
	cmd.Process.Signal(sig)
	if err := <-ended; err != nil {
		t.Errorf("%s after %v: %v\n%s", name, sig, err, stderr.String())
	}
	if strings.HasPrefix(name, "host") {
		if out, err := insideErr(t, "blue-1", "ip", "link", "show", "eth0"); err == nil {
			t.Errorf("%s is gone, and blue-1's interface is left: %s", name, out)
		}
	}
}
