package testnet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A session of OpenSSH, whose every byte is under a checksum that ends it when
// one is wrong, sends and receives without a pause while the node that owns its
// flow is killed and while it comes back, and ends with what was sent (S63).
func judgedBySSH(t *testing.T, dir Dir) { sshGoesOn(t, dir, "blue-1", web) }

// sshGoesOn is that session from an instance of blue to what is web for it.
func sshGoesOn(t *testing.T, dir Dir, instance, at string) {
	t.Helper()
	c := &chaos{dir: dir}
	c.whole(t)
	files := folder(t)
	privilegeSeparation(t)
	for _, key := range []string{"/host", "/user"} {
		inside(t, "web", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", files+key)
	}
	hostKey, err := os.ReadFile(files + "/host.pub")
	if err != nil {
		t.Fatal(err)
	}
	put(t, files+"/known", at+" "+string(hostKey))
	sshd, err := exec.LookPath("sshd") // which wants to be called by its full path
	if err != nil {
		t.Fatal(err)
	}
	startProgram(t, "web", nil, sshd, "-D", "-e", "-f", put(t, files+"/conf", `
ListenAddress `+web+`:22
HostKey `+files+`/host
AuthorizedKeysFile `+files+`/user.pub
PidFile none
StrictModes no
UsePAM yes
PasswordAuthentication no
PermitRootLogin prohibit-password
`)).prints(t, "Server listening on")

	s := startSession(t, instance, "ssh", "-F", "none", "-i", files+"/user", "-o", "UserKnownHostsFile="+files+"/known",
		"-o", "BatchMode=yes", "root@"+at, "echo $SSH_CONNECTION; exec cat")
	ours := flowsOf(flows(t, dir), "blue", "tcp", "")
	for i := range ours {
		if !strings.HasSuffix(ours[i].Remote, ":22") {
			continue
		}
		if want := strings.Fields(s.saw); len(want) != 4 || ours[i].Public != want[0]+":"+want[1] {
			t.Errorf("sshd saw %q, the flow is %+v", s.saw, ours[i])
		}
		s.moves(t)
		killHard(t, dir, ours[i].Node)
		s.moves(t)
		c.whole(t)
		if err := Start(t.Context(), dir, binary(t), ours[i].Node); err != nil {
			t.Fatal(err)
		}
		s.moves(t)
		c.whole(t)
		s.moves(t)
		s.end(t)
		return
	}
	t.Fatalf("no flow of the session: %+v", ours)
}

// privilegeSeparation makes the directory that sshd wants, where no service has.
func privilegeSeparation(t *testing.T) {
	t.Helper()
	const path = "/run/sshd"
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, os.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
}

// session is a program that prints one line and then echoes its input, which
// does not end until it is told to.
type session struct {
	cmd            *exec.Cmd
	stderr         bytes.Buffer
	saw            string // its first line
	sent, received atomic.Int64
	stop           atomic.Bool
	ended          chan error
}

func startSession(t *testing.T, name string, argv ...string) *session {
	t.Helper()
	s := &session{cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan error, 2)}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.stderr
	if err := StartIn(name, s.cmd); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() { s.cmd.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		s.cmd.Process.Kill()
	})
	r := bufio.NewReader(out)
	if s.saw, err = r.ReadString('\n'); err != nil {
		s.cmd.Wait()
		t.Fatalf("%v: %v\n%s", argv, err, s.stderr.String())
	}
	go func() { s.ended <- s.write(in) }()
	go func() { s.ended <- s.read(r) }()
	return s
}

// Both ends of the stream know what comes next.
func stream() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{2}) }

func (s *session) write(in io.WriteCloser) error {
	defer in.Close()
	b, next := make([]byte, 32<<10), stream()
	for !s.stop.Load() {
		next.Read(b)
		n, err := in.Write(b)
		s.sent.Add(int64(n))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) read(r io.Reader) error {
	b, expected, next := make([]byte, 32<<10), make([]byte, 32<<10), stream()
	for {
		n, err := io.ReadFull(r, b)
		next.Read(expected)
		if !bytes.Equal(b[:n], expected[:n]) {
			return fmt.Errorf("another byte than was sent within %d after %d", n, s.received.Load())
		}
		s.received.Add(int64(n))
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// moves demands another four megabytes of echo.
func (s *session) moves(t *testing.T) {
	t.Helper()
	begun := s.received.Load()
	eventually(t, "four megabytes are echoed", func() bool {
		select {
		case err := <-s.ended:
			t.Fatalf("the session ended after %d bytes: %v\n%s", s.received.Load(), err, s.stderr.String())
		default:
		}
		return s.received.Load() >= begun+4<<20
	})
}

// end closes the session's input and demands that all of it has come back.
func (s *session) end(t *testing.T) {
	t.Helper()
	s.stop.Store(true)
	for range 2 {
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, s.stderr.String())
	}
	if s.sent.Load() != s.received.Load() {
		t.Errorf("%d bytes sent, %d came back", s.sent.Load(), s.received.Load())
	}
}
