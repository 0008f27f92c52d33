package decider

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
)

const (
	// PortsMaxMax bounds Config.PortsMax, in leases; New panics above it. A lease
	// takes 40 bytes (record 16, index entry 8, timer 12, slab 4), its destination 36
	// more (24, 8 and 4); memory for leases that never exist is not touched, but that
	// of the indexes. At Config.PortsMax a Choose is Refused with FlowTableFull, and a
	// Lease that is not known yet is not adopted.
	PortsMaxMax = flowtable.CapacityMax

	// portMin and portMax bound the ports, and echo identifiers, given out. Below
	// 1024 are the well-known ports (RFC 6056, section 3.2).
	portMin = 1024
	portMax = 65535

	// blocks is the number of blocks of ports. Each class has the same places in
	// every block, so that all of them reach over the whole range; portMin is a
	// multiple of chain.PortBlock, so no block is cut. A Choose for a class beyond
	// the last seat's is Refused with PortsExhausted: that class has no ports.
	blocks = (portMax - portMin + 1) / chain.PortBlock

	// restingRoom is the number of ports that may rest beside the most flows that
	// may live, of one public address towards one destination: with the default
	// rest of 5 s, room for 1,000 new flows in each second.
	restingRoom = 5000

	// heldPerDestinationMax bounds the ports of class 0 of one public address that
	// Choose leases towards one destination, those that rest included; how many
	// flows of all classes may live there is the gateway's FlowsPerDestination. It
	// leaves 480 ports free, so that a search ends soon. At either limit the next
	// public address is tried, then the answer is Refused with PortsExhausted. A
	// seat's 252 ports need no such bound: they are all tried at little cost.
	heldPerDestinationMax = cellstate.FlowsPerDestinationMax + restingRoom

	// drawsMax is the number of random ports tried before the sweep. At 55,000
	// held ports a draw meets a free one in 1 of 11 cases, so about 1 in 440
	// searches sweep.
	drawsMax = 64

	// leaseMax is how long a lease lives that nobody renews. It bounds how long a
	// port is held that no Flow Master knows any more, because a Release was lost
	// or its sender with it. At the limit the port is free here; if a flow does
	// use it, its Flow Master refuses the decision.
	leaseMax = 10 * time.Minute

	// leaseGranularity is how much longer than leaseMax a lease may live. Records
	// hold their deadline in these units, in 16 bits.
	leaseGranularity = time.Second

	// surveyPerTickMax bounds the destinations that one Tick looks at for the fullest of
	// them, 14 µs of work (go test ./decider -bench Survey). A round of a million takes
	// about a thousand Ticks.
	surveyPerTickMax = 1024

	// timersPerTickMax bounds the timers that one Tick looks at, less than a
	// millisecond of work. What is left is looked at by the next Tick; until then
	// those leases live longer.
	timersPerTickMax = 2048
)
