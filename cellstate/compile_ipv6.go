package cellstate

import (
	"net/netip"

	"hyperplane/packet"
	"hyperplane/shard"
)

// vpcRanges6 compiles a VPC's IPv6 ranges. They are apart from those of all other VPCs:
// nothing translates them on their way to the internet.
func (c *compiler) vpcRanges6(v *VPC, spec *VPCSpec, path string) {
	nat64 := packet.WellKnownPrefix64
	if spec.NAT64Prefix != nil {
		nat64 = *spec.NAT64Prefix
	}
	var ok bool
	if v.NAT64, ok = packet.NewPrefix64(nat64, true); !ok || nat64 != nat64.Masked() { // to private addresses too, as AWS's gateways do
		c.at(path+".nat64_prefix", "%s is no prefix for IPv4 addresses; write one of 32, 40, 48, 56, 64 or 96 bits like 64:ff9b::/96 (RFC 6052)", nat64)
	}
	for j, p := range within(c, path+".ipv6_cidrs", spec.IPv6CIDRs, cidrsMax) {
		at := elem(path+".ipv6_cidrs", j)
		if !c.prefix6(at, p, cidr6BitsMin, cidr6BitsMax) || !c.usable(at, p) {
			continue
		}
		if nat64.Overlaps(p) {
			c.at(at, "%s overlaps the VPC's nat64_prefix %s; one address would mean two things", p, nat64)
			continue
		}
		if c.state.ranges6.OverlapsPrefix(p) {
			c.at(at, "%s overlaps another IPv6 range of the cell; every range belongs to one VPC", p)
			continue
		}
		v.CIDRs6 = append(v.CIDRs6, p)
		c.state.ranges6.Insert(p, v)
	}
}

// subnet6 compiles a subnet's IPv6 range.
func (c *compiler) subnet6(s *Subnet, spec SubnetSpec, path string) {
	s.DNS64 = spec.DNS64
	if spec.IPv6CIDR == nil {
		if s.DNS64 {
			c.at(path+".dns64", "is true, but the subnet has no IPv6 addresses that would need it; give it an ipv6_cidr")
		}
		return
	}
	p, at := *spec.IPv6CIDR, path+".ipv6_cidr"
	if !c.prefix6(at, p, subnet6Bits, subnet6Bits) {
		return
	}
	if of, ok := c.state.ranges6.Lookup(p.Addr()); !ok || of != s.VPC {
		c.at(at, "%s is not inside the VPC's ipv6_cidrs (%s)", p, prefixes(s.VPC.CIDRs6))
		return
	}
	for _, other := range s.VPC.Subnets {
		if other.CIDR6 == p {
			c.at(at, "%s is already that of subnet %q; subnets must be apart", p, other.Name)
			return
		}
	}
	s.CIDR6 = p
	s.Router6, _ = packet.Addr6From(p.Addr().Next())
}

// destination checks where a route leads against the way that it takes.
func (c *compiler) destination(v *VPC, r RouteSpec, path string) bool {
	at, d := path+".destination", r.Destination
	if !d.IsValid() || !d.Addr().Is6() {
		if r.EgressOnlyGateway && d.IsValid() {
			c.at(at, "%s is IPv4, which has no egress-only gateway; write nat_gateway: NAME", d)
			return false
		}
		return c.prefix(at, d, 0, 32)
	}
	if !c.prefix6(at, d, 0, 128) {
		return false
	}
	nat64 := v.NAT64.Netip()
	translated := d.Bits() >= nat64.Bits() && nat64.Contains(d.Addr())
	if r.NATGateway != "" && !translated {
		c.at(at, "%s is not inside the VPC's NAT64 prefix; a NAT gateway carries nothing else of IPv6: write %s, or egress_only_gateway: true", d, nat64)
		return false
	}
	if r.EgressOnlyGateway && translated {
		c.at(at, "%s is inside the VPC's NAT64 prefix, which means IPv4 addresses; write nat_gateway: NAME", d)
		return false
	}
	return true
}

