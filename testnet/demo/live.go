package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// CanDraw reports whether in and out are a terminal that can show a picture
// that changes.
func CanDraw(in, out *os.File) bool {
	if term := os.Getenv("TERM"); term == "" || term == "dumb" {
		return false
	}
	for _, f := range []*os.File{in, out} {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
			return false
		}
	}
	return true
}

// showLive draws until ctx ends or the user quits, leaves the terminal as it was
// and returns the last scene.
func showLive(ctx context.Context, in io.Reader, out io.Writer, m Model, snapshots <-chan Snapshot) (Scene, error) {
	hard, kill := context.WithCancel(context.Background())
	defer kill()
	p := tea.NewProgram(m, tea.WithContext(hard), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	ended := make(chan struct{})
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		for {
			select {
			case s := <-snapshots:
				p.Send(snapshotMsg(s))
			case <-ended:
				return
			case <-ctx.Done():
				p.Quit()
				// A terminal that was closed may keep the program from
				// ending by itself.
				t := time.NewTimer(quitWaitMax)
				defer t.Stop()
				select {
				case <-ended:
				case <-t.C:
					kill()
				}
				return
			}
		}
	}()
	last, err := p.Run()
	close(ended)
	<-pumped
	if l, ok := last.(Model); ok {
		m = l
	}
	if ctx.Err() != nil && !errors.Is(err, tea.ErrProgramPanic) {
		return m.Scene, nil // it was told to end: how the terminal took it is no failure
	}
	return m.Scene, err
}

// installedTools says which of the programs for looking inside are here.
func installedTools() map[string]bool {
	found := map[string]bool{}
	for _, t := range []string{"curl", "iperf3", "tcpdump"} {
		_, err := exec.LookPath(t)
		found[t] = err == nil
	}
	return found
}
