package lab

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotRoot is returned where namespaces and links need privileges.
	ErrNotRoot = errors.New("this makes network namespaces and links: run it as root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")

	// ErrBusy is returned when another process has the lock.
	ErrBusy = errors.New("another process has the lock")
)

// MissingFeatureError says that this kernel cannot do what is needed, and why.
type MissingFeatureError struct {
	Feature string // what is missing, in words
	Option  string // the kernel's configuration option
	Err     error  // what the kernel said
}

func (e *MissingFeatureError) Error() string {
	return fmt.Sprintf("this kernel lacks %s (%s): %v", e.Feature, e.Option, e.Err)
}

func (e *MissingFeatureError) Unwrap() error { return e.Err }

// missing turns "not supported" of a link's kind into the kernel option.
func missing(err error, feature, option string) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return &MissingFeatureError{feature, option, err}
	}
	return err
}

// DiedError says that a process ended, or did not become ready in time.
type DiedError struct {
	Name string
	How  string // "ended before it was ready (exit status 1)", "was not ready after 10s"
	Log  string // path of the whole log, if it has one
	Tail string // the last lines of its output
}

func (e *DiedError) Error() string {
	if e.Tail == "" {
		return fmt.Sprintf("%s %s; it wrote nothing", e.Name, e.How)
	}
	return fmt.Sprintf("%s %s; its output ends:\n  %s", e.Name, e.How, strings.ReplaceAll(e.Tail, "\n", "\n  "))
}
