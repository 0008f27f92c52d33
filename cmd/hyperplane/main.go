// Command hyperplane is the one binary: every role, the testnet, the tools.
//
// Each command is a short file named after it; the packages beside cmd do the
// work. Exit codes: 0 done, 1 failed, 2 wrong use.
//
//	hyperplane nitro | node | blackfoot   a role, one process each
//	hyperplane gateway                    all roles in one process
//	hyperplane explain                    where a flow goes and why
//	hyperplane testnet …                  an internet in network namespaces
//	hyperplane demo, sim                  see it, break it
//	hyperplane bench, doctor              measure it, ask what is missing
//
// Limits: Linux; the roles need CAP_NET_ADMIN.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	os.Exit(report(err))
}

// usageError is a wrong use of a command: exit code 2.
type usageError struct{ error }

// exitError ends with a given code and says nothing more, as `testnet exec`
// does with the code of the command that it ran.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// report prints err for people and returns the exit code.
func report(err error) int {
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	fmt.Fprintln(os.Stderr, "hyperplane:", err)
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "hyperplane",
		Short:         "A NAT gateway for VPCs that runs in user space, cell by cell",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          showHelp,
	}
	root.AddCommand(
		newNitroCommand(), newNodeCommand(), newBlackfootCommand(), newGatewayCommand(),
		newExplainCommand(), newWhoseCommand(), newTestnetCommand(), newDemoCommand(), newSimCommand(), newBenchCommand(), newDoctorCommand(),
	)
	markUsageErrors(root)
	return root
}

// showHelp is what a command does that only groups others.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// markUsageErrors makes wrong flags and arguments of every command exit with
// code 2 and say where help is.
func markUsageErrors(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return wrongUse(c, err) })
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return wrongUse(c, err)
			}
			// Cobra checks these too, but later and as any other failure.
			if err := c.ValidateRequiredFlags(); err != nil {
				return wrongUse(c, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		markUsageErrors(sub)
	}
}

func wrongUse(c *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
}
