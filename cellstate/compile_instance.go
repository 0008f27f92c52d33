package cellstate

import (
	"net/netip"

	"hyperplane/packet"
)

func (c *compiler) instances() {
	hosts := map[string]*Peer{}
	for i := range c.state.Hosts {
		hosts[c.state.Hosts[i].Name] = &c.state.Hosts[i]
	}
	delete(hosts, "")
	names, nics := map[string]string{}, map[[3]string]string{}
	for i := range c.spec.Instances {
		spec, path := &c.spec.Instances[i], elem("instances", i)
		in := &Instance{
			Name: spec.Name, Host: hosts[spec.Host], MTU: or(spec.MTU, instanceMTUDefault),
			NetNS: spec.NetNS, Device: spec.Device,
		}
		c.state.Instances = append(c.state.Instances, in)
		if c.name(path+".name", in.Name) {
			c.unique(names, in.Name, path+".name", "the name of")
		}
		ok := false
		switch {
		case spec.Address != nil:
			in.Addr, ok = c.addr(path+".address", *spec.Address)
		case spec.IPv6Address == nil:
			c.addr(path+".address", netip.Addr{})
		}
		if scope := c.vpc[spec.VPC]; scope == nil {
			refer(c, path+".vpc", spec.VPC, "VPC", c.spec.VPCs, func(v VPCSpec) string { return v.Name })
		} else {
			in.VPC = scope.vpc
			scope.vpc.Instances = append(scope.vpc.Instances, in)
			if ok {
				in.Subnet = c.hold(scope, path+".address", in.Addr, "the address of instance "+quote(in.Name))
			}
			if spec.IPv6Address != nil {
				c.instance6(scope, in, *spec.IPv6Address, path)
			}
		}
		if in.Host == nil {
			refer(c, path+".host", spec.Host, "host", c.spec.Hosts, func(p PeerSpec) string { return p.Name })
		}
		c.instanceMTU(in, path+".mtu")
		if in.NAT64 != nil {
			in.NAT64.Host, in.NAT64.Subnet = in.Host, in.Subnet
		}
		c.nic(in, path, nics)
	}
}

// instanceMTU holds that a full packet of the instance fits the underlay when it
// is encapsulated (I11).
func (c *compiler) instanceMTU(in *Instance, path string) {
	if !c.number(path, in.MTU, instanceMTUMin, instanceMTUMax) || c.bad["underlay.mtu"] {
		return
	}
	if largest := c.state.UnderlayMTU - packet.TunnelOverhead; in.MTU > largest {
		c.at(path, "%d does not fit: with %d bytes of encapsulation it exceeds the underlay's mtu of %d; write mtu: %d or less, or raise underlay.mtu",
			in.MTU, packet.TunnelOverhead, c.state.UnderlayMTU, largest)
	}
}

// nic fills in where the instance's device is and holds that it is its own.
func (c *compiler) nic(in *Instance, path string, nics map[[3]string]string) {
	at := path + ".netns"
	if in.NetNS == "" {
		in.NetNS, at = in.Name, path
	}
	if in.Device == "" {
		in.Device = deviceDefault
	}
	// A namespace named after an instance with a bad name is no problem of its own.
	good := !(at == path && c.bad[path+".name"]) && c.optionalName(path+".netns", in.NetNS, nameLenMax)
	if !c.optionalName(path+".device", in.Device, deviceLenMax) || !good || in.Host == nil {
		return
	}
	key := [3]string{in.Host.Name, in.NetNS, in.Device}
	if other, taken := nics[key]; taken {
		c.at(at, "would be device %q in namespace %q of host %q, which is already that of %s; choose another netns or device",
			in.Device, in.NetNS, in.Host.Name, other)
		return
	}
	nics[key] = path
}
