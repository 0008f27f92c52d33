package main

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/nitrosim"
	"hyperplane/tun"
)

func newNitroCommand() *cobra.Command {
	var flags roleFlags
	cmd := &cobra.Command{
		Use:     "nitro",
		Short:   "Run a host's Nitro: the interfaces of its instances",
		Example: "  hyperplane nitro --name host-1 --state cell.yaml --admin 127.0.0.1:9600",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runNitro(cmd.Context(), flags) },
	}
	flags.register(cmd, "host")
	return cmd
}

func runNitro(ctx context.Context, flags roleFlags) error {
	return runRole(ctx, "nitro", flags, func(r *role, s *cellstate.State) error {
		self, err := find(s.Hosts, "host", flags.name)
		if err != nil {
			return err
		}
		conn, others, err := r.listenUDP(self.Addr, s)
		if err != nil {
			return err
		}
		w, err := nitrosim.Attach(r.loop, nitrosim.New(flags.name, freshSeed()), conn, openInstance, others...)
		if err != nil {
			return err
		}
		w.OpenResolvers(openResolver)
		r.closers = append(r.closers, w.Close)
		r.member, r.again = w, r.unlessComplete(w)
		return nil
	})
}

// unlessComplete asks the worker, on its loop, whether an interface is missing.
func (r *role) unlessComplete(w *nitrosim.Worker) func() bool {
	return func() (missing bool) {
		_ = r.loop.Do(context.Background(), func() { missing = !w.Complete() }) // fails only when the loop has ended
		return missing
	}
}

// openInstance opens an instance's interface as a VPC presents it: the instance's
// addresses, and default routes, of IPv4 by the subnet's router.
func openInstance(in *cellstate.Instance) (tun.Device, error) {
	cfg := tun.Config{Name: in.Device, MTU: in.MTU, NetNS: in.NetNS}
	if in.Addr != 0 {
		cfg.Addresses = append(cfg.Addresses, netip.PrefixFrom(in.Addr.Netip(), in.Subnet.CIDR.Bits()))
		cfg.Routes = append(cfg.Routes, tun.Route{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: in.Subnet.Router.Netip()})
	}
	if in.Has6() {
		cfg.Addresses = append(cfg.Addresses, netip.PrefixFrom(in.Addr6.Netip(), in.Subnet.CIDR6.Bits()))
		cfg.Routes = append(cfg.Routes, tun.Route{Dst: netip.PrefixFrom(netip.IPv6Unspecified(), 0)})
	}
	devices, err := tun.Open(cfg)
	if err != nil {
		return nil, err
	}
	return devices[0], nil
}
