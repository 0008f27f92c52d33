package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hyperplane/testnet"
)

// Held is what became of the connections that are kept open all the time. The
// counts and the longest stall are since they were opened.
type Held struct {
	Want         int           // how many there are to be
	Open         bool          // they are, and each was answered
	Held         int           // those that live
	Broken       int           // those that do not
	Misdelivered int           // those that got data of another
	Silent       int           // those that live and have had no answer for silentAfter
	Longest      time.Duration // that one that lives waited for one answer
	Causes       string        // why they broke: "reset 97"
	Windows      []Wait        // since the snapshot before
	Error        string        // why they are not held
}

// Wait is how long connections waited for an answer within a window of time.
type Wait struct {
	Longest, Window time.Duration
	All             int // those that waited all of it
}

// Since is what the figures count from: a node that went away, or the beginning.
type Since struct {
	Node   string // "": the beginning
	Became string // testnet.State…
	At     time.Duration
	broken int           // until then
	before time.Duration // the longest stall until then
	stall  stall
}

// stall joins the waits of windows, which each tell only of the part that lies
// in them: one that goes over a border may be the sum of both. Nobody tells
// whether it was one connection's, so the sum is the longest it can have been.
type stall struct{ longest, open time.Duration }

func (s *stall) add(w Wait) {
	joined := s.open + w.Longest
	s.longest = max(s.longest, joined)
	s.open = w.Longest
	if w.Longest >= w.Window-time.Millisecond {
		s.open = joined // it may go on from before the window to behind it
	}
}

// follow counts anew when a node goes away, and notes when one did that others
// needed: one loss at a time is what a cell survives.
func (s *Scene) follow(before *Scene) {
	gone := 0
	for i := range s.Parts {
		p := &s.Parts[i]
		old := before.part(p.Name)
		if p.Role != testnet.RoleNode || old == nil || old.State != testnet.StateRunning || p.State == testnet.StateRunning {
			continue
		}
		gone++
		s.Since = Since{Node: p.Name, Became: p.State, At: s.At, broken: before.Held.Broken, before: before.Held.Longest}
	}
	if gone > 1 || gone == 1 && !before.Cell.redundant() {
		s.Beyond = true
	}
	for _, w := range s.Held.Windows {
		s.Since.stall.add(w)
	}
}

// sinceThen is how many connections broke and the longest stall since a node
// went away, or since the beginning. A stall that was not the longest of all is
// known only by its windows, not exactly.
func (s *Scene) sinceThen() (broken int, longest time.Duration, exact bool) {
	broken, longest, exact = s.Held.Broken-s.Since.broken, s.Held.Longest, true
	if s.Since.Node != "" && longest <= s.Since.before {
		longest, exact = min(longest, s.Since.stall.longest), false
	}
	return broken, longest, exact
}

// silent is how many waited for an answer in all of the windows, at most: in
// each it may have been others.
func silent(windows []Wait) int {
	if len(windows) == 0 {
		return 0
	}
	return slices.MinFunc(windows, func(a, b Wait) int { return a.All - b.All }).All
}

// connections say how the connections held are, in as many words as there is
// room for.
func (s *Scene) connections(room int) (text string, good bool) {
	h := &s.Held
	switch {
	case h.Want == 0:
		return "none are held", true
	case h.Error != "":
		return clip("✗ "+h.Error, room), false
	case !h.Open:
		return fmt.Sprintf("opening %d", h.Want), true
	case h.Misdelivered > 0:
		return clip(fmt.Sprintf("✗ %d got data of another, held %d, broken %d", h.Misdelivered, h.Held, h.Broken), room), false
	}
	broken, longest, exact := s.sinceThen()
	text = heldWords(h.Held, broken, h.Silent, longest)
	if !exact {
		text = strings.Replace(text, "stall ", "stall at most ", 1)
	}
	good = broken == 0 && h.Silent == 0
	short := fmt.Sprintf("held %d, broken %d", h.Held, broken)
	if s.Since.Node == "" {
		return fitting(room, text, short), good
	}
	since := " since " + s.Since.Node + " died"
	if s.Since.Became == testnet.StateStopped {
		since = " since " + s.Since.Node + " stood still"
	}
	return fitting(room, text+since+" "+ago(s.At-s.Since.At), text+since, text, short), good
}

func heldWords(held, broken, silent int, longest time.Duration) string {
	text := fmt.Sprintf("held %d, broken %d, ", held, broken)
	if silent > 0 {
		text += fmt.Sprintf("%d not answered, ", silent)
	}
	return text + "longest stall " + latency(longest)
}
