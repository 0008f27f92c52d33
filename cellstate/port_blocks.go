package cellstate

import (
	"net/netip"

	"hyperplane/packet"
)

// Ports are given out from PortBlockFirst on, in blocks of PortBlockLen, of which a public
// address has PortBlocksMax.
const (
	PortBlockFirst = 1024
	PortBlockLen   = 256
	PortBlocksMax  = (1<<16 - PortBlockFirst) / PortBlockLen
)

// PortBlocks gives every inside address ports of its own, by its place in a range: so who
// had a public address and port is told by this file alone, and no log of flows has to be
// kept to tell it (deterministic address mapping, RFC 7422).
//
//	inside 10.0.1.0/24, blocks 2, public addresses P, Q, R
//
//	10.0.1.0 ▶ P, blocks 0 and 1 (1024 to 1535)     …     10.0.1.125 ▶ P, blocks 250 and 251
//	10.0.1.126 ▶ Q, blocks 0 and 1                  …
//
// Nodes that do not hear each other have places of their own in each block, so they give
// an instance ports of its own blocks, too.
type PortBlocks struct {
	Inside netip.Prefix
	Blocks int // of each inside address

	span span
}

// each is how many inside addresses share a public one.
func (b *PortBlocks) each() uint32 { return uint32(PortBlocksMax / b.Blocks) }

// Block returns an inside address' public address and the first of its PortBlocks.Blocks
// blocks; false for an address that is outside of the range, and has none. The gateway has
// PortBlocks.
func (g *NATGateway) Block(inside packet.Addr4) (public packet.Addr4, first uint32, ok bool) {
	b := g.PortBlocks
	if !b.span.contains(inside) {
		return 0, 0, false
	}
	place := uint32(inside - b.span.base)
	if i := place / b.each(); int(i) < len(g.Public) {
		return g.Public[i], place % b.each() * uint32(b.Blocks), true
	}
	return 0, 0, false
}

// Holder is the inverse of Block: whose a public address and port is.
func (g *NATGateway) Holder(public packet.Addr4, port uint16) (inside packet.Addr4, ok bool) {
	b := g.PortBlocks
	if b == nil || port < PortBlockFirst {
		return 0, false
	}
	place := uint32(port-PortBlockFirst) / PortBlockLen / uint32(b.Blocks)
	if place >= b.each() {
		return 0, false
	}
	for i, a := range g.Public {
		if inside = b.span.base + packet.Addr4(uint32(i)*b.each()+place); a == public && b.span.contains(inside) {
			return inside, true
		}
	}
	return 0, false
}
