package main

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"hyperplane/cellstate"
	"hyperplane/nitrosim"
	"hyperplane/packet"
	"hyperplane/resolver"
	"hyperplane/telemetry"
	"hyperplane/tun"
)

// resolverMTU is what every instance with IPv6 takes.
const resolverMTU = packet.IPv6MTUMin

// vpcResolver is a VPC's resolver: a server whose sockets are in a network namespace of
// their own, with a device through which only the VPC's instances come. So it has the
// addresses that it has in every VPC, and the kernel's TCP. It asks from the namespace of
// this process.
type vpcResolver struct {
	server *resolver.Server
	device tun.Device
	scope  atomic.Pointer[resolverScope]
}

// resolverScope is whose queries are answered.
type resolverScope struct {
	state *cellstate.State
	vpc   *cellstate.VPC
}

func openResolver(s *cellstate.State, vpc *cellstate.VPC) (nitrosim.Resolver, error) {
	r := &vpcResolver{}
	r.Apply(s, vpc)
	var upstreams []netip.AddrPort
	for _, a := range s.Resolvers {
		upstreams = append(upstreams, netip.AddrPortFrom(a, 53))
	}
	var err error
	if r.server, err = resolver.New(upstreams, r.settings); err != nil {
		return nil, err
	}
	if err := r.listen([]netip.Addr{vpc.Resolver.Netip(), cellstate.ResolverLinkLocal.Netip(), cellstate.Resolver6.Netip()}); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// listen makes the namespace and serves on port 53 of these addresses in it.
func (r *vpcResolver) listen(addrs []netip.Addr) error {
	ns, err := tun.NewPrivateNetNS()
	if err != nil {
		return err
	}
	defer ns.Close() // it lives as long as the device
	cfg := tun.Config{
		Name: "dns0", MTU: resolverMTU, NetNS: ns.Name,
		Routes: []tun.Route{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}, {Dst: netip.PrefixFrom(netip.IPv6Unspecified(), 0)}},
	}
	for _, a := range addrs {
		cfg.Addresses = append(cfg.Addresses, netip.PrefixFrom(a, a.BitLen()))
	}
	devices, err := tun.Open(cfg)
	if err != nil {
		return err
	}
	r.device = devices[0]
	return tun.InNetNS(ns.Name, func() error {
		for _, a := range addrs {
			at := netip.AddrPortFrom(a, 53).String()
			packets, err := net.ListenPacket("udp", at)
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			go r.server.ServeUDP(packets) // ends with the server
			streams, err := net.Listen("tcp", at)
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			go r.server.ServeTCP(streams)
		}
		return nil
	})
}

// settings says of a client whether it is served, and whether it needs DNS64.
func (r *vpcResolver) settings(client netip.Addr) (d resolver.DNS64, served bool) {
	scope := r.scope.Load()
	var in *cellstate.Instance
	if a, ok := packet.Addr6From(client); ok {
		in = scope.state.Instance6(a)
	} else if a, ok := packet.AddrFrom(client); ok {
		in = scope.vpc.Instance(a)
	}
	if in == nil || in.VPC != scope.vpc {
		return d, false
	}
	if in.Subnet.DNS64 {
		d.Prefix = scope.vpc.NAT64
	}
	return d, true
}

// Apply implements nitrosim.Resolver.
func (r *vpcResolver) Apply(s *cellstate.State, vpc *cellstate.VPC) {
	r.scope.Store(&resolverScope{s, vpc})
}

// Device implements nitrosim.Resolver.
func (r *vpcResolver) Device() tun.Device { return r.device }

// Metrics implements nitrosim.Resolver.
func (r *vpcResolver) Metrics() []telemetry.Metric {
	s := r.server.Stats()
	return resolver.Metrics(&s)
}

// Close implements nitrosim.Resolver.
func (r *vpcResolver) Close() {
	_ = r.server.Close()
	if r.device != nil {
		r.device.Close()
	}
}
