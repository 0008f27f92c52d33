package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/loop"
	"hyperplane/natgw"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/wire"
)

// roleFlags are the flags that every role has.
type roleFlags struct {
	name, state, logLevel string
	admin                 []string
}

func (f *roleFlags) register(cmd *cobra.Command, named string) {
	if named != "" {
		cmd.Flags().StringVar(&f.name, "name", "", "which "+named+" of the state this is (required)")
		_ = cmd.MarkFlagRequired("name")
	}
	cmd.Flags().StringVar(&f.state, "state", "", "the state file, YAML or JSON; read again when it changes (required)")
	cmd.Flags().StringArrayVar(&f.admin, "admin", nil, "serve /metrics, /healthz and more on HOST:PORT or unix:/PATH (repeatable)")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "info", "trace, debug, info, warn, error or disabled")
	_ = cmd.MarkFlagRequired("state")
}

// member is one role's worker on the loop.
type member interface {
	Apply(now time.Duration, s *cellstate.State) error
	Snapshot(now time.Duration) telemetry.Snapshot
}

// role is one process: a loop, the workers on it and what to do at the end.
type role struct {
	kind   string
	loop   *loop.Loop
	log    zerolog.Logger
	flags  roleFlags
	member member
	admin  *telemetry.Admin
	// again reports whether the state has to be applied once more although it
	// did not change, because something could not be brought up yet.
	again func() bool
	// healthy returns why the role does not serve; it runs on the loop.
	healthy func() error
	closers []func()
}

// runRole runs a role until ctx ends. build makes its worker for the first
// state; it opens what needs the kernel.
func runRole(ctx context.Context, kind string, flags roleFlags, build func(*role, *cellstate.State) error) error {
	log, err := telemetry.NewLogger(os.Stderr, kind, flags.name, flags.logLevel)
	if err != nil {
		return usageError{err}
	}
	data, err := cellstate.Read(flags.state)
	if err != nil {
		return err
	}
	state, err := cellstate.Parse(flags.state, data)
	if err != nil {
		return err
	}
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer l.Close()
	r := &role{
		kind: kind, loop: l, log: log, flags: flags,
		again:   func() bool { return false },
		healthy: func() error { return nil },
	}
	defer func() {
		for i := len(r.closers) - 1; i >= 0; i-- {
			r.closers[i]()
		}
	}()
	r.admin = telemetry.NewAdmin(telemetry.NewRegistry(kind, flags.name, r.snapshot), r.health)
	if err := build(r, state); err != nil {
		return err
	}
	for _, a := range flags.admin {
		if err := r.admin.Listen(a); err != nil {
			return usageError{err}
		}
	}
	if err := r.member.Apply(l.Now(), state); err != nil {
		log.Warn().Err(err).Msg("applied in part; trying again every second")
	}
	return r.run(ctx, state, data)
}

// run drives the loop, the admin pages and the watch on the state file, each
// of which ends the others.
func (r *role) run(ctx context.Context, state *cellstate.State, data []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, part := range []func(context.Context) error{r.loop.Run, r.admin.Serve, r.watch(state, data)} {
		wg.Go(func() {
			errs[i] = part(ctx)
			cancel()
		})
	}
	if err := r.loop.Do(ctx, func() {}); err == nil {
		r.log.Info().Uint64("version", state.Version).Msg("ready")
		r.notify(daemon.SdNotifyReady)
	}
	<-ctx.Done()
	r.notify(daemon.SdNotifyStopping)
	wg.Wait()
	r.log.Info().Msg("stopped")
	return errors.Join(errs...)
}

func (r *role) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		r.log.Warn().Err(err).Msg("readiness notification")
	}
}

func (r *role) snapshot(ctx context.Context) (s telemetry.Snapshot, err error) {
	err = r.loop.Do(ctx, func() { s = r.member.Snapshot(r.loop.Now()) })
	return s, err
}

func (r *role) health(ctx context.Context) (err error) {
	if e := r.loop.Do(ctx, func() { err = r.healthy() }); e != nil {
		return e
	}
	return err
}

// listenUDP opens the connections of the peer with this address: the one to send by,
// and others that only receive.
func (r *role) listenUDP(self packet.Addr4, s *cellstate.State) (conn wire.Conn, others []wire.Conn, err error) {
	conns, err := wire.Listen(wire.Config{Local: self.Netip(), PathMTU: s.UnderlayMTU, Lanes: true})
	if err != nil {
		return nil, nil, err
	}
	r.closers = append(r.closers, func() {
		for _, c := range conns {
			c.Close()
		}
	})
	return conns[0], conns[1:], nil
}

// find returns the peer called name, or an error that lists those there are.
func find(peers []cellstate.Peer, what, name string) (*cellstate.Peer, error) {
	var names []string
	for i := range peers {
		if peers[i].Name == name {
			return &peers[i], nil
		}
		names = append(names, peers[i].Name)
	}
	return nil, usageError{fmt.Errorf("--name %s: the state has no such %s; it has: %s", name, what, strings.Join(names, ", "))}
}

// freshSeed is a secret for the hash tables of one process.
func freshSeed() flowtable.Seed {
	b := freshPortSeed()
	return flowtable.Seed{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// freshPortSeed is a secret for the choice of ports of one process.
func freshPortSeed() (seed [32]byte) {
	_, _ = rand.Read(seed[:]) // never fails, by its documentation
	return seed
}

// nodeConfig is that of a node with secrets of its own and a life of its own.
func nodeConfig(name string, self packet.Addr4, flowsMax int) natgw.Config {
	return natgw.Config{
		Name: name, Self: self, FlowsMax: flowsMax, Seed: freshSeed(), PortSeed: freshPortSeed(),
		Incarnation: freshSeed()[0] | 1,
	}
}
