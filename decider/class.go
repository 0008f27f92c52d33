package decider

import "hyperplane/chain"

// class is a set of ports: the places first..first+width-1 of every block.
//
//	           block 0           block 1                 block 251
//	    1024 ┌─────────┬─┐ 1280 ┌─────────┬─┐      65280 ┌─────────┬─┐
//	place    │ 0…239   │…│      │ 0…239   │…│  …         │ 0…239   │…│
//	         └─────────┴─┘      └─────────┴─┘            └─────────┴─┘
//	          class 0   └ places 240…255: class 1 (seat 0) … class 16 (seat 15)
//
// Two Flow Masters that do not hear each other may both ask for ports of one
// destination. As long as each asks for a class of its own, they cannot be given
// the same port, whatever their Deciders know.
type class struct{ first, width uint32 }

// classOf returns the n-th class; beyond the last seat it is empty.
func classOf(n uint8) class {
	switch {
	case n == 0:
		return class{0, chain.PortsAnyone}
	case n <= chain.ClassMax:
		return class{chain.PortsAnyone + uint32(n) - 1, 1}
	}
	return class{}
}

// size returns the number of ports in so many blocks: in all of them 60,480 of
// class 0, 252 of a seat.
func (c class) size(blocks int) uint32 { return uint32(blocks) * c.width }

// port returns the k-th port, in ascending order; k is below size.
func (c class) port(k uint32) uint16 {
	return uint16(portMin + k/c.width*chain.PortBlock + c.first + k%c.width)
}
