package testnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/testnet/hold"
)

// HoldOptions are what Hold needs.
type HoldOptions struct {
	From     []string  // the instances that the connections come from
	IPv6     bool      // to the hosts' IPv6 addresses
	TCP, UDP int       // how many
	Commands io.Reader // lines, as hold.Client.Run takes them; its end ends the run. nil: none
	Tell     func(hold.Event)
}

// Hold opens connections from instances to all hosts of the internet and uses
// them until ctx ends or a command says so. The result is the whole run's.
// Instances without an IPv4 address reach the hosts' IPv4 addresses by NAT64.
func Hold(ctx context.Context, dir Dir, o HoldOptions) (hold.Window, error) {
	t, err := running(dir)
	if err != nil {
		return hold.Window{}, err
	}
	options := hold.Options{TCP: o.TCP, UDP: o.UDP}
	for _, name := range o.From {
		p, err := t.find(name, "instance", func(p Part) bool { return p.Role == RoleInstance })
		if err != nil {
			return hold.Window{}, err
		}
		servers, err := t.serversFor(name, o.IPv6)
		if err != nil {
			return hold.Window{}, err
		}
		if len(options.From) > 0 && !slices.Equal(servers, options.Servers) {
			return hold.Window{}, fmt.Errorf("%s and %s reach the hosts by different addresses: hold connections from one of them at a time", o.From[0], name)
		}
		options.From, options.Servers = append(options.From, p.Namespace()), servers
	}
	if len(options.From) == 0 || len(options.Servers) == 0 {
		return hold.Window{}, errors.New("want an instance to hold connections from and a host on the internet to hold them to")
	}
	raiseFileLimit()
	c, err := hold.Open(ctx, options)
	if err != nil {
		return hold.Window{}, err
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return c.Run(ctx, readLines(ctx, o.Commands), o.Tell)
}

// serversFor are the addresses by which an instance reaches the hosts.
func (t *Topology) serversFor(instance string, ipv6 bool) (list []netip.Addr, err error) {
	i := slices.IndexFunc(t.State.Instances, func(in *cellstate.Instance) bool { return in.Name == instance })
	in := t.State.Instances[i] // it is a part
	if ipv6 && !in.Has6() {
		return nil, fmt.Errorf("%s has no IPv6 address", instance)
	}
	for _, h := range t.Hosts {
		switch {
		case ipv6 && h.Address6.IsValid():
			list = append(list, h.Address6)
		case ipv6:
		case in.Addr != 0:
			list = append(list, h.Address)
		default:
			v4, _ := packet.AddrFrom(h.Address)
			if a, ok := in.VPC.NAT64.Embed(v4); ok {
				list = append(list, a.Netip())
			}
		}
	}
	return list, nil
}

// readLines reads commands; at the end of them comes stop.
func readLines(ctx context.Context, r io.Reader) <-chan string {
	if r == nil {
		return nil
	}
	out := make(chan string)
	go func() {
		put := func(line string) bool {
			select {
			case out <- line:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for in := bufio.NewScanner(r); in.Scan(); {
			if !put(in.Text()) {
				return
			}
		}
		put("stop")
	}()
	return out
}
