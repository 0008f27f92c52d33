package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/decider"
	"hyperplane/natgw"
)

func newNodeCommand() *cobra.Command {
	var flags roleFlags
	var roles []string
	flowsMax := natgw.FlowsMaxDefault
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a cell node: Top, Flow Master and Decider",
		Long: `Run a cell node. Which of the roles top, flowmaster and decider it runs is in
the state file, since all other nodes have to know it; by default all three.
With --roles the node does not start if the state says otherwise.`,
		Example: "  hyperplane node --name node-1 --state cell.yaml --admin 127.0.0.1:9600\n" +
			"  hyperplane node --name top-1 --roles top --state cell.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			want, err := cellstate.ParseRoles(roles)
			if err != nil {
				return wrongUse(cmd, fmt.Errorf("--roles: %w", err))
			}
			if flowsMax < 1 || flowsMax > natgw.FlowsMaxLimit {
				return wrongUse(cmd, fmt.Errorf("--max-flows %d: want 1 to %d", flowsMax, natgw.FlowsMaxLimit))
			}
			return runNode(cmd.Context(), flags, flowsMax, want)
		},
	}
	flags.register(cmd, "node")
	cmd.Flags().StringSliceVar(&roles, "roles", nil, "the roles that this node is to run: top, flowmaster, decider (default: those in the state)")
	cmd.Flags().IntVar(&flowsMax, "max-flows", flowsMax, "flows tracked at most; beyond it new ones are refused")
	return cmd
}

func runNode(ctx context.Context, flags roleFlags, flowsMax int, want cellstate.Roles) error {
	return runRole(ctx, "node", flags, func(r *role, s *cellstate.State) error {
		self, err := find(s.Nodes, "node", flags.name)
		if err != nil {
			return err
		}
		if want != 0 && want != self.Roles {
			return usageError{fmt.Errorf("--roles: %s is to run %s, but the state %s says %s; all nodes go by the state, so write it there", flags.name, want, flags.state, self.Roles)}
		}
		conn, others, err := r.listenUDP(self.Addr, s)
		if err != nil {
			return err
		}
		core := natgw.New(r.loop.Now(), nodeConfig(flags.name, self.Addr, flowsMax))
		w, err := natgw.Attach(r.loop, core, conn, others...)
		if err != nil {
			return err
		}
		r.member = w
		w.OnDegraded(func(degraded bool, s natgw.Status) {
			if degraded {
				r.log.Warn().Uint32("view", s.Counter).Int("members", s.Members).Bool("alone", s.Alone).Msg("degraded")
			} else {
				r.log.Info().Uint32("view", s.Counter).Int("members", s.Members).Msg("full service")
			}
		})
		r.warnOfPorts(w)
		w.AddPages(r.admin)
		return nil
	})
}

// warnOfPorts logs when ports towards a destination begin to run out.
func (r *role) warnOfPorts(w *natgw.Worker) {
	w.OnScarce(func(scarce bool, u decider.Usage) {
		if !scarce {
			r.log.Info().Msg("ports are no longer scarce")
			return
		}
		r.log.Warn().Stringer("public", u.Public).Uint8("protocol", u.Proto).Stringer("remote", u.Remote).Uint16("remote_port", u.RemotePort).
			Int("flows", u.Living).Int("limit", u.Limit).Msg("ports towards a destination run out: add a public address, or find who opens so many flows")
	})
}
