package main

import (
	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetKillCommand() *cobra.Command {
	var signal string
	cmd := &cobra.Command{
		Use:   "kill NAME",
		Short: "Send a signal to a part's process",
		Long: `Send a signal to a part's process. For a signal that ends it, return when it is
gone; its namespace and links stay.`,
		Example: "  hyperplane testnet kill node-2\n" +
			"  hyperplane testnet kill edge-1 --signal STOP",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sig, err := testnet.ParseSignal(signal)
			if err != nil {
				return wrongUse(cmd, err)
			}
			return badName(testnet.Kill(testnet.DefaultDir(), args[0], sig))
		},
	}
	cmd.Flags().StringVar(&signal, "signal", "KILL", "name or number of the signal")
	return cmd
}
