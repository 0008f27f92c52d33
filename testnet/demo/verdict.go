package demo

import (
	"fmt"
	"strings"
	"time"
)

// FailedError names the traffic that did not work.
type FailedError struct {
	What []string // "green-1: upload to web: no answer"
}

func (e *FailedError) Error() string {
	return "this did not work:\n  " + strings.Join(e.What, "\n  ")
}

// Verdict returns a FailedError unless each task worked once, no tenant got
// another's answer and no connection broke that the cell could keep. What could
// not begin counts only if the demo was not ended before its time.
func Verdict(list []Activity, s *Scene, finished bool) error {
	what := s.lost(finished)
	for _, a := range list {
		name := fmt.Sprintf("%s: %s with %s: ", a.Task.Instance, a.Task.Kind, a.Task.Host.Name)
		switch {
		case a.Foreign != "":
			what = append(what, name+a.Foreign)
		case a.OK == 0 && finished:
			why := a.Error
			if why == "" {
				why = "not one was finished in the time"
			}
			what = append(what, name+why)
		}
	}
	if len(what) == 0 {
		return nil
	}
	return &FailedError{what}
}

// lost says what went wrong with the connections held. With one copy of each
// flow, or when a node went away that others needed, they may break.
func (s *Scene) lost(finished bool) (what []string) {
	h := &s.Held
	if h.Misdelivered > 0 {
		what = append(what, fmt.Sprintf("connections: %d got data of another", h.Misdelivered))
	}
	if h.Broken > 0 && s.Plan.Copies > 1 && !s.Beyond {
		what = append(what, fmt.Sprintf("connections: %d of %d broke (%s)", h.Broken, h.Want, h.Causes))
	}
	switch {
	case h.Want == 0 || !finished:
	case h.Error != "":
		what = append(what, "connections: "+h.Error)
	case !h.Open && s.At >= openWaitMax:
		what = append(what, "connections: not all were answered in the time")
	}
	return what
}

// keeping says what became of the connections held.
func (s *Scene) keeping() string {
	h := &s.Held
	if !h.Open {
		return ""
	}
	text := "\nconnections " + heldWords(h.Held, h.Broken, h.Silent, h.Longest)
	switch {
	case h.Broken+h.Silent == 0:
	case s.Plan.Copies == 1:
		why := h.Causes
		if h.Silent > 0 {
			why = strings.TrimPrefix(why+fmt.Sprintf(", not answered %d", h.Silent), ", ")
		}
		text += fmt.Sprintf("\nthere was one copy of each flow: %s died with their node (%s)", plural(h.Broken+h.Silent, "connection"), why)
	case s.Beyond:
		text += "\nnodes went away faster than their flows were copied again: one at a time breaks nothing"
	}
	return text
}

// Summary says what was moved and what was kept.
func Summary(list []Activity, s *Scene, took time.Duration) string {
	var n, bytes [kinds]uint64
	for _, a := range list {
		n[a.Task.Kind] += a.OK
		bytes[a.Task.Kind] += a.Bytes
	}
	return fmt.Sprintf("%s: %d pages, %d pings, %d names; %sB downloaded, %sB uploaded%s%s",
		clock(took), n[Page], n[Ping], n[Name], scaled(float64(bytes[Download])), scaled(float64(bytes[Upload])), s.keeping(), equalTuples(list))
}

// equalTuples tells of two instances with the same address that were seen as
// different public ones.
func equalTuples(list []Activity) string {
	for i, a := range list {
		for _, b := range list[i+1:] {
			if a.Task.Kind == Page && b.Task.Kind == Page && a.Task.Host == b.Task.Host && a.Task.VPC != b.Task.VPC &&
				a.Task.Inside == b.Task.Inside && a.Public != "" && b.Public != "" {
				return fmt.Sprintf("\n%s and %s both sent from %s:%d to %s,\nwhich saw %s and %s",
					a.Task.Instance, b.Task.Instance, a.Task.Inside, a.Task.Local, a.Task.Host.Name, a.Public, b.Public)
			}
		}
	}
	return ""
}
