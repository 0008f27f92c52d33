package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetUpCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Lay the testnet out and return when every part is ready",
		Long: `Lay the testnet out and return when every part is ready. If that fails, or is
interrupted, nothing is left behind.

Embedded topologies: ` + strings.Join(testnet.Builtin(), ", ") + `.`,
		Example: "  hyperplane testnet up\n" +
			"  hyperplane testnet up -f underlay-1600\n" +
			"  hyperplane testnet up -f ./mine.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := testnet.LoadTopology(file)
			if err != nil {
				return err
			}
			begun := time.Now()
			shown := begun
			err = testnet.Up(cmd.Context(), testnet.Options{
				Dir: testnet.DefaultDir(), Topology: t,
				Progress: func(done, all int, what string) {
					if now := time.Now(); now.Sub(shown) >= time.Second {
						shown = now
						fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d: %s ready after %.1f s\n", done, all, what, now.Sub(begun).Seconds())
					}
				},
			})
			if cmd.Context().Err() != nil {
				return errors.New("interrupted: nothing is left behind")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "testnet %s is up after %.1f s: %d namespaces, files in %s\n",
				file, time.Since(begun).Seconds(), len(t.Parts()), testnet.DefaultDir())
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", testnet.DefaultTopology, "a topology file, or the name of an embedded topology")
	return cmd
}
