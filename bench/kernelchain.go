package bench

import (
	"context"
	"net/netip"

	"hyperplane/testnet/lab"
)

// buildKernelChain does with VXLAN and nftables what Nitro, a node and
// Blackfoot do: encapsulate, translate, decapsulate at the internet's edge.
//
//	client ── host ══ vx100 ══ gateway ══ vx200 ══ edge ── server
//	          172.31.0.31      .11 (snat)          .21
func buildKernelChain(ctx context.Context, l *lab.Lab, c *Config) (*path, error) {
	n, err := namespaces(l, "kc", "client", "host", "gateway", "edge", "server")
	if err != nil {
		return nil, err
	}
	client, host, gateway, edge, server := n[0], n[1], n[2], n[3], n[4]
	if err := attachClient(c, client, host); err != nil {
		return nil, err
	}
	if err := attachServer(c, edge, server); err != nil {
		return nil, err
	}
	if err := joinUnderlay(ctx, l, c, "kc", host, gateway, edge); err != nil {
		return nil, err
	}
	inner := netip.MustParsePrefix
	for _, t := range []lab.Tunnel{
		{VNI: 100, Link: "vx100", MTU: c.InstanceMTU,
			A: lab.TunnelEnd{NS: host, Outer: hostAddr, Inner: inner("192.168.100.1/30")},
			B: lab.TunnelEnd{NS: gateway, Outer: nodeAddr, Inner: inner("192.168.100.2/30")}},
		{VNI: 200, Link: "vx200", MTU: c.InstanceMTU,
			A: lab.TunnelEnd{NS: gateway, Outer: nodeAddr, Inner: inner("192.168.200.1/30")},
			B: lab.TunnelEnd{NS: edge, Outer: edgeAddr, Inner: inner("192.168.200.2/30")}},
	} {
		if err := lab.ConnectTunnel(t); err != nil {
			return nil, err
		}
	}
	for _, r := range []struct {
		at  *lab.Namespace
		to  netip.Prefix
		hop lab.Hop
	}{
		{host, lab.Anywhere, lab.Hop{Link: "vx100", Via: inner("192.168.100.2/30").Addr()}},
		{gateway, clientNet, lab.Hop{Link: "vx100", Via: inner("192.168.100.1/30").Addr()}},
		{gateway, lab.Anywhere, lab.Hop{Link: "vx200", Via: inner("192.168.200.2/30").Addr()}},
		{edge, lab.Single(publicAddr), lab.Hop{Link: "vx200", Via: inner("192.168.200.1/30").Addr()}},
	} {
		if err := r.at.Route(r.to, r.hop); err != nil {
			return nil, err
		}
	}
	// The gateway owns the public address: what it did not translate ends there.
	if err := gateway.Address("lo", lab.Single(publicAddr)); err != nil {
		return nil, err
	}
	if err := gateway.SourceNAT("vx200", publicAddr); err != nil {
		return nil, err
	}
	return &path{client: client, server: server}, nil
}

// joinUnderlay connects a chain's three members to an underlay of their own.
func joinUnderlay(ctx context.Context, l *lab.Lab, c *Config, subject string, host, node, edge *lab.Namespace) error {
	bridge, err := l.Namespace(subject + "-underlay")
	if err != nil {
		return err
	}
	return lab.Underlay(ctx, bridge, c.UnderlayMTU, c.Cut, []lab.Member{
		{Name: "host", NS: host, Address: in24(hostAddr)},
		{Name: "node", NS: node, Address: in24(nodeAddr)},
		{Name: "edge", NS: edge, Address: in24(edgeAddr)},
	})
}
