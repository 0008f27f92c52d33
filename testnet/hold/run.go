package hold

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Event is what a running Client tells.
type Event struct {
	Event  string  `json:"event"` // what follows says when
	Window *Window `json:"window,omitempty"`
}

// The events, in the order of a run.
const (
	EventHeld   = "held"   // every connection is open and was answered
	EventMark   = "mark"   // a window ended; it is Window
	EventRound  = "round"  // every connection has been answered since it was asked for
	EventStop   = "stop"   // the last window ended
	EventResult = "result" // Window is the whole run
)

// FirstWindow is the name of the window before the first mark.
const FirstWindow = "start"

// Run uses the connections until ctx ends or a command says so, and tells what
// happens. Commands are
//
//	mark NAME   end the window, and begin one of this name
//	round       tell when every connection was used and answered from now on
//	stop        end
func (c *Client) Run(ctx context.Context, commands <-chan string, tell func(Event)) (Window, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun, name := c.now(), FirstWindow
	var rounds []time.Duration // when a round was asked for
	lookAt := begun
	tell(Event{Event: EventHeld})
	end := func(event string) {
		w := c.mark()
		w.Name = name
		tell(Event{event, &w})
	}
	for running := true; running && ctx.Err() == nil; {
		if err := c.turn(); err != nil {
			return Window{}, err
		}
		if now := c.now(); len(rounds) > 0 && now >= lookAt {
			lookAt = now + resendEvery
			if c.unheardSince(rounds[0]) == 0 {
				rounds = rounds[1:]
				tell(Event{Event: EventRound})
			}
		}
		select {
		case line := <-commands:
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch word {
			case "mark":
				end(EventMark)
				name = rest
			case "round":
				rounds = append(rounds, c.now())
			case "stop":
				running = false
			default:
				return Window{}, fmt.Errorf("command %q: want mark NAME, round or stop", line)
			}
		default:
		}
	}
	end(EventStop)
	all := c.summary("all", &c.total, inTotal, begun, c.now())
	tell(Event{EventResult, &all})
	return all, nil
}
