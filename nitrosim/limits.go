package nitrosim

import (
	"time"

	"hyperplane/packet"
)

const (
	// hopBudget is how many of Hyperplane's hops a packet may make: a node, an
	// edge or a host each take one; the rest is slack for tiers that move apart.
	hopBudget = 12

	// reflectionsMax bounds the flows remembered as "came through the cell".
	// At the limit a new one is not remembered (counted): its answers follow
	// the route table, which in all but a change of routes is the same way.
	reflectionsMax = 1 << 17

	// reflectionRest is how much longer than the longest idle time of any
	// gateway a reflection outlives its last packet.
	reflectionRest = time.Minute

	// sweepPeriod is how long one pass over all reflections takes.
	sweepPeriod = 10 * time.Second

	// egressFlowsMax bounds the IPv6 flows to the internet of this host's instances, and
	// egressFlowsPerInstanceMax those of one. At either limit a packet that would begin
	// another is dropped (drop.FlowTableFull).
	egressFlowsMax            = 1 << 17
	egressFlowsPerInstanceMax = egressFlowsMax / 4

	// How long a flow through the egress-only gateway may be silent: as through AWS's NAT
	// gateway. It is forgotten up to a sweepPeriod later.
	egressTCPIdle     = 350 * time.Second // both sides have sent
	egressOpeningIdle = 30 * time.Second  // no answer yet
	egressClosingIdle = 10 * time.Second  // FIN both ways, or RST
	egressUDPIdle     = 120 * time.Second // datagrams
	egressICMPIdle    = 60 * time.Second  // echo

	// egressGrace is how long after its start a host lets TCP segments of flows pass that
	// it does not know: it may have known them in an earlier life. They have no SYN, so
	// they open nothing; until then who is silent for longer has lost its flow anyway.
	egressGrace = egressTCPIdle

	// extrasMax is how many packets one turn may make besides those it
	// forwards (ICMP errors, echo replies, fragments); beyond it they are not made.
	extrasMax = 256

	// extraArena is the memory that the extras of one turn share.
	extraArena = 512 << 10

	// icmpErrorLen is the most an ICMP error may have (RFC 1812, section 4.3.2.3).
	icmpErrorLen = 576

	// answersPerSecond and answersBurst bound ICMP errors and echo replies
	// made here (RFC 1812, section 4.3.2.8).
	answersPerSecond = 20_000
	answersBurst     = 2_000

	// readsPerTurn and readBytesPerTurn are how many packets and bytes one turn
	// takes from one instance. What is read is sent while it is still in the
	// processor's cache, and the next role starts on it while this one reads on.
	readsPerTurn     = 64
	readBytesPerTurn = 128 << 10

	// roomLen is the free bytes before a packet read from a device, less its virtio
	// header: what NAT64 may need (packet.TranslateRoom), where the way back to an
	// instance of this process is one in memory.
	roomLen = 64 - packet.VirtioLen

	// arenaLen is the memory that packets read from instances in one turn
	// share; when it is full, the rest waits for the next turn.
	arenaLen = 8 << 20

	// batch is how many packets one turn takes from the wire.
	batch = 256
)
