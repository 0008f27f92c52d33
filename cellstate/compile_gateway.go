package cellstate

import (
	"slices"
	"strings"
	"time"

	"hyperplane/packet"
)

func (c *compiler) gateways() {
	names, services, publics := map[string]string{}, map[uint32]string{}, map[packet.Addr4]string{}
	for i := range c.spec.NATGateways {
		spec, path := &c.spec.NATGateways[i], elem("nat_gateways", i)
		g := &NATGateway{Name: spec.Name, Service: spec.Service}
		c.state.Gateways = append(c.state.Gateways, g)
		if c.name(path+".name", g.Name) && c.unique(names, g.Name, path+".name", "the name of") {
			c.gateway[g.Name] = g
		}
		if c.number(path+".service", int(g.Service), 1, 1<<32-1) {
			if other, taken := services[g.Service]; taken {
				c.at(path+".service", "%d is already the service of %s; choose another", g.Service, other)
			} else {
				services[g.Service] = path
			}
		}
		private, ok := c.addr(path+".address", spec.Address)
		g.Private = private
		if scope := c.vpc[spec.VPC]; scope == nil {
			refer(c, path+".vpc", spec.VPC, "VPC", c.spec.VPCs, func(v VPCSpec) string { return v.Name })
		} else {
			g.VPC = scope.vpc
			if ok {
				c.hold(scope, path+".address", private, "the address of NAT gateway "+quote(g.Name))
			}
		}
		c.publicAddresses(g, spec, path, publics)
		c.drainingAddresses(g, spec, path+".draining_addresses")
		profile := c.behaviour(g, spec, path)
		g.Timeouts = c.timeouts(profile, spec.Timeouts, path+".timeouts")
		g.FlowsPerDestination = or(spec.FlowsPerDestination, FlowsPerDestinationMax)
		c.number(path+".flows_per_destination", g.FlowsPerDestination, 1, FlowsPerDestinationMax)
		if spec.FlowsPerInstance != nil {
			g.FlowsPerInstance = *spec.FlowsPerInstance
			c.number(path+".flows_per_instance", g.FlowsPerInstance, 1, flowsPerInstanceMax)
		}
		c.portBlocks(g, spec, path)
		g.PortParity, g.ResetOnExpiry = spec.PortParity, spec.ResetOnExpiry
		if len(c.spec.Nodes) == 0 && !c.bad["nodes"] {
			c.at(path, "has no node to serve it; declare at least one under nodes")
		}
	}
}

func (c *compiler) publicAddresses(g *NATGateway, spec *GatewaySpec, path string, publics map[packet.Addr4]string) {
	path += ".public_addresses"
	if len(spec.PublicAddresses) == 0 {
		c.at(path, "is missing; write 1 to %d IPv4 addresses like [198.51.100.1]", publicsMax)
	}
	for i, raw := range within(c, path, spec.PublicAddresses, publicsMax) {
		at := elem(path, i)
		a, ok := c.addr(at, raw)
		if !ok {
			continue
		}
		if other, taken := publics[a]; taken {
			c.at(at, "%s is already %s; a public address belongs to one gateway", a, other)
		} else if other, taken := c.peerAt[a]; taken {
			c.at(at, "%s is already the underlay address of %s; choose another", a, other)
		} else if other, taken := c.cidrs.Lookup(raw); taken {
			c.at(at, "%s lies inside the cidrs of %s, so it could not be told from a private address; choose another", a, other)
		} else {
			publics[a] = at
			g.Public = append(g.Public, a)
		}
	}
}

func (c *compiler) drainingAddresses(g *NATGateway, spec *GatewaySpec, path string) {
	for i, raw := range within(c, path, spec.DrainingAddresses, publicsMax) {
		at := elem(path, i)
		switch a, ok := c.addr(at, raw); {
		case !ok:
		case !slices.Contains(g.Public, a):
			c.at(at, "%s is none of the gateway's public_addresses, where it has to stay until its flows have ended", a)
		case slices.Contains(g.Draining, a):
			c.at(at, "%s is there twice", a)
		default:
			g.Draining = append(g.Draining, a)
		}
	}
	if len(g.Draining) > 0 && len(g.Draining) == len(g.Public) {
		c.at(path, "has all of public_addresses; leave one for new flows")
	}
}

// The words for the ways a gateway may behave, in the order of their constants; the first
// is the default.
var (
	profiles   = []string{"aws", "rfc"}
	mappings   = []string{"address-and-port-dependent", "endpoint-independent"}
	filterings = []string{"address-and-port-dependent", "address-dependent", "endpoint-independent"}
)

func (c *compiler) behaviour(g *NATGateway, spec *GatewaySpec, path string) Profile {
	profile := Profile(c.word(path+".profile", spec.Profile, profiles, 0))
	g.Mapping = Mapping(c.word(path+".mapping", spec.Mapping, mappings, int(profile.mapping())))
	filtering := profile.filtering()
	if g.Mapping != MapIndependent {
		filtering = FilterByRemote
	}
	g.Filtering = Filtering(c.word(path+".filtering", spec.Filtering, filterings, int(filtering)))
	if g.Mapping != MapIndependent && g.Filtering != FilterByRemote {
		c.at(path+".filtering", "is %s, which needs mapping: %s; a port that depends on the remote end is no one else's to send to", filterings[g.Filtering], mappings[MapIndependent])
	}
	return profile
}

// word returns the place of a word among those allowed; that of the default where there
// is none.
func (c *compiler) word(path, word string, allowed []string, byDefault int) int {
	if word == "" {
		return byDefault
	}
	i := slices.Index(allowed, word)
	if i < 0 {
		c.at(path, "is %s; allowed are %s", quote(word), strings.Join(allowed, ", "))
		return byDefault
	}
	return i
}

func (c *compiler) timeouts(profile Profile, spec *TimeoutsSpec, path string) Timeouts {
	t := profile.Timeouts()
	if spec == nil {
		return t
	}
	for _, f := range []struct {
		name        string
		from        *Duration
		to          *time.Duration
		least, most time.Duration
	}{
		{"tcp_idle", spec.TCPIdle, &t.TCPIdle, timeoutMin, timeoutMax},
		{"tcp_opening", spec.TCPOpening, &t.TCPOpening, timeoutMin, timeoutMax},
		{"tcp_closing", spec.TCPClosing, &t.TCPClosing, timeoutMin, timeoutMax},
		{"udp_idle", spec.UDPIdle, &t.UDPIdle, timeoutMin, timeoutMax},
		{"icmp_idle", spec.ICMPIdle, &t.ICMPIdle, timeoutMin, timeoutMax},
		{"port_rest", spec.PortRest, &t.PortRest, portRestMin, portRestMax},
	} {
		if f.from == nil {
			continue
		}
		*f.to = time.Duration(*f.from)
		if *f.to < f.least || *f.to > f.most {
			c.at(path+"."+f.name, "is %s; allowed are %s to %s", *f.from, Duration(f.least), Duration(f.most))
		}
	}
	return t
}
