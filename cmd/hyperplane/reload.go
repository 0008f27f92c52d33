package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"hyperplane/cellstate"
)

// reloadPeriod is how often the state file is read, whether it changed or not.
const reloadPeriod = time.Second

// watch reads the state file at a constant pace and applies what is new and
// good. What is bad is refused as a whole: the last good state stays
// (invariant I14). data is the file's content that state was made from.
func (r *role) watch(state *cellstate.State, data []byte) func(context.Context) error {
	return func(ctx context.Context) error {
		last := data
		tick := time.NewTicker(reloadPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			data, err := cellstate.Read(r.flags.state)
			changed := err == nil && !bytes.Equal(data, last)
			if changed {
				last = data
				next, err := r.accept(state, data)
				if err != nil {
					r.log.Error().Err(err).Uint64("version", state.Version).Msg("state refused; the last good one stays")
					changed = false
				} else {
					state = next
				}
			}
			if changed || r.again() {
				r.apply(ctx, state, changed)
			}
		}
	}
}

// accept parses a new state and checks that it does not go back.
func (r *role) accept(current *cellstate.State, data []byte) (*cellstate.State, error) {
	next, err := cellstate.Parse(r.flags.state, data)
	if err != nil {
		return nil, err
	}
	if next.Version <= current.Version {
		return nil, fmt.Errorf("%s: the content changed but version %d is not above %d; raise it", r.flags.state, next.Version, current.Version)
	}
	if next.Cell != current.Cell {
		return nil, fmt.Errorf("%s: this is the state of cell %q, not of %q", r.flags.state, next.Cell, current.Cell)
	}
	if err := next.MayFollow(current); err != nil {
		return nil, fmt.Errorf("%s: %w", r.flags.state, err)
	}
	// Sockets and devices were opened for these.
	if next.UnderlayMTU != current.UnderlayMTU || next.InternetMTU != current.InternetMTU {
		return nil, fmt.Errorf("%s: an MTU of the cell changed; that takes a restart of every role", r.flags.state)
	}
	was, is := current.PeerByName(r.flags.name), next.PeerByName(r.flags.name)
	if was != nil && is != nil && (is.Addr != was.Addr || is.Kind != was.Kind) {
		return nil, fmt.Errorf("%s: %s is now %s %v and was %s %v; that takes a restart", r.flags.state, is.Name, is.Kind, is.Addr, was.Kind, was.Addr)
	}
	return next, nil
}

func (r *role) apply(ctx context.Context, s *cellstate.State, changed bool) {
	var failed error
	err := r.loop.Do(ctx, func() { failed = r.member.Apply(r.loop.Now(), s) })
	switch {
	case err != nil:
		return // the loop is ending
	case failed != nil && changed:
		r.log.Warn().Err(failed).Uint64("version", s.Version).Msg("applied in part; trying again every second")
	case failed == nil:
		r.log.Info().Uint64("version", s.Version).Msg("state applied")
	}
}
