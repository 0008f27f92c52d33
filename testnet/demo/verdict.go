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

// Verdict returns a FailedError unless each task worked once and no tenant got
// another's answer. Of an unfinished demo only the second counts.
func Verdict(list []Activity, finished bool) error {
	var what []string
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

// Summary says what was moved.
func Summary(list []Activity, took time.Duration) string {
	var n, bytes [kinds]uint64
	for _, a := range list {
		n[a.Task.Kind] += a.OK
		bytes[a.Task.Kind] += a.Bytes
	}
	return fmt.Sprintf("%s: %d pages, %d pings, %d names; %sB downloaded, %sB uploaded%s",
		clock(took), n[Page], n[Ping], n[Name], scaled(float64(bytes[Download])), scaled(float64(bytes[Upload])), equalTuples(list))
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
