package testnet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"hyperplane/testnet/lab"
)

// PartStatus is one part as Status found it.
type PartStatus struct {
	Name      string  `json:"name"`
	Namespace string  `json:"namespace"`
	Role      Role    `json:"role"`
	Address   string  `json:"address,omitempty"`
	Address6  string  `json:"ipv6_address,omitempty"`
	PID       int     `json:"pid,omitempty"`            // 0: no process runs
	State     string  `json:"state"`                    // StateOf…
	Uptime    float64 `json:"uptime_seconds,omitempty"` // of the process
	Healthy   bool    `json:"healthy"`                  // its /healthz says so; of a part without process: it is there
	Cell      *Cell   `json:"cell,omitempty"`           // what a node says of its cell
	Detail    string  `json:"detail,omitempty"`         // why it is not healthy, or its cell not whole
}

// What a part's State may be.
const (
	StateLink    = "link"    // a namespace without a process
	StateRunning = "running" // its process runs
	StateStopped = "stopped" // its process is held by SIGSTOP
	StateDead    = "dead"    // its process has ended
	StateSpare   = "spare"   // its process was never started: the state does not need it
	StateGone    = "gone"    // the namespace itself is not there
)

// Status looks at every part, in the order of the topology.
func Status(ctx context.Context, dir Dir) ([]PartStatus, error) {
	t, err := running(dir)
	if err != nil {
		return nil, err
	}
	parts := t.Parts()
	list := make([]PartStatus, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() { list[i] = partStatus(ctx, dir, p) })
	}
	wg.Wait()
	return list, nil
}

// running reads the topology of the testnet that is up.
func running(dir Dir) (*Topology, error) {
	names, err := namespaces()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, ErrNotUp
	}
	data, err := os.ReadFile(dir.topology())
	if err != nil {
		return nil, fmt.Errorf("a testnet is there, but its run directory is damaged: run 'hyperplane testnet down': %w", err)
	}
	return ParseTopology(dir.topology(), data)
}

func partStatus(ctx context.Context, dir Dir, p Part) PartStatus {
	s := PartStatus{Name: p.Name, Namespace: p.Namespace(), Role: p.Role, State: StateLink, Healthy: true}
	if p.Address.IsValid() {
		s.Address = p.Address.String()
	}
	if p.Address6.IsValid() {
		s.Address6 = p.Address6.String()
	}
	if _, err := os.Stat(filepath.Join(lab.NamespaceDir, s.Namespace)); err != nil {
		s.State, s.Healthy, s.Detail = StateGone, false, err.Error()
		return s
	}
	if !p.HasProcess() {
		return s
	}
	proc, alive := findProcess(dir, p.Name)
	if _, was := readPid(dir, p.Name); !alive && !was && p.Role == RoleSpare {
		s.State, s.Detail = StateSpare, "name it under nodes in "+dir.State()+", then start it"
		return s
	}
	if !alive {
		s.State, s.Healthy, s.Detail = StateDead, false, "run 'hyperplane testnet start "+p.Name+"'"
		return s
	}
	s.State, s.PID, s.Uptime = StateRunning, proc.PID, proc.Uptime().Seconds()
	if proc.Stopped() {
		s.State, s.Healthy, s.Detail = StateStopped, false, "stopped by a signal"
		return s
	}
	if err := Get(ctx, dir.Admin(p.Name), "/healthz", nil); err != nil {
		s.Healthy, s.Detail = false, err.Error()
	}
	if p.Role == RoleNode || p.Role == RoleSpare {
		if s.Cell = cellOf(ctx, dir, p.Name); s.Cell != nil && s.Cell.Degraded && s.Healthy {
			s.Detail = fmt.Sprintf("%d in the view, %d flows on one node only", s.Cell.Members, s.Cell.SingleCopy)
		}
	}
	return s
}
