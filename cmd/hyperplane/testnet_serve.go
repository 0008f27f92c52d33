package main

import (
	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

// newTestnetServeCommand is the process of an internet host. People never
// start it: testnet up does, inside the host's namespace.
func newTestnetServeCommand() *cobra.Command {
	var o testnet.ServeOptions
	cmd := &cobra.Command{
		Use:     "serve",
		Hidden:  true,
		Short:   "Be a server on the testnet's internet",
		Example: "  hyperplane testnet serve --name web --topology topology.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return badName(testnet.Serve(cmd.Context(), o))
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "which internet host of the topology this is (required)")
	cmd.Flags().StringVar(&o.Topology, "topology", "", "the topology file (required)")
	cmd.Flags().StringArrayVar(&o.Admin, "admin", nil, "serve /healthz on HOST:PORT or unix:/PATH (repeatable)")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("topology")
	return cmd
}
