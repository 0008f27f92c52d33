package lab

import (
	"fmt"
	"os/exec"

	"github.com/vishvananda/netns"

	"hyperplane/tun"
)

// starter is a thread that starts processes which are to die with this one.
// It outlives each of them: a process that asked for a signal at its parent's
// death gets it when the parent's *thread* ends.
type starter struct {
	jobs  chan func()
	ended chan error
}

func newStarter() (*starter, error) {
	s := &starter{jobs: make(chan func()), ended: make(chan error, 1)}
	begun := make(chan struct{})
	go func() {
		s.ended <- tun.InNetNS(here, func() error {
			close(begun)
			for job := range s.jobs {
				job()
			}
			return nil
		})
	}()
	select {
	case <-begun:
		return s, nil
	case err := <-s.ended:
		return nil, err
	}
}

// start starts cmd in a namespace, and leaves the thread there.
func (s *starter) start(n *Namespace, cmd *exec.Cmd) error {
	done := make(chan error)
	s.jobs <- func() {
		if err := netns.Set(n.fd); err != nil {
			done <- fmt.Errorf("enter namespace %s: %w", n.Name, err)
			return
		}
		done <- cmd.Start()
	}
	return <-done
}

// end brings the thread home. The namespaces have lost their last user when it
// returns.
func (s *starter) end() {
	close(s.jobs)
	<-s.ended
}
