package decider

import (
	"time"

	"hyperplane/flowtable"
)

const (
	// PortsMaxMax bounds Config.PortsMax, in leases; New panics above it. A lease
	// takes 102 bytes once it exists, its destination 78 more; memory for leases
	// that never exist is not touched. At Config.PortsMax the answer is Refused
	// with FlowTableFull.
	PortsMaxMax = flowtable.CapacityMax

	// portMin and portMax bound the ports, and echo identifiers, given out. Below
	// 1024 are the well-known ports (RFC 6056, section 3.2).
	portMin = 1024
	portMax = 65535
	ports   = portMax - portMin + 1

	// heldPerDestinationMax bounds the ports of one public address that are
	// living or resting towards one destination. It leaves 2 % of the range free,
	// so that a search ends soon. At the limit the next public address is tried.
	heldPerDestinationMax = 63000

	// drawsMax is the number of random ports tried before the sweep. At 55,000
	// held ports a draw meets a free one in 1 of 6.8 cases, so fewer than 1 in
	// 150 searches sweep.
	drawsMax = 32

	// restsPerTickMax bounds the ports that one Tick sets free, about 1 ms of
	// work. What is left is freed by the next Tick; until then it rests longer.
	restsPerTickMax = 4096

	// restGranularity is how much longer than PortRest a port may rest.
	restGranularity = 100 * time.Millisecond

	// restOrphaned is the rest of a port whose gateway is no longer in the state,
	// and with it the gateway's own setting: the default of PortRest.
	restOrphaned = 5 * time.Second
)
