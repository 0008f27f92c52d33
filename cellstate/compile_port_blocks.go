package cellstate

// portBlocks compiles a gateway's port_blocks.
func (c *compiler) portBlocks(g *NATGateway, spec *GatewaySpec, path string) {
	if spec.PortBlocks == nil {
		return
	}
	path += ".port_blocks"
	b := &PortBlocks{Inside: spec.PortBlocks.Inside, Blocks: spec.PortBlocks.Blocks}
	good := c.number(path+".blocks", b.Blocks, 1, PortBlocksMax)
	if !c.prefix(path+".inside", b.Inside, cidrBitsMin, 32) || !good {
		return
	}
	b.span = makeSpan(b.Inside)
	if g.VPC != nil && !g.VPC.Contains(b.span.base) {
		c.at(path+".inside", "%s is not inside the VPC's cidrs (%s)", b.Inside, prefixes(g.VPC.CIDRs))
		return
	}
	if have, want := uint64(len(g.Public))*uint64(b.each()), uint64(1)<<(32-b.Inside.Bits()); have < want && len(g.Public) == len(spec.PublicAddresses) {
		c.at(path, "has blocks for %d addresses, %d on each of the gateway's public_addresses, and %s has %d; add public addresses, or make blocks or inside smaller", have, b.each(), b.Inside, want)
	}
	if g.Mapping != MapByRemote {
		c.at(path, "needs mapping: %s; with the gateway's, ports belong to classes of inside addresses and ports", mappings[MapByRemote])
	}
	if len(g.Draining) > 0 {
		c.at(path, "and draining_addresses exclude each other: every inside address has one public address")
	}
	g.PortBlocks = b
}

// blockHolders holds that every instance that may use a gateway with port_blocks has a block.
func (c *compiler) blockHolders() {
	for i, g := range c.state.Gateways {
		if g.PortBlocks == nil || g.VPC == nil {
			continue
		}
		path := elem("nat_gateways", i) + ".port_blocks"
		for _, in := range g.VPC.Instances {
			switch {
			case in.Addr != 0 && !g.PortBlocks.span.contains(in.Addr):
				c.at(path+".inside", "%s does not contain instance %q (%s), which would have no ports", g.PortBlocks.Inside, in.Name, in.Addr)
			case in.NAT64 != nil:
				c.at(path, "has no blocks for instances with IPv6 addresses, such as %q; use a gateway without port_blocks for their VPC", in.Name)
			default:
				continue
			}
			break // one is enough to see what is wrong
		}
	}
}
