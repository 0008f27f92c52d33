package testnet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Programs that are not ours judge the NAT gateway, by what they print: each
// knows its protocol better than a test that we would write, and none knows
// this code. One testnet serves all. Its blue-1 has a larger MTU than the
// internet, green-1 the same; blue's gateway is as AWS's, green's as the RFCs ask. Whatever they sent is accounted for at the end.
func TestPrograms(t *testing.T) {
	dir := bringUp(t, variant(t, "host: host-1, mtu: 1500, netns: hp-blue-1", "host: host-1, mtu: 8500, netns: hp-blue-1",
		"{name: nat-green, ", "{name: nat-green, profile: rfc, "))
	for _, p := range []struct {
		name  string
		judge func(*testing.T, Dir)
	}{
		{"natdiscovery", judgedByNatdiscovery},
		{"tracepath", judgedByTracepath},
		{"traceroute", judgedByTraceroute},
		{"ping", judgedByPing},
		{"dig", judgedByDig},
		{"ftp", judgedByFTP},
		{"sip", judgedBySIP},
		{"quic", judgedByQUIC},
		{"ipsec", judgedByIPsec},
	} {
		t.Run(p.name, func(t *testing.T) { p.judge(t, dir) })
	}
	checkAccounts(t, dir)
	t.Run("ssh", func(t *testing.T) { judgedBySSH(t, dir) }) // the last one, since it kills a node
	balanced(t, dir)
}

// program is one that runs in a part until its test ends.
type program struct {
	cmd *exec.Cmd
	log string // the file that it prints to
}

// startProgram starts one, with variables added to its environment.
func startProgram(t *testing.T, name string, env []string, argv ...string) *program {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(argv[0])+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &program{exec.Command(argv[0], argv[1:]...), log.Name()}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := StartIn(name, p.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if out := p.output(t); t.Failed() {
			t.Logf("%s in %s:\n%s", argv[0], name, out[max(0, len(out)-4000):])
		}
	})
	return p
}

// stop asks the program and its children to end, and ends them if they do not.
func (p *program) stop() {
	group := -p.cmd.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	late := time.AfterFunc(5*time.Second, func() { syscall.Kill(group, syscall.SIGKILL) })
	defer late.Stop()
	p.cmd.Wait()
}

// output is what the program has printed so far.
func (p *program) output(t *testing.T) string {
	t.Helper()
	out, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// prints waits until the program has printed a text.
func (p *program) prints(t *testing.T, text string) {
	t.Helper()
	eventually(t, p.cmd.Path+" prints "+text, func() bool { return strings.Contains(p.output(t), text) })
}

// listens waits until somebody in a part listens on a port: "tcp" or "udp".
func listens(t *testing.T, name, network, port string) {
	t.Helper()
	eventually(t, name+" listens on "+network+" port "+port, func() bool {
		return inside(t, name, "ss", "-Hln", "--"+network, "sport = "+port) != ""
	})
}

// want demands texts in what a program printed.
func want(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in\n%s", text, out)
		}
	}
}

// folder is a directory for one program's files, which other users than root
// can read.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// put writes a program's file.
func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
