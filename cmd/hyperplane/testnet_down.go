package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetDownCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove every process, namespace, link and file of the testnet",
		Long: `Remove every process, namespace, link and file of the testnet, whatever is left
of it. Without a testnet there is nothing to do, and that is no error.`,
		Example: "  hyperplane testnet down",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := testnet.Down(cmd.Context(), testnet.DefaultDir())
			if err != nil {
				return err
			}
			if r.Nothing() {
				fmt.Fprintln(cmd.OutOrStdout(), "no testnet is up: nothing to do")
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "testnet is down: removed %d processes, %d namespaces and %d files\n", r.Processes, r.Namespaces, r.Files)
			return nil
		},
	}
}
