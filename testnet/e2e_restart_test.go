package testnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// apart is the default topology with the gateways' service ids changed until
// two nodes serve them.
func apart(t *testing.T) (topology, blueNode, greenNode string) {
	t.Helper()
	for service := 2; service < 100; service++ {
		topology = variant(t, "service: 2,", fmt.Sprintf("service: %d,", service))
		s := load(t, topology).State
		if b, g := s.Gateway(1).Node.Name, s.Gateway(uint32(service)).Node.Name; b != g {
			return topology, b, g
		}
	}
	t.Fatal("one node serves every gateway")
	return "", "", ""
}

// A node that dies stalls its own gateway and no other; when it is back, new
// flows open at once, and old ones are told that they are gone.
func TestNodeKilled(t *testing.T) {
	topology, blueNode, greenNode := apart(t)
	dir := bringUp(t, topology)
	for vpc, node := range map[string]string{"blue": blueNode, "green": greenNode} {
		if got := explain(t, dir, vpc, "tcp", "10.0.1.10:1", web+":80").Owner; got != node {
			t.Fatalf("%s is served by %s, want %s", vpc, got, node)
		}
	}
	blue := dialEcho(t, "blue-1", "tcp", "10.0.1.10:20000", web+":7")
	green := dialEcho(t, "green-1", "tcp", "10.0.1.10:20000", web+":7")
	for _, c := range []*echoConn{blue, green} {
		if err := c.echo("before"); err != nil {
			t.Fatal(err)
		}
	}
	killHard(t, dir, blueNode)
	for i := range 5 {
		if err := green.echo(fmt.Sprintf("while %d", i)); err != nil {
			t.Errorf("the other gateway's connection: %v", err)
		}
		inside(t, "green-1", "curl", "-sfm", "10", "http://"+web+"/")
	}
	silent(t, "blue-1")
	inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.11") // the VPC needs no node

	if err := Start(t.Context(), dir, binary(t), blueNode); err != nil {
		t.Fatal(err)
	}
	inside(t, "blue-1", "curl", "-sfm", "10", "http://"+web+"/")
	if err := dialEcho(t, "blue-2", "udp", "", peer+":7").echo("after"); err != nil {
		t.Error(err)
	}
	if err := blue.echo("after"); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("a connection from before: %v, want ECONNRESET", err)
	}
	if err := green.echo("after"); err != nil {
		t.Errorf("the other gateway's connection: %v", err)
	}
	balanced(t, dir)
}

// silent demands that an instance reaches nobody on the internet.
func silent(t *testing.T, name string) {
	t.Helper()
	c := dialEcho(t, name, "udp", "", web+":7")
	if err := c.send("anybody?"); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.Read(make([]byte, 64)); err == nil {
		t.Errorf("%s got %d bytes without its node", name, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := dialFrom(ctx, name, "tcp", "", web+":80"); err == nil {
		c.Close()
		t.Errorf("%s connected without its node", name)
	}
}

// killHard ends a part's process without a warning.
func killHard(t *testing.T, dir Dir, name string) {
	t.Helper()
	pid := statusOf(t, dir, name).PID
	if err := Kill(dir, name, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The process counts as ended when its first thread has; its sockets and
	// interfaces go with the last.
	eventually(t, name+" has no thread left", func() bool {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		return err != nil || len(threads) <= 1
	})
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
			t.Errorf("%s: %v packets unaccounted for: %v", name, d, traffic(s))
		}
	}
}

// An edge keeps nothing: while it is gone the flows through it stall, and when
// it is back all of them go on as they were.
func TestEdgeKilled(t *testing.T) {
	dir := bringUp(t, "default")
	var conns []*echoConn
	for i := range 40 {
		conns = append(conns, dialEcho(t, "blue-1", "udp", fmt.Sprintf("10.0.1.10:%d", 20000+i), web+":7"))
	}
	for i, c := range conns {
		if err := c.echo(fmt.Sprintf("%d|before", i)); err != nil {
			t.Fatal(err)
		}
	}
	public := func() (list []string) {
		for _, f := range flowsOf(flows(t, dir), "blue", "udp", "10.0.1.10:200") {
			list = append(list, f.Inside+" "+f.Public)
		}
		slices.Sort(list)
		return list
	}
	before := public()
	killHard(t, dir, "edge-1")
	for i, c := range conns {
		if err := c.send(fmt.Sprintf("%d|while", i)); err != nil {
			t.Fatal(err)
		}
	}
	answered := 0
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 64)); err == nil {
			answered++
		}
	}
	if answered == 0 || answered == len(conns) {
		t.Errorf("with one of two edges %d of %d flows are answered", answered, len(conns))
	}
	if err := Start(t.Context(), dir, binary(t), "edge-1"); err != nil {
		t.Fatal(err)
	}
	for i, c := range conns {
		if err := c.echo(fmt.Sprintf("%d|after", i)); err != nil {
			t.Errorf("flow %d: %v", i, err)
		}
	}
	if after := public(); len(after) != len(conns) || !slices.Equal(before, after) {
		t.Errorf("flows were %v, are %v", before, after)
	}
	balanced(t, dir)
}

// A host's Nitro takes its instances' interfaces with it, and brings them back;
// other hosts do not notice.
func TestNitroKilled(t *testing.T) {
	dir := bringUp(t, "default")
	address := func(name string) string {
		out, _ := insideErr(t, name, "ip", "-o", "-4", "address", "show", "dev", "eth0", "up")
		return out
	}
	if !strings.Contains(address("blue-1"), "10.0.1.10/24") {
		t.Fatalf("no interface: %s", address("blue-1"))
	}
	killHard(t, dir, "host-1")
	for _, name := range []string{"blue-1", "green-1"} {
		if out := address(name); strings.Contains(out, "10.0.1.10") {
			t.Errorf("%s still has its interface: %s", name, out)
		}
	}
	inside(t, "blue-2", "curl", "-sfm", "10", "http://"+web+"/")
	if err := Start(t.Context(), dir, binary(t), "host-1"); err != nil {
		t.Fatal(err)
	}
	for name, twin := range twins {
		if out := address(name); !strings.Contains(out, "10.0.1.10/24") {
			t.Errorf("%s: %s", name, out)
		}
		if out := inside(t, name, "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are "+twin.public+":") {
			t.Errorf("%s: %s", name, out)
		}
	}
	inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.11")
	inside(t, "blue-2", "ping", "-nc1", "-W5", "10.0.1.10")
	balanced(t, dir)
}

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
