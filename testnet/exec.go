package testnet

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"hyperplane/tun"
)

// CommandError says that exec could not run the command; Code is what a shell
// would return for it (126, 127).
type CommandError struct {
	Command string
	Code    int
	Err     error
}

func (e *CommandError) Error() string { return e.Command + ": " + e.Err.Error() }
func (e *CommandError) Unwrap() error { return e.Err }

// Exec replaces this process with the command, inside the namespace of the
// named part. So terminal, signals, exit code and death by a signal are the
// command's own. It returns only with an error.
func Exec(name string, argv []string) error {
	if err := knownNamespace(name); err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		code := 127
		if errors.Is(err, os.ErrPermission) {
			code = 126
		}
		return &CommandError{argv[0], code, err}
	}
	return InNamespace(name, func() error {
		return &CommandError{argv[0], 126, syscall.Exec(path, argv, os.Environ())}
	})
}

// StartIn starts cmd inside the namespace of the named part, as cmd.Start does.
func StartIn(name string, cmd *exec.Cmd) error { return InNamespace(name, cmd.Start) }

// InNamespace runs f inside the namespace of the named part, to open sockets
// there; see tun.InNetNS for what f must not do.
func InNamespace(name string, f func() error) error {
	return tun.InNetNS(namespacePrefix+name, f)
}

// knownNamespace returns an error that lists the parts if name is none.
func knownNamespace(name string) error {
	have, err := namespaces()
	if err != nil {
		return err
	}
	if len(have) == 0 {
		return ErrNotUp
	}
	for i := range have {
		have[i] = strings.TrimPrefix(have[i], namespacePrefix)
	}
	if !slices.Contains(have, name) {
		return &UnknownNameError{name, "part", have}
	}
	return nil
}