// instance6 gives an instance its IPv6 address, and what it needs to speak to IPv4.
func (c *compiler) instance6(scope *vpcScope, in *Instance, addr netip.Addr, path string) {
	at := path + ".ipv6_address"
	a, ok := packet.Addr6From(addr)
	if !ok || addr.Zone() != "" {
		c.at(at, "%s is not an IPv6 address; write one like 2001:db8:1::10", addr)
		return
	}
	subnet := scope.vpc.subnet6(addr)
	switch {
	case subnet == nil:
		if scope.whole {
			c.at(at, "%s is in no subnet of VPC %q; give one an ipv6_cidr that contains it", addr, scope.vpc.Name)
		}
		return
	case in.Subnet != nil && in.Subnet != subnet:
		c.at(at, "%s is in subnet %q, and the instance's address in %q; both have to be of one subnet", addr, subnet.Name, in.Subnet.Name)
		return
	case a == subnet.Router6 || addr == subnet.CIDR6.Addr():
		c.at(at, "%s is that of the router of subnet %q; choose another", addr, subnet.Name)
		return
	}
	if other := c.state.instance6[a]; other != nil {
		c.at(at, "%s is already the address of instance %q; choose another", addr, other.Name)
		return
	}
	c.state.instance6[a] = in
	in.Addr6, in.Subnet = a, subnet
	c.nat64(scope, in, at)
	if in.MTU < packet.IPv6MTUMin {
		c.at(path+".mtu", "is %d; an instance with an IPv6 address needs %d or more (RFC 8200, section 5)", in.MTU, packet.IPv6MTUMin)
	}
	if c.state.InternetMTU < packet.IPv6MTUMin {
		c.at(at, "needs an internet.mtu of %d or more (RFC 8200, section 5); it is %d", packet.IPv6MTUMin, c.state.InternetMTU)
	}
}

// nat64 makes the instance that stands for one with an IPv6 address where it speaks to
// IPv4. Its address is a hash of the IPv6 address, in 240.0.0.0/4, which nobody else may
// have: so all nodes know it, whatever instances come and go, and flows stay theirs.
func (c *compiler) nat64(scope *vpcScope, in *Instance, path string) {
	const first, count = 240 << 24, 15 << 24 // not 255.0.0.0/8
	addr := packet.Addr4(first + shard.NodeID(in.Addr6.String())%count)
	if other, taken := scope.nat64[addr]; taken {
		c.at(path, "%s has the same NAT64 side (%s) as instance %q, by chance; choose another address", in.Addr6, addr, other)
		return
	}
	scope.nat64[addr] = in.Name
	in.NAT64 = &Instance{
		Name: in.Name, VPC: in.VPC, Addr: addr, Of: in,
		MTU: in.MTU - (packet.IPv6HeaderLen - packet.IPv4HeaderLen),
	}
}

// resolver compiles whom to ask for names.
func (c *compiler) resolver() {
	if c.spec.Resolver == nil {
		for i, v := range c.spec.VPCs {
			for j, s := range v.Subnets {
				if s.DNS64 {
					c.at(elem(elem("vpcs", i)+".subnets", j)+".dns64", "is true, but there is no resolver to do it; declare one: resolver: {upstreams: [ADDRESS]}")
				}
			}
		}
		return
	}
	const path = "resolver.upstreams"
	list := within(c, path, c.spec.Resolver.Upstreams, resolversMax)
	if len(list) == 0 {
		c.at(path, "is missing; write 1 to %d addresses of DNS servers that the hosts reach", resolversMax)
	}
	for i, a := range list {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			c.at(elem(path, i), "is %s; write the address of a DNS server", a)
			continue
		}
		c.state.Resolvers = append(c.state.Resolvers, a)
	}
}

// subnet6 returns the subnet whose IPv6 range contains a, or nil.
func (v *VPC) subnet6(a netip.Addr) *Subnet {
	for _, s := range v.Subnets {
		if s.CIDR6.IsValid() && s.CIDR6.Contains(a) {
			return s
		}
	}
	return nil
}

// addressed are the instances that have an IPv4 address, and the NAT64 sides of those
// that have an IPv6 address.
func (v *VPC) addressed() (list []*Instance) {
	for _, in := range v.Instances {
		if in.Addr != 0 {
			list = append(list, in)
		}
		if in.NAT64 != nil {
			list = append(list, in.NAT64)
		}
	}
	return list
}
