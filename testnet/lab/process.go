package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"hyperplane/tun"
)

// Command is a program to start in a namespace.
type Command struct {
	Path string
	Args []string
	Env  []string // added to this process' own

	// Notify is the path of a socket where the program says by systemd's
	// protocol that it is ready. Ready is a text in the output that says it
	// instead, if the output is kept (Lab.Start).
	Notify string
	Ready  string
}

// Process is a program that was started.
type Process struct {
	name   string
	id     ProcessID
	cmd    *exec.Cmd
	log    string // path of its output, or else
	kept   *output
	socket *notifySocket   // nil: it does not notify
	ready  <-chan struct{} // closed when it says so; nil: it never does
	ended  chan struct{}   // closed after err is set
	err    error
}

// Start starts a program in the named namespace, in a session of its own so
// that it outlives this process and no Ctrl-C reaches it. Its output is
// appended to the file log.
func Start(namespace, name, log string, c Command) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &Process{name: name, log: log, cmd: exec.Command(c.Path, c.Args...)}
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return p, p.launch(c, func() error { return tun.InNetNS(namespace, p.cmd.Start) })
}

// launch starts the process by start, and follows it.
func (p *Process) launch(c Command, start func() error) (err error) {
	p.ended = make(chan struct{})
	p.cmd.Env = append(os.Environ(), c.Env...)
	if c.Notify != "" {
		if p.socket, err = listenNotify(c.Notify); err != nil {
			return err
		}
		p.ready = p.socket.ready
		p.cmd.Env = append(p.cmd.Env, "NOTIFY_SOCKET="+c.Notify)
	}
	if err := start(); err != nil {
		p.socket.close()
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.id, err = Identify(p.cmd.Process.Pid) // before it can be waited for
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err != nil {
		p.Stop()
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// ID identifies the process.
func (p *Process) ID() ProcessID { return p.id }

// Await returns when the process is ready, or why it will not be: ctx's error
// or a DiedError.
func (p *Process) Await(ctx context.Context) error {
	defer p.socket.close()
	late := time.NewTimer(readyWaitMax)
	defer late.Stop()
	select {
	case <-p.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ended:
		return p.failure("ended before it was ready")
	case <-late.C:
		return p.failure(fmt.Sprintf("was not ready after %v", readyWaitMax))
	}
}

// Stop asks the process to end, and kills it if it does not.
func (p *Process) Stop() {
	p.socket.close()
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(stopWaitMax)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// Ended returns why the process has ended, nil while it runs.
func (p *Process) Ended() error {
	select {
	case <-p.ended:
		return p.failure("ended")
	default:
		return nil
	}
}

func (p *Process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = p.cmd.Process.Kill()
	}
}

// failure is an error with the end of what the process wrote.
func (p *Process) failure(how string) error {
	select {
	case <-p.ended:
		if p.err != nil {
			how += " (" + p.err.Error() + ")"
		}
	default:
	}
	e := &DiedError{Name: p.name, How: how, Log: p.log}
	switch {
	case p.kept == nil:
		e.Tail = Tail(p.log)
	case strings.TrimSpace(p.kept.stderr.String()) != "":
		e.Tail = lastLines(p.kept.stderr.String())
	default:
		e.Tail = lastLines(p.kept.stdout.String())
	}
	return e
}
