package testnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Options are what Up needs.
type Options struct {
	Dir      Dir    // the run directory
	Binary   string // the hyperplane binary that the roles run; this one if empty
	Topology *Topology

	// Progress, if set, is called from one goroutine at a time when something
	// was finished: what is done of all there is to do.
	Progress func(done, all int, what string)
}

// Up lays the testnet out and returns when every part is ready. On any error,
// and when ctx ends before that, it leaves nothing behind.
//
//  1. look whether this machine can, and whether one is up already
//  2. write the run directory
//  3. make namespaces and links
//  4. start every process, then wait for all of them
//  5. wait until the nodes are a cell: before that nobody may open a flow
func Up(ctx context.Context, o Options) error {
	if err := preflight(); err != nil {
		return err
	}
	unlock, err := lock(ctx, 0)
	if err != nil {
		return err
	}
	defer unlock()
	if left, err := leftovers(o.Dir); err != nil {
		return err
	} else if left != "" {
		return fmt.Errorf("%w (found %s)", ErrAlreadyUp, left)
	}
	if err := up(ctx, o); err != nil {
		if _, downErr := takeDown(o.Dir); downErr != nil {
			err = errors.Join(err, fmt.Errorf("and then, while taking it down: %w", downErr))
		}
		return err
	}
	return nil
}

func up(ctx context.Context, o Options) error {
	if o.Binary == "" {
		var err error
		if o.Binary, err = os.Executable(); err != nil {
			return err
		}
	}
	var parts []Part
	for _, p := range o.Topology.Parts() {
		if p.HasProcess() && p.Role != RoleSpare {
			parts = append(parts, p)
		}
	}
	all := len(parts) + 1
	progress := func(done int, what string) {
		if o.Progress != nil {
			o.Progress(done, all, what)
		}
	}
	if err := o.Dir.make(o.Topology); err != nil {
		return err
	}
	if err := build(ctx, o.Topology); err != nil {
		return err
	}
	progress(1, "namespaces and links")
	if err := startAll(ctx, o, parts, func(done int, name string) { progress(done+1, name) }); err != nil {
		return err
	}
	return awaitCell(ctx, o.Dir, o.Topology.State)
}

// startAll starts the processes of all parts and waits until they are ready.
// The first that fails ends the waiting for the others.
func startAll(ctx context.Context, o Options, parts []Part, progress func(done int, name string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	defer wg.Wait()
	done := 0
	for _, part := range parts {
		p, err := startProcess(o.Dir, o.Binary, part)
		if err != nil {
			cancel(err)
			break
		}
		wg.Go(func() {
			if err := p.Await(ctx); err != nil {
				cancel(err) // the first one counts
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done, part.Name)
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// preflight says what this machine lacks before anything is made.
func preflight() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	if _, err := os.Stat("/proc/self/ns/net"); err != nil {
		return &MissingFeatureError{Feature: "network namespaces", Option: "CONFIG_NET_NS", Err: err}
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return &MissingFeatureError{Feature: "TUN devices, or /dev/net/tun is not there", Option: "CONFIG_TUN", Err: err}
	}
	return unix.Close(fd)
}

// leftovers says what there is of a testnet, "" if nothing.
func leftovers(dir Dir) (string, error) {
	names, err := namespaces()
	if err != nil {
		return "", err
	}
	if len(names) > 0 {
		return fmt.Sprintf("%d namespaces such as %s", len(names), names[0]), nil
	}
	files, err := dir.files()
	if err != nil {
		return "", err
	}
	if len(files) > 0 {
		return fmt.Sprintf("%d files in %s", len(files), dir), nil
	}
	return "", nil
}
