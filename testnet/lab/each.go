package lab

import (
	"context"
	"errors"
	"sync"
)

// Each runs f for every part, several at once, and returns when none runs any
// more. After an error or the end of ctx it begins no more than it has to.
func Each[T any](ctx context.Context, parts []T, f func(T) error) error {
	work := make(chan T)
	errs := make([]error, min(len(parts), buildersMax))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for p := range work {
				if errs[i] == nil && ctx.Err() == nil {
					errs[i] = f(p)
				}
			}
		})
	}
	for _, p := range parts {
		work <- p
	}
	close(work)
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}
