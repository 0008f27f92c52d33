package cellstate

import (
	"net/netip"
	"strings"
	"testing"

	"hyperplane/packet"
)

const dualStack = `
version: 1
cell: demo
resolver: {upstreams: [192.0.2.53]}
nodes: [{name: node-1, address: 172.31.0.11}]
hosts: [{name: host-1, address: 172.31.0.31}, {name: host-2, address: 172.31.0.32}]
nat_gateways: [{name: nat, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}]
vpcs:
  - name: blue
    vni: 100
    cidrs: [10.0.0.0/16]
    ipv6_cidrs: ["2001:db8:1::/56"]
    route_tables:
      - name: main
        routes:
          - {destination: 0.0.0.0/0, nat_gateway: nat}
          - {destination: "64:ff9b::/96", nat_gateway: nat}
          - {destination: "::/0", egress_only_gateway: true}
          - {destination: "2001:db8:dead::/48", blackhole: true}
    subnets:
      - {name: a, cidr: 10.0.0.0/24, ipv6_cidr: "2001:db8:1:1::/64", dns64: true, route_table: main}
instances:
  - {name: both, vpc: blue, address: 10.0.0.10, ipv6_address: "2001:db8:1:1::10", host: host-1}
  - {name: six, vpc: blue, ipv6_address: "2001:db8:1:1::11", host: host-2, mtu: 1400}
  - {name: four, vpc: blue, address: 10.0.0.12, host: host-2}
`

func addr6(s string) packet.Addr6 {
	a, ok := packet.Addr6From(netip.MustParseAddr(s))
	if !ok {
		panic(s)
	}
	return a
}

func TestIPv6LookUps(t *testing.T) {
	s, err := Parse("dual.yaml", []byte(dualStack))
	if err != nil {
		t.Fatal(err)
	}
	vpc := s.VPC(100)
	subnet := vpc.Subnets[0]
	for dst, want := range map[string]RouteKind{
		"2001:db8:1:7::1":    RouteLocal,
		"64:ff9b::203.0.1.2": RouteNAT,
		"2606:4700::1":       RouteEgress,
		"2001:db8:dead::1":   RouteBlackhole,
	} {
		if got := subnet.Route6(addr6(dst)).Kind; got != want {
			t.Errorf("route to %s: %v, want %v", dst, got, want)
		}
	}
	if got := subnet.Router6; got != addr6("2001:db8:1:1::1") {
		t.Errorf("router %v", got)
	}
	both, six, four := s.Instances[0], s.Instances[1], s.Instances[2]
	if s.Instance6(addr6("2001:db8:1:1::10")) != both || s.Instance6(addr6("2001:db8:1:1::11")) != six || s.Instance6(addr6("2001:db8:1:1::12")) != nil {
		t.Error("instances are not found by their IPv6 addresses")
	}
	if !s.Contains6(addr6("2001:db8:1:ff::1")) || s.Contains6(addr6("2001:db8:2::1")) {
		t.Error("ranges of the cell")
	}
	if vpc.Instance(0) != nil || vpc.Instance(four.Addr) != four || four.NAT64 != nil || four.Has6() || !six.Has6() {
		t.Error("families are mixed up")
	}
	if vpc.Resolver.String() != "10.0.0.2" || ResolverLinkLocal.String() != "169.254.169.253" || Resolver6 != addr6("fd00:ec2::253") || vpc.IsResolver(0) {
		t.Errorf("the resolvers are %v, %v, %v", vpc.Resolver, ResolverLinkLocal, Resolver6)
	}
	if subnet != six.Subnet || len(s.InstancesOn("host-2")) != 2 {
		t.Error("an instance without an IPv4 address is not placed")
	}
}

// The NAT64 side of an instance is found by its address, leads back, and depends on the
// IPv6 address alone: not on what else there is, nor on where the instance runs.
func TestNAT64Side(t *testing.T) {
	s, err := Parse("dual.yaml", []byte(dualStack))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Parse("alone.yaml", []byte(strings.ReplaceAll(strings.Replace(dualStack, "  - {name: both, vpc: blue, address: 10.0.0.10, ipv6_address: \"2001:db8:1:1::10\", host: host-1}\n", "", 1), "host: host-2, mtu: 1400", "host: host-1")))
	if err != nil {
		t.Fatal(err)
	}
	six, moved := s.Instances[1], alone.Instances[0]
	side := s.VPC(100).Instance(six.NAT64.Addr)
	if side == nil || side.Of != six || side != six.NAT64 || side.Host != six.Host || side.Subnet != six.Subnet || side.VPC != six.VPC {
		t.Fatalf("the side of %+v is %+v", six, side)
	}
	if side.Addr>>28 != 0xf || side.Addr>>24 == 0xff {
		t.Errorf("%v is not in 240.0.0.0/4, or may be a broadcast", side.Addr)
	}
	if side.MTU != 1380 {
		t.Errorf("MTU %d: a packet of it does not become one of 1400 bytes", side.MTU)
	}
	if moved.Name != "six" || moved.NAT64.Addr != side.Addr {
		t.Errorf("%s has %v, and had %v", moved.Name, moved.NAT64.Addr, side.Addr)
	}
	if s.Instances[0].NAT64.Addr == side.Addr {
		t.Error("two instances have one side")
	}
}
