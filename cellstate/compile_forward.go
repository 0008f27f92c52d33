package cellstate

import (
	"slices"

	"hyperplane/packet"
)

// forwardProtocols are the words for what may be forwarded.
var forwardProtocols = map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP}

// forwards compiles the port forwards of the gateways, whose instances are known by now.
func (c *compiler) forwards() {
	for i, g := range c.state.Gateways {
		spec, path := &c.spec.NATGateways[i], elem("nat_gateways", i)+".port_forwards"
		g.byPublic, g.byInside = map[end]*PortForward{}, map[end]*PortForward{}
		publics, insides := map[end]string{}, map[end]string{}
		for j, f := range within(c, path, spec.PortForwards, forwardsMax) {
			at := elem(path, j)
			f, ok := c.forward(g, &f, at)
			if !ok {
				continue
			}
			public, inside := end{f.Public, f.PublicPort, f.Proto}, end{f.Inside, f.InsidePort, f.Proto}
			if other, taken := publics[public]; taken {
				c.at(at+".public_port", "%d is already that of %s; choose another", f.PublicPort, other)
				continue
			}
			if other, taken := insides[inside]; taken {
				c.at(at+".port", "%d of this instance is already that of %s; one port can have one public port", f.InsidePort, other)
				continue
			}
			publics[public], insides[inside] = at, at
			g.byPublic[public], g.byInside[inside] = f, f
		}
	}
}

func (c *compiler) forward(g *NATGateway, spec *ForwardSpec, path string) (*PortForward, bool) {
	f := &PortForward{PublicPort: uint16(spec.PublicPort), InsidePort: uint16(spec.Port)}
	good := c.number(path+".public_port", spec.PublicPort, 1, 65535)
	good = c.number(path+".port", spec.Port, 1, 65535) && good
	if f.Proto = forwardProtocols[spec.Protocol]; f.Proto == 0 {
		c.at(path+".protocol", "is %s; write tcp or udp", quote(spec.Protocol))
		good = false
	}
	switch {
	case spec.PublicAddress == nil && len(g.Public) == 1:
		f.Public = g.Public[0]
	case spec.PublicAddress == nil:
		c.at(path+".public_address", "is missing; write one of the gateway's public_addresses")
		good = false
	default:
		a, ok := c.addr(path+".public_address", *spec.PublicAddress)
		if ok && !slices.Contains(g.Public, a) {
			c.at(path+".public_address", "%s is none of the gateway's public_addresses; add it there, or write one of them", a)
			ok = false
		}
		f.Public, good = a, ok && good
	}
	var instances []*Instance
	if g.VPC != nil {
		instances = g.VPC.Instances
	}
	at := slices.IndexFunc(instances, func(in *Instance) bool { return in.Name == spec.Instance })
	if at < 0 {
		refer(c, path+".instance", spec.Instance, "instance of the gateway's VPC", instances, func(in *Instance) string { return in.Name })
		return f, false
	}
	if f.Inside = instances[at].Addr; f.Inside == 0 {
		c.at(path+".instance", "%q has no IPv4 address to forward to; give it an address, or forward to another", spec.Instance)
		return f, false
	}
	return f, good
}
