package testnet

import (
	"context"
	"errors"
	"time"

	"hyperplane/testnet/lab"
)

// lockPath is fixed, unlike the run directory: the namespaces' names belong to
// the whole machine, and so does the right to make and remove them.
const lockPath = "/run/hyperplane-testnet.lock"

// lock takes the right to change the testnet, waiting for it at most wait, and
// returns how to give it back.
func lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	deadline := time.Now().Add(wait)
	for {
		unlock, err := lab.Lock(lockPath)
		if !errors.Is(err, lab.ErrBusy) {
			return unlock, err
		}
		if time.Now().After(deadline) {
			return nil, ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lab.PollEvery):
		}
	}
}
