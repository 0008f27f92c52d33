package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetExecCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec NAME -- CMD [ARG]...",
		Short: "Run a command inside a part of the testnet",
		Long: `Run a command inside the namespace of a part of the testnet. The command takes
this process' place: its exit code, or the signal that ends it, is the result.`,
		Example: "  hyperplane testnet exec blue-1 -- ping -c 3 203.0.113.10\n" +
			"  hyperplane testnet exec web -- tcpdump -ni eth0",
		Args: func(_ *cobra.Command, args []string) error {
			if _, command := splitExec(args); len(command) == 0 {
				return errors.New("want NAME -- CMD")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			name, command := splitExec(args)
			err := testnet.Exec(name, command)
			var failed *testnet.CommandError
			if errors.As(err, &failed) {
				fmt.Fprintln(os.Stderr, "hyperplane:", err)
				return exitError{failed.Code}
			}
			return badName(err)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows NAME is the command's
	return cmd
}

// splitExec takes "NAME -- CMD ARG" or "NAME CMD ARG" apart.
func splitExec(args []string) (name string, command []string) {
	if len(args) == 0 {
		return "", nil
	}
	name, command = args[0], args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	return name, command
}
