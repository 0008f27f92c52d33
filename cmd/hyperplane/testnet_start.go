package main

import (
	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetStartCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "start NAME",
		Short:   "Start a part's process again and return when it is ready",
		Example: "  hyperplane testnet kill node-2\n  hyperplane testnet start node-2",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return badName(testnet.Start(cmd.Context(), testnet.DefaultDir(), "", args[0]))
		},
	}
}
