package main

import (
	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetLogsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs NAME",
		Short:   "Show the log of a part's process",
		Example: "  hyperplane testnet logs node-1\n  hyperplane testnet logs -f edge-2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return badName(testnet.Logs(cmd.Context(), testnet.DefaultDir(), args[0], follow, cmd.OutOrStdout()))
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as the log grows, until Ctrl-C")
	return cmd
}
