package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"hyperplane/blackfoot"
	"hyperplane/cellstate"
	"hyperplane/tun"
	"hyperplane/wire"
)

func newBlackfootCommand() *cobra.Command {
	var flags roleFlags
	device := "internet0"
	cmd := &cobra.Command{
		Use:     "blackfoot",
		Short:   "Run an edge: plain IP on a TUN, the cell's encapsulation on the other side",
		Example: "  hyperplane blackfoot --name edge-1 --state cell.yaml --admin 127.0.0.1:9600",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runBlackfoot(cmd.Context(), flags, device) },
	}
	flags.register(cmd, "edge")
	cmd.Flags().StringVar(&device, "tun", device, "name of the TUN towards the internet; the public addresses are routed to it")
	return cmd
}

func runBlackfoot(ctx context.Context, flags roleFlags, device string) error {
	return runRole(ctx, "blackfoot", flags, func(r *role, s *cellstate.State) error {
		self, err := find(s.Edges, "edge", flags.name)
		if err != nil {
			return err
		}
		conn, others, err := r.listenUDP(self.Addr, s)
		if err != nil {
			return err
		}
		w, err := r.attachEdge(conn, s, device, others...)
		if err != nil {
			return err
		}
		r.member, r.healthy = w, w.Err
		return nil
	})
}

// attachEdge opens the TUN towards the internet and puts an edge on the loop.
func (r *role) attachEdge(conn wire.Conn, s *cellstate.State, device string, others ...wire.Conn) (*blackfoot.Worker, error) {
	devices, err := tun.Open(tun.Config{Name: device, MTU: s.InternetMTU, QueueLen: blackfoot.TUNQueueLen})
	if err != nil {
		return nil, fmt.Errorf("--tun %s: %w", device, err)
	}
	r.closers = append(r.closers, func() { devices[0].Close() })
	return blackfoot.Attach(r.loop, blackfoot.New(), conn, devices[0], func(s *cellstate.State) error {
		return tun.SetRoutes("", device, publicRoutes(s))
	}, others...)
}

// publicRoutes are the routes to an edge's TUN: of a state's public addresses, and of the
// IPv6 ranges of its VPCs.
func publicRoutes(s *cellstate.State) (routes []tun.Route) {
	for _, gw := range s.Gateways {
		for _, a := range gw.Public {
			routes = append(routes, tun.Route{Dst: netip.PrefixFrom(a.Netip(), 32)})
		}
	}
	for _, v := range s.VPCs {
		for _, p := range v.CIDRs6 {
			routes = append(routes, tun.Route{Dst: p})
		}
	}
	return routes
}
