package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Logs copies a part's log to w. With follow it goes on, as tail -f does,
// until ctx ends or the log is removed.
func Logs(ctx context.Context, dir Dir, name string, follow bool, w io.Writer) error {
	t, err := running(dir)
	if err != nil {
		return err
	}
	if _, err := t.find(name, "process", Part.HasProcess); err != nil {
		return err
	}
	f, err := os.Open(dir.log(name))
	if err != nil {
		return fmt.Errorf("log of %s: %w", name, err)
	}
	defer f.Close()
	for {
		if _, err := io.Copy(w, f); err != nil || !follow {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
		if _, err := os.Stat(dir.log(name)); errors.Is(err, os.ErrNotExist) {
			return nil // the testnet went down
		}
	}
}
