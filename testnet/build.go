package testnet

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"hyperplane/testnet/lab"
)

// settings are those of a part's namespace. On the underlay there is no IPv6.
func settings(r Role, dualStack bool) (list []lab.Sysctl) {
	switch r {
	case RoleRouter:
		// By ports too, or one tenant's flows would all take one edge.
		list = append(list, lab.SpreadByPorts)
		fallthrough
	case RoleEdge:
		list = append(list, lab.Forwarding...)
	case RoleInternetHost, RoleInstance:
	default:
		return nil
	}
	if !dualStack {
		return list
	}
	list = append(list, lab.IPv6...)
	switch r {
	case RoleRouter:
		list = append(list, lab.SpreadByPorts6, lab.Forwarding6)
	case RoleEdge:
		list = append(list, lab.Forwarding6)
	}
	return list
}

// network is a testnet's namespaces while they are being connected.
type network struct {
	topology *Topology
	ns       map[string]*lab.Namespace // by part
}

// build makes every namespace and link of the topology. What it made stays
// when it fails: the caller takes it down.
func build(ctx context.Context, t *Topology) error {
	n := &network{topology: t, ns: map[string]*lab.Namespace{}}
	defer n.close()
	if err := n.namespaces(ctx); err != nil {
		return err
	}
	if err := n.underlay(ctx); err != nil {
		return fmt.Errorf("underlay: %w", err)
	}
	if err := n.internet(ctx); err != nil {
		return fmt.Errorf("internet: %w", err)
	}
	return ctx.Err()
}

func (n *network) close() {
	for _, ns := range n.ns {
		ns.Close()
	}
}

// namespaces makes all of them, several at once.
func (n *network) namespaces(ctx context.Context) error {
	var mu sync.Mutex
	return lab.Each(ctx, n.topology.Parts(), func(p Part) error {
		ns, err := lab.Create(p.Namespace(), settings(p.Role, n.topology.dualStack())...)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		n.ns[p.Name] = ns
		return nil
	})
}

// underlay connects every part that is on it.
func (n *network) underlay(ctx context.Context) error {
	var members []lab.Member
	for _, p := range n.topology.underlay() {
		at := netip.PrefixFrom(p.Address, n.topology.Underlay.Bits())
		members = append(members, lab.Member{Name: p.Name, NS: n.ns[p.Name], Address: at})
	}
	return lab.Underlay(ctx, n.ns[underlayName], n.topology.State.UnderlayMTU, false, members)
}
