package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"hyperplane/cellstate"
	"hyperplane/packet"
)

func newWhoseCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "whose ADDRESS:PORT",
		Short: "Say which instance has a public address and port, by the state file alone",
		Long: `Say which instance has a public address and port for itself, by the state file
alone: where the gateway has port_blocks (RFC 7422), or forwards the port. So no
log of flows has to be kept to answer who was behind it, but the state files.

Other ports are shared; while a flow lives, the nodes' /flows names it.`,
		Example: "  hyperplane whose --state cell.yaml 198.51.100.1:4711",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := netip.ParseAddrPort(args[0])
			if err != nil {
				return wrongUse(cmd, fmt.Errorf("%q: want ADDRESS:PORT", args[0]))
			}
			data, err := cellstate.Read(state)
			if err != nil {
				return err
			}
			s, err := cellstate.Parse(state, data)
			if err != nil {
				return err
			}
			lines, err := whose(s, end)
			if err != nil {
				return err
			}
			for _, l := range lines {
				fmt.Fprintln(cmd.OutOrStdout(), l)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "the state file that was in use (required)")
	_ = cmd.MarkFlagRequired("state")
	return cmd
}

// whose lists who has a public end: of TCP and UDP two instances may, by port forwards.
func whose(s *cellstate.State, end netip.AddrPort) (lines []string, err error) {
	public, ok := packet.AddrFrom(end.Addr())
	if !ok {
		return nil, errors.New("public addresses are IPv4: an IPv6 address is its instance's own")
	}
	gw := s.GatewayByPublic(public)
	if gw == nil {
		return nil, fmt.Errorf("%v is no public address of cell %s in state version %d", public, s.Cell, s.Version)
	}
	say := func(inside packet.Addr4, how string) {
		name := "no instance"
		if in := gw.VPC.Instance(inside); in != nil {
			name = "instance " + in.Name
		}
		lines = append(lines, fmt.Sprintf("%s, %v of VPC %s by %s (%s)", name, inside, gw.VPC.Name, gw.Name, how))
	}
	for _, p := range []struct {
		number uint8
		name   string
	}{{packet.ProtoTCP, "TCP"}, {packet.ProtoUDP, "UDP"}} {
		if f := gw.ForwardTo(p.number, public, end.Port()); f != nil {
			say(f.Inside, fmt.Sprintf("%s port forward from %d", p.name, f.InsidePort))
		}
	}
	if inside, ok := gw.Holder(public, end.Port()); ok {
		_, first, _ := gw.Block(inside)
		from := cellstate.PortBlockFirst + int(first)*cellstate.PortBlockLen
		say(inside, fmt.Sprintf("ports %d to %d", from, from+gw.PortBlocks.Blocks*cellstate.PortBlockLen-1))
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s shares the ports of %v among its instances: ask its nodes' /flows while the flow lives, or give the gateway port_blocks", gw.Name, public)
	}
	return lines, nil
}
