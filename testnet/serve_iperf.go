package testnet

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// iperf keeps an iperf3 server running, where it is installed. It is a comfort:
// without it the host serves all else.
func (s *server) iperf() {
	path, err := exec.LookPath("iperf3")
	if err != nil {
		return
	}
	started := make(chan struct{})
	s.wg.Go(func() {
		// The kernel kills the child when the thread that started it ends, so
		// that a killed host leaves no iperf3: keep the thread for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for first := true; s.ctx.Err() == nil; first = false {
			cmd := exec.CommandContext(s.ctx, path, "-s", "--forceflush")
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			err := cmd.Start()
			if first {
				close(started)
			}
			if err == nil {
				cmd.Wait()
			}
			select {
			case <-s.ctx.Done():
			case <-time.After(iperfRestartPause):
			}
		}
	})
	<-started
}
