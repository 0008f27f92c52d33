package bench

import (
	"context"
	"net/netip"

	"hyperplane/testnet/lab"
)

// subject is one path to be measured.
type subject struct {
	name  string
	title string
	build func(ctx context.Context, l *lab.Lab, c *Config) (*path, error)
}

var subjects = []subject{
	{"nftables", "nftables masquerade between two veth pairs", buildPlain},
	{"hyperplane-gateway", "all of Hyperplane's roles in one process between TUNs", buildGateway},
	{"kernel-chain", "VXLAN, nftables snat, VXLAN in the kernel", buildKernelChain},
	{"hyperplane-chain", "nitro, node and blackfoot as three processes", buildCellChain},
}

// SubjectNames lists what can be measured.
func SubjectNames() (names []string) {
	for _, s := range subjects {
		names = append(names, s.name)
	}
	return names
}

// path is a subject that is set up: a client that reaches a server over it.
type path struct {
	client, server *lab.Namespace
	roles          []*lab.Process // of ours, which have to stay alive
}

// alive returns why the path cannot carry anything any more.
func (p *path) alive() error {
	for _, r := range p.roles {
		if err := r.Ended(); err != nil {
			return err
		}
	}
	return nil
}

// The same addresses in every subject, so that nothing differs but the path.
var (
	clientNet  = netip.MustParsePrefix("10.0.1.0/24")
	clientAddr = netip.MustParseAddr("10.0.1.10")
	routerAddr = netip.MustParseAddr("10.0.1.1") // the client's next hop
	publicAddr = netip.MustParseAddr("198.51.100.1")
	serverAddr = netip.MustParseAddr("203.0.113.10")
	uplinkAddr = netip.MustParseAddr("203.0.113.1") // the server's next hop

	// In the underlay, for VXLAN and GENEVE alike.
	hostAddr = netip.MustParseAddr("172.31.0.31")
	nodeAddr = netip.MustParseAddr("172.31.0.11")
	edgeAddr = netip.MustParseAddr("172.31.0.21")
)

func in24(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 24) }

// attachClient puts a client on a veth behind its router.
func attachClient(c *Config, client, router *lab.Namespace) error {
	err := lab.Connect(
		lab.End{NS: client, Link: "eth0", Address: in24(clientAddr)},
		lab.End{NS: router, Link: "lan", Address: in24(routerAddr)}, c.InstanceMTU)
	if err != nil {
		return err
	}
	return client.Route(lab.Anywhere, lab.Hop{Link: "eth0", Via: routerAddr})
}

// attachServer puts a server on a veth behind the path's last hop.
func attachServer(c *Config, last, server *lab.Namespace) error {
	err := lab.Connect(
		lab.End{NS: last, Link: "wan", Address: in24(uplinkAddr)},
		lab.End{NS: server, Link: "eth0", Address: in24(serverAddr)}, internetMTU(c))
	if err != nil {
		return err
	}
	return server.Route(lab.Anywhere, lab.Hop{Link: "eth0", Via: uplinkAddr})
}

// internetMTU lets the instances' packets through whole.
func internetMTU(c *Config) int { return max(1500, c.InstanceMTU) }

// namespaces makes several, the first and the last of which do not forward.
func namespaces(l *lab.Lab, subject string, roles ...string) ([]*lab.Namespace, error) {
	var all []*lab.Namespace
	for i, r := range roles {
		var settings []lab.Sysctl
		if i > 0 && i < len(roles)-1 {
			settings = lab.Forwarding
		}
		n, err := l.Namespace(subject+"-"+r, settings...)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}
