package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/natgw"
	"hyperplane/nitrosim"
	"hyperplane/telemetry"
	"hyperplane/wire"
)

func newGatewayCommand() *cobra.Command {
	var flags roleFlags
	device := "internet0"
	flowsMax := natgw.FlowsMaxDefault
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run a whole cell in one process: the NAT gateway for one machine",
		Long: `Run a whole cell in one process: the NAT gateway for the containers or VMs of
one machine. The state file has one host, one node and one edge; between them
packets pass in memory, without encapsulation and without a copy. The code is
the same as that of the separate roles.`,
		Example: "  hyperplane gateway --state gateway.yaml --admin 127.0.0.1:9600",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flowsMax < 1 || flowsMax > natgw.FlowsMaxLimit {
				return wrongUse(cmd, fmt.Errorf("--max-flows %d: want 1 to %d", flowsMax, natgw.FlowsMaxLimit))
			}
			return runGateway(cmd.Context(), flags, device, flowsMax)
		},
	}
	flags.register(cmd, "")
	cmd.Flags().StringVar(&device, "tun", device, "name of the TUN towards the internet; the public addresses are routed to it")
	cmd.Flags().IntVar(&flowsMax, "max-flows", flowsMax, "flows tracked at most; beyond it new ones are refused")
	return cmd
}

func runGateway(ctx context.Context, flags roleFlags, device string, flowsMax int) error {
	flags.name = "gateway"
	return runRole(ctx, "gateway", flags, func(r *role, s *cellstate.State) error {
		if len(s.Hosts) != 1 || len(s.Nodes) != 1 || len(s.Edges) != 1 {
			return fmt.Errorf("%s: a gateway is one host, one node and one edge; the state has %d, %d and %d",
				flags.state, len(s.Hosts), len(s.Nodes), len(s.Edges))
		}
		x := wire.NewExchange()
		core := natgw.New(r.loop.Now(), nodeConfig(s.Nodes[0].Name, s.Nodes[0].Addr, flowsMax))
		node, err := natgw.Attach(r.loop, core, x.Port(s.Nodes[0].Addr))
		if err != nil {
			return err
		}
		r.warnOfPorts(node)
		node.AddPages(r.admin)
		host, err := nitrosim.Attach(r.loop, nitrosim.New(s.Hosts[0].Name, freshSeed()), x.Port(s.Hosts[0].Addr), openInstance)
		if err != nil {
			return err
		}
		host.OpenResolvers(openResolver)
		r.closers = append(r.closers, host.Close)
		edge, err := r.attachEdge(x.Port(s.Edges[0].Addr), s, device)
		if err != nil {
			return err
		}
		r.member, r.healthy, r.again = members{node, host, edge}, edge.Err, r.unlessComplete(host)
		return nil
	})
}

// members are several roles in one process. Each keeps its own account: the
// identity of received and sent packets holds for every one of them and so
// for their sum.
type members []member

func (m members) Apply(now time.Duration, s *cellstate.State) error {
	var errs []error
	for _, one := range m {
		errs = append(errs, one.Apply(now, s))
	}
	return errors.Join(errs...)
}

func (m members) Snapshot(now time.Duration) telemetry.Snapshot {
	var sum telemetry.Snapshot
	for _, one := range m {
		s := one.Snapshot(now)
		sum.Traffic.Add(&s.Traffic)
		sum.Metrics = telemetry.AddMetrics(sum.Metrics, s.Metrics)
	}
	return sum
}
