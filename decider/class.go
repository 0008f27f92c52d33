package decider

import (
	"hyperplane/chain"
	"hyperplane/shard"
)

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
type class struct {
	first, width uint32 // places of each block
	block, every uint32 // the first block, and how far the next is from it
	count        uint32 // how many blocks, 0 for as many as there are
}

// classOf returns the class of a question; beyond the last seat it is empty. A flow that
// is Independent has the blocks of its inside endpoint's class alone.
func classOf(msg *chain.Message) class {
	c := class{width: chain.PortsAnyone, every: 1}
	switch {
	case msg.Class > chain.ClassMax:
		c.width = 0
	case msg.Class > 0:
		c.first, c.width = chain.PortsAnyone+uint32(msg.Class)-1, 1
	}
	if msg.Independent {
		const first = portMin / chain.PortBlock
		c.every = shard.EndpointClasses
		c.block = (chain.EndpointClass(msg.Flow) + c.every - first) % c.every
	}
	return c
}

// within is the class in so many blocks from the first on.
func (c class) within(first, count uint32) class {
	c.block, c.every, c.count = first, 1, count
	return c
}

// size returns the number of ports in so many blocks of the class, or in all that it has:
// 60,480 of class 0, 252 of a seat; of one class of endpoints 1,440 and 6.
func (c class) size(most int) uint32 {
	n := min(uint32(most), blocks/c.every)
	if c.count > 0 {
		n = min(n, c.count)
	}
	return n * c.width
}

// port returns the k-th port, in ascending order; k is below size.
func (c class) port(k uint32) uint16 {
	return uint16(portMin + (c.block+k/c.width*c.every)*chain.PortBlock + c.first + k%c.width)
}
