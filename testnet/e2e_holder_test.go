package testnet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// holdFlows in the environment makes the test binary a process that holds UDP
// flows open: "ADDRESS FIRST COUNT". The limit of descriptors is per process,
// and not every root may raise it, so 55,000 sockets need several processes.
const holdFlows = "HYPERPLANE_TEST_FLOWS"

// holder is such a process. It reads "echo COUNT" and answers "ok", or why not.
type holder struct {
	who     string
	count   int
	ask     io.Writer
	answers *bufio.Reader
}

// startHolder opens count UDP sockets inside a part, connected to web's echo
// server, with ports from first on.
func startHolder(t *testing.T, name, address string, first, count int) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	h := &holder{who: fmt.Sprintf("%s %d+%d", address, first, count), count: count}
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", holdFlows, address, first, count))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := StartIn(name, cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	h.ask, h.answers = in, bufio.NewReader(out)
	return h
}

// echo sends a datagram on the first count sockets and waits for every echo.
func (h *holder) echo(count int) error {
	if _, err := fmt.Fprintf(h.ask, "echo %d\n", count); err != nil {
		return fmt.Errorf("%s: %w", h.who, err)
	}
	answer, err := h.answers.ReadString('\n')
	if err == nil && answer != "ok\n" {
		err = errors.New(answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.who, err)
	}
	return nil
}

// echoAll lets all of them echo on all their sockets, at the same time.
func echoAll(holders []*holder) error {
	errs := make([]error, len(holders))
	var wg sync.WaitGroup
	for i, h := range holders {
		wg.Go(func() { errs[i] = h.echo(h.count) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
