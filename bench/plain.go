package bench

import (
	"context"
	"net/netip"

	"hyperplane/testnet/lab"
)

// buildPlain is the kernel at its best: one hop, one masquerade rule.
func buildPlain(_ context.Context, l *lab.Lab, c *Config) (*path, error) {
	n, err := namespaces(l, "nft", "client", "gateway", "server")
	if err != nil {
		return nil, err
	}
	client, gateway, server := n[0], n[1], n[2]
	if err := attachClient(c, client, gateway); err != nil {
		return nil, err
	}
	if err := attachServer(c, gateway, server); err != nil {
		return nil, err
	}
	if err := gateway.SourceNAT("wan", netip.Addr{}); err != nil {
		return nil, err
	}
	return &path{client: client, server: server}, nil
}
