package testnet

import (
	"errors"
	"fmt"
	"strings"

	"hyperplane/testnet/lab"
)

var (
	// ErrNotUp is returned where a testnet is needed and none is up.
	ErrNotUp = errors.New("no testnet is up: run 'hyperplane testnet up' first")

	// ErrAlreadyUp is returned by Up when one is up, or left from before.
	ErrAlreadyUp = errors.New("a testnet is already up, or one was left behind: run 'hyperplane testnet down' first")

	// ErrBusy is returned when another command is changing the testnet.
	ErrBusy = errors.New("another 'hyperplane testnet' command is changing the testnet: wait for it or interrupt it")

	// ErrNotRoot is returned where namespaces and links need privileges.
	ErrNotRoot = lab.ErrNotRoot
)

// What this machine lacks and what became of a process, as package lab says it.
type (
	MissingFeatureError = lab.MissingFeatureError
	DiedError           = lab.DiedError
)

// UnknownNameError says that no part has the name, and which ones there are.
type UnknownNameError struct {
	Name string
	What string   // "part", "process"
	Have []string // the names that would do
}

func (e *UnknownNameError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no %s is called %q: there is none", e.What, e.Name)
	}
	return fmt.Sprintf("no %s is called %q: there are %s", e.What, e.Name, strings.Join(e.Have, ", "))
}
