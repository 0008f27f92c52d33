package cellstate

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"hyperplane/packet"
)

// vpcScope is what is needed while the rest of the file refers to a VPC.
type vpcScope struct {
	vpc    *VPC
	holder map[packet.Addr4]string // address inside the VPC → what holds it
	nat64  map[packet.Addr4]string // NAT64 side of an instance → the instance
	ranges int                     // CIDRs the file has; those with a problem are not in vpc.CIDRs
	whole  bool                    // every subnet of the file is in vpc.Subnets
}

func (c *compiler) vpcs() {
	names, vnis := map[string]string{}, map[uint32]string{}
	for i := range c.spec.VPCs {
		spec, path := &c.spec.VPCs[i], elem("vpcs", i)
		v := &VPC{Name: spec.Name, VNI: spec.VNI}
		c.state.VPCs = append(c.state.VPCs, v)
		scope := &vpcScope{vpc: v, holder: map[packet.Addr4]string{}, nat64: map[packet.Addr4]string{}, ranges: len(spec.CIDRs)}
		if c.name(path+".name", v.Name) && c.unique(names, v.Name, path+".name", "the name of") {
			c.vpc[v.Name] = scope
		}
		if c.number(path+".vni", int(v.VNI), 1, vniMax) {
			if other, taken := vnis[v.VNI]; taken {
				c.at(path+".vni", "%d is already the vni of %s; choose another, it is what keeps the two apart", v.VNI, other)
			} else {
				vnis[v.VNI] = path
			}
		}
		c.vpcRanges(v, spec, path)
		c.vpcRanges6(v, spec, path)
		if len(v.CIDRs) > 0 {
			v.Resolver = v.ranges[0].base + 2
		}
		if c.spec.Resolver != nil {
			scope.holder[v.Resolver] = "the address of the VPC's resolver"
		}
		subnets := map[string]string{}
		for j, subnet := range within(c, path+".subnets", spec.Subnets, subnetsMax) {
			c.subnet(scope, subnet, elem(path+".subnets", j), subnets)
		}
		scope.whole = len(v.Subnets) == len(spec.Subnets)
	}
}

func (c *compiler) vpcRanges(v *VPC, spec *VPCSpec, path string) {
	if len(spec.CIDRs) == 0 {
		c.at(path+".cidrs", "is missing; write at least one IPv4 prefix like [10.0.0.0/16]")
	}
	for j, p := range within(c, path+".cidrs", spec.CIDRs, cidrsMax) {
		at := elem(path+".cidrs", j)
		if !c.prefix(at, p, cidrBitsMin, cidrBitsMax) || !c.usable(at, p) {
			continue
		}
		for _, other := range v.CIDRs {
			if p.Overlaps(other) {
				c.at(at, "%s overlaps %s of the same VPC; ranges of a VPC must be apart", p, other)
			}
		}
		v.CIDRs = append(v.CIDRs, p)
		v.ranges = append(v.ranges, makeSpan(p))
		c.cidrs.Insert(p, path)
	}
}

func (c *compiler) subnet(scope *vpcScope, spec SubnetSpec, path string, names map[string]string) {
	v := scope.vpc
	s := &Subnet{Name: spec.Name, VPC: v, CIDR: spec.CIDR}
	if c.name(path+".name", s.Name) {
		c.unique(names, s.Name, path+".name", "the name of")
	}
	// A subnet without a range takes no part in what follows.
	if !c.prefix(path+".cidr", s.CIDR, subnetBitsMin, subnetBitsMax) {
		return
	}
	inside := false
	for _, p := range v.CIDRs {
		inside = inside || p.Bits() <= s.CIDR.Bits() && p.Contains(s.CIDR.Addr())
	}
	if !inside && len(v.CIDRs) == scope.ranges {
		c.at(path+".cidr", "%s is not inside the VPC's cidrs (%s)", s.CIDR, prefixes(v.CIDRs))
	}
	for _, other := range v.Subnets {
		if other.CIDR.Overlaps(s.CIDR) {
			c.at(path+".cidr", "%s overlaps %s of subnet %q; subnets must be apart", s.CIDR, other.CIDR, other.Name)
		}
	}
	c.subnet6(s, spec, path)
	s.span = makeSpan(s.CIDR)
	s.Router = s.span.base + 1
	scope.holder[s.span.base] = "the network address of subnet " + quote(s.Name)
	scope.holder[s.Router] = "the router of subnet " + quote(s.Name)
	scope.holder[s.span.base|^s.span.mask] = "the broadcast address of subnet " + quote(s.Name)
	v.Subnets = append(v.Subnets, s)
}

