package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Start starts a program in a namespace of the lab, keeps its output, and
// waits until it is ready if the command says how to know. The program dies
// with this process, whatever becomes of that.
func (l *Lab) Start(ctx context.Context, n *Namespace, c Command) (*Process, error) {
	p := &Process{name: c.Path + " " + strings.Join(c.Args, " "), kept: &output{}, cmd: exec.Command(c.Path, c.Args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.kept.stdout, &p.kept.stderr
	p.cmd.WaitDelay = stopWaitMax
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // Ctrl-C is for us, and we stop it in order
	}
	if c.Ready != "" {
		p.ready = p.kept.stdout.watch(c.Ready)
	}
	if err := p.launch(c, func() error { return l.starter.start(n, p.cmd) }); err != nil {
		return nil, err
	}
	l.processes = append(l.processes, p)
	if p.ready == nil {
		return p, nil
	}
	if err := p.Await(ctx); err != nil {
		l.Finish(p)
		return nil, err
	}
	return p, nil
}

// Finish stops a process that Start started, for good, and returns what it
// wrote to standard output.
func (l *Lab) Finish(p *Process) string {
	p.Stop()
	l.processes = slices.DeleteFunc(l.processes, func(q *Process) bool { return q == p })
	return p.kept.stdout.String()
}

// Run runs a program to its end, at most for limit, and returns its standard
// output, which an error may come with.
func (l *Lab) Run(ctx context.Context, n *Namespace, limit time.Duration, c Command) (string, error) {
	p, err := l.Start(ctx, n, c)
	if err != nil {
		return "", err
	}
	defer l.Finish(p)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.signal(syscall.SIGKILL)
		<-p.ended
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return p.kept.stdout.String(), fmt.Errorf("%s did not end within %v and was killed", p.name, limit)
		}
		return "", ctx.Err()
	}
	if p.err != nil {
		return p.kept.stdout.String(), p.failure("failed")
	}
	return p.kept.stdout.String(), nil
}
