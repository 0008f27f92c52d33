package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// The size of a text picture, in cells, and how many flows it shows.
const (
	plainWidth     = 80
	plainHeightMax = 27 // from 28 on the picture is drawn with air in it
	plainFlows     = 8
)

// plainPicture draws a scene as compact text.
func plainPicture(s Scene) string {
	s.Keys = false
	h := 1 + (diagramSize{block: 2}).rows(&s.Plan) + stateRows + 1 + min(plainFlows, max(1, len(s.Lines))) + 1 + len(activityRows(&s)) + 3
	return strings.TrimRight(Draw(s, plainWidth, min(h, plainHeightMax)).Text(), "\n")
}

// showPlain writes text pictures until ctx ends or the reader has gone, and
// returns the last scene.
func showPlain(ctx context.Context, w io.Writer, s Scene, snapshots <-chan Snapshot) (Scene, error) {
	shown := -plainEvery // the first one comes as soon as there are figures
	for {
		select {
		case <-ctx.Done():
			return s, nil
		case now := <-snapshots:
			s = Compute(s, now)
			if len(s.Up) == 0 || now.At-shown < plainEvery-sampleEvery/2 {
				continue
			}
			shown = now.At
			if _, err := fmt.Fprintf(w, "%s\n\n", plainPicture(s)); err != nil {
				return s, fmt.Errorf("write the picture: %w", err)
			}
		}
	}
}