// hold gives the address a of the VPC to what, and returns its subnet; or reports
// why it cannot be had.
func (c *compiler) hold(scope *vpcScope, path string, a packet.Addr4, what string) *Subnet {
	subnet := scope.vpc.Subnet(a)
	if subnet == nil && !scope.whole {
		return nil // it may be in one of those that have a problem
	}
	if subnet == nil {
		var all []netip.Prefix
		for _, s := range scope.vpc.Subnets {
			all = append(all, s.CIDR)
		}
		if len(all) == 0 {
			c.at(path, "%s is in no subnet: VPC %q has none; declare one that contains it", a, scope.vpc.Name)
		} else {
			c.at(path, "%s is in no subnet of VPC %q (%s)", a, scope.vpc.Name, prefixes(all[:min(len(all), namesShownMax)]))
		}
		return nil
	}
	if other, taken := scope.holder[a]; taken {
		c.at(path, "%s is already %s; choose another in %s", a, other, subnet.CIDR)
		return nil
	}
	scope.holder[a] = what
	return subnet
}

// routes runs when the gateways are known.
func (c *compiler) routes() {
	for i := range c.spec.VPCs {
		spec, path, v := &c.spec.VPCs[i], elem("vpcs", i), c.state.VPCs[i]
		tables, names := map[string]*bart.Table[Target]{"": localRoutes(v)}, map[string]string{}
		for j, table := range within(c, path+".route_tables", spec.RouteTables, routeTablesMax) {
			at := elem(path+".route_tables", j)
			if c.name(at+".name", table.Name) {
				c.unique(names, table.Name, at+".name", "the name of")
			}
			compiled := c.routeTable(v, table, at)
			if table.Name != "" {
				tables[table.Name] = compiled
			}
		}
		for j, subnet := range spec.Subnets[:min(len(spec.Subnets), subnetsMax)] {
			if tables[subnet.RouteTable] == nil {
				refer(c, elem(path+".subnets", j)+".route_table", subnet.RouteTable, "route table", spec.RouteTables,
					func(t RouteTableSpec) string { return t.Name })
			}
		}
		// Subnets with a bad range were left out; then there will be no State.
		if len(v.Subnets) == len(spec.Subnets) {
			for j, s := range v.Subnets {
				s.routes = tables[spec.Subnets[j].RouteTable]
			}
		}
	}
}

func localRoutes(v *VPC) *bart.Table[Target] {
	t := new(bart.Table[Target])
	for _, p := range slices.Concat(v.CIDRs, v.CIDRs6) {
		t.Insert(p, Target{Kind: RouteLocal})
	}
	return t
}

func (c *compiler) routeTable(v *VPC, spec RouteTableSpec, path string) *bart.Table[Target] {
	t := localRoutes(v)
	for i, r := range within(c, path+".routes", spec.Routes, routesMax) {
		at := elem(path+".routes", i)
		target, ok := c.target(v, r, at)
		if !c.destination(v, r, at) || !ok {
			continue
		}
		switch old, taken := t.Get(r.Destination); {
		case taken && old.Kind == RouteLocal:
			c.at(at+".destination", "%s is the VPC's own range, which is always routed locally; leave the route out", r.Destination)
		case taken:
			c.at(at+".destination", "%s already has a route in this table; keep one", r.Destination)
		default:
			t.Insert(r.Destination, target)
		}
	}
	return t
}

func (c *compiler) target(v *VPC, r RouteSpec, path string) (Target, bool) {
	var ways []string
	for _, w := range []struct {
		name  string
		given bool
	}{{"nat_gateway", r.NATGateway != ""}, {"egress_only_gateway", r.EgressOnlyGateway}, {"blackhole", r.Blackhole}} {
		if w.given {
			ways = append(ways, w.name)
		}
	}
	switch {
	case len(ways) > 1:
		c.at(path, "has both %s; keep one", strings.Join(ways, " and "))
	case r.Blackhole:
		return Target{Kind: RouteBlackhole}, true
	case r.EgressOnlyGateway:
		return Target{Kind: RouteEgress}, true
	case r.NATGateway == "":
		// A way that could not be read has been reported.
		if !c.bad[path+".nat_gateway"] && !c.bad[path+".blackhole"] && !c.bad[path+".egress_only_gateway"] {
			c.at(path, "goes nowhere; give it nat_gateway: NAME, egress_only_gateway: true or blackhole: true")
		}
	default:
		at := path + ".nat_gateway"
		switch g := c.gateway[r.NATGateway]; {
		case g == nil:
			refer(c, at, r.NATGateway, "NAT gateway", c.spec.NATGateways, func(g GatewaySpec) string { return g.Name })
		case g.VPC != v && g.VPC != nil:
			c.at(at, "%q is a NAT gateway of VPC %q; a route can only use one of its own VPC %q", g.Name, g.VPC.Name, v.Name)
		default:
			return Target{Kind: RouteNAT, Gateway: g}, true
		}
	}
	return Target{}, false
}
