package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/natgw"
)

func newNodeCommand() *cobra.Command {
	var flags roleFlags
	flowsMax := natgw.FlowsMaxDefault
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Run a cell node: Top, Flow Master and Decider",
		Example: "  hyperplane node --name node-1 --state cell.yaml --admin 127.0.0.1:9600",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flowsMax < 1 || flowsMax > natgw.FlowsMaxLimit {
				return wrongUse(cmd, fmt.Errorf("--max-flows %d: want 1 to %d", flowsMax, natgw.FlowsMaxLimit))
			}
			return runNode(cmd.Context(), flags, flowsMax)
		},
	}
	flags.register(cmd, "node")
	cmd.Flags().IntVar(&flowsMax, "max-flows", flowsMax, "flows tracked at most; beyond it new ones are refused")
	return cmd
}

func runNode(ctx context.Context, flags roleFlags, flowsMax int) error {
	return runRole(ctx, "node", flags, func(r *role, s *cellstate.State) error {
		self, err := find(s.Nodes, "node", flags.name)
		if err != nil {
			return err
		}
		conn, err := r.listenUDP(self.Addr, s)
		if err != nil {
			return err
		}
		core := natgw.New(natgw.Config{Name: flags.name, FlowsMax: flowsMax, Seed: freshSeed(), PortSeed: freshPortSeed()})
		w, err := natgw.Attach(r.loop, core, conn)
		if err != nil {
			return err
		}
		r.member = w
		w.AddPages(r.admin)
		return nil
	})
}
