package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Lay out an internet with tenants, a cell and edges on this machine",
		Long: `Lay out an internet with tenants, a cell and edges on this machine: network
namespaces called hp-NAME, and one process for each node, edge, host and server.

One testnet can be up at a time. It keeps its files in /run/hyperplane/testnet;
set HYPERPLANE_RUN to use another directory.`,
		Example: "  hyperplane testnet up\n" +
			"  hyperplane testnet exec blue-1 -- curl http://203.0.113.10/\n" +
			"  hyperplane testnet status\n" +
			"  hyperplane testnet down",
		Args: cobra.NoArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(
		newTestnetUpCommand(), newTestnetDownCommand(), newTestnetExecCommand(), newTestnetStatusCommand(),
		newTestnetKillCommand(), newTestnetStartCommand(), newTestnetPauseCommand(), newTestnetResumeCommand(),
		newTestnetPartitionCommand(), newTestnetHealCommand(), newTestnetHoldCommand(), newTestnetLogsCommand(), newTestnetServeCommand(),
	)
	return cmd
}

// badName makes the name of a part that does not exist a wrong use.
func badName(err error) error {
	var unknown *testnet.UnknownNameError
	if errors.As(err, &unknown) {
		return usageError{err}
	}
	return err
}

// checkOutput returns whether -o asks for JSON.
func checkOutput(cmd *cobra.Command, output string) (json bool, err error) {
	switch output {
	case "text":
		return false, nil
	case "json":
		return true, nil
	}
	return false, wrongUse(cmd, fmt.Errorf("-o %s: want text or json", output))
}
