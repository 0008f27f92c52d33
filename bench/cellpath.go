package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"hyperplane/cellstate"
	"hyperplane/testnet/lab"
)

// buildCellChain is Hyperplane as it runs in a cell: three processes on three
// machines, GENEVE between them.
//
//	client ── TUN ── nitro ══ node ══ blackfoot ── TUN, veth ── server
func buildCellChain(ctx context.Context, l *lab.Lab, c *Config) (*path, error) {
	n, err := namespaces(l, "hc", "client", "host", "node", "edge", "server")
	if err != nil {
		return nil, err
	}
	client, host, node, edge, server := n[0], n[1], n[2], n[3], n[4]
	if err := attachServer(c, edge, server); err != nil {
		return nil, err
	}
	if err := joinUnderlay(ctx, l, c, "hc", host, node, edge); err != nil {
		return nil, err
	}
	p := &path{client: client, server: server}
	state, err := writeState(l, c, "hc", client.Name)
	if err != nil {
		return nil, err
	}
	// From the internet's edge inwards, so that nobody sends to a closed port.
	for _, r := range []struct {
		at         *lab.Namespace
		kind, name string
	}{{edge, "blackfoot", "edge-1"}, {node, "node", "node-1"}, {host, "nitro", "host-1"}} {
		if err := p.start(ctx, l, c, r.at, r.kind, "--name", r.name, "--state", state); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// buildGateway is Hyperplane on one box: all roles in one process, TUN to TUN.
//
//	client ── TUN ── gateway ── TUN, veth ── server
func buildGateway(ctx context.Context, l *lab.Lab, c *Config) (*path, error) {
	n, err := namespaces(l, "hg", "client", "gateway", "server")
	if err != nil {
		return nil, err
	}
	client, gateway, server := n[0], n[1], n[2]
	if err := attachServer(c, gateway, server); err != nil {
		return nil, err
	}
	p := &path{client: client, server: server}
	state, err := writeState(l, c, "hg", client.Name)
	if err != nil {
		return nil, err
	}
	return p, p.start(ctx, l, c, gateway, "gateway", "--state", state)
}

// start runs one of our roles and waits until it serves.
func (p *path) start(ctx context.Context, l *lab.Lab, c *Config, at *lab.Namespace, args ...string) error {
	r, err := l.Start(ctx, at, lab.Command{Path: c.Binary, Args: args, Notify: l.File(args[0] + ".notify")})
	if err != nil {
		return err
	}
	p.roles = append(p.roles, r)
	return nil
}

// writeState writes the state file that a subject's roles read.
func writeState(l *lab.Lab, c *Config, subject, clientNetNS string) (string, error) {
	b, err := cellSpec(c, clientNetNS).Marshal()
	if err != nil {
		return "", fmt.Errorf("state file: %w", err)
	}
	file := l.File(subject + "-state.yaml")
	return file, os.WriteFile(file, b, 0o600)
}

// cellSpec is the smallest cell: one tenant, one instance, one of each role.
func cellSpec(c *Config, clientNetNS string) *cellstate.Spec {
	mtu := c.InstanceMTU
	return &cellstate.Spec{
		Version:  1,
		Cell:     "bench",
		Underlay: &cellstate.UnderlaySpec{MTU: c.UnderlayMTU},
		Internet: &cellstate.InternetSpec{MTU: internetMTU(c)},
		Hosts:    []cellstate.PeerSpec{{Name: "host-1", Address: hostAddr}},
		Nodes:    []cellstate.NodeSpec{{Name: "node-1", Address: nodeAddr}},
		Edges:    []cellstate.PeerSpec{{Name: "edge-1", Address: edgeAddr}},
		VPCs: []cellstate.VPCSpec{{
			Name: "blue", VNI: 100, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			RouteTables: []cellstate.RouteTableSpec{{
				Name: "main", Routes: []cellstate.RouteSpec{{Destination: lab.Anywhere, NATGateway: "nat-blue"}},
			}},
			Subnets: []cellstate.SubnetSpec{
				{Name: "private", CIDR: clientNet, RouteTable: "main"},
				{Name: "public", CIDR: netip.MustParsePrefix("10.0.0.0/24")},
			},
		}},
		NATGateways: []cellstate.GatewaySpec{{
			Name: "nat-blue", Service: 1, VPC: "blue", Address: netip.MustParseAddr("10.0.0.5"),
			PublicAddresses: []netip.Addr{publicAddr},
		}},
		Instances: []cellstate.InstanceSpec{{
			Name: "client", VPC: "blue", Address: new(clientAddr), Host: "host-1", MTU: &mtu, NetNS: clientNetNS,
		}},
	}
}
