package natgw

import (
	"time"

	"hyperplane/packet"
)

const (
	// scarceFrom and scarceUntil are the shares of a destination's ports in use from which
	// on a node warns that they run out, and below which it warns anew.
	scarceFrom, scarceUntil = 0.8, 0.7

	// FlowsMaxDefault is how many flows a node tracks unless told otherwise.
	// At the limit new flows are refused and counted as flow_table_full; those
	// that exist go on. Memory is touched only as flows come.
	FlowsMaxDefault = 1 << 20

	// FlowsMaxLimit bounds what may be asked for: indexes have to fit 31 bits
	// and a node's memory a machine.
	FlowsMaxLimit = 1 << 26

	// answersPerSecond and answersBurst bound the ICMP errors and RSTs a node
	// makes (RFC 1812, section 4.3.2.8), to instances and to the internet each:
	// what is above is not answered, only dropped and counted.
	answersPerSecond = 20_000
	answersBurst     = 2_000

	// answersPerTurnMax is how many answers fit one turn; each has answerLen
	// bytes, the most an ICMP error may have (RFC 1812, section 4.3.2.3).
	answersPerTurnMax = 128
	answerLen         = 576

	// hopBudget is what a packet made here may still travel: node, edge or host.
	hopBudget = 4

	// dropsRemembered is how many recent drops `explain` can look back on.
	dropsRemembered = 256

	// batch is how many packets one turn takes from the wire.
	batch = 256

	// missesPerService and missesPerSource bound the packets without an entry that
	// one service, and one source, may send down the chain in a second, in each
	// direction; missBurst is how far ahead of that rate they may be: after a
	// node's death every flow misses once. Beyond it a packet is dropped and
	// counted as miss_budget; its sender tries again.
	missesPerService = 50_000
	missesPerSource  = 20_000
	missBurst        = time.Second

	// serviceBuckets and sourceBuckets are the number of token buckets that
	// services and sources share; powers of two.
	serviceBuckets = 1 << 10
	sourceBuckets  = 1 << 12

	// startGrace is how long a node that was started may look for its cell before
	// it says that it is degraded.
	startGrace = time.Second

	// pauseMin is how long a process stood still for it to matter: a few ticks.
	pauseMin = 100 * time.Millisecond

	// carryMax bounds the tiers that a packet passes on one node: Flow Master,
	// Decider, Flow Master, Top, and one more.
	carryMax = 6

	// repairRounds is how many rounds of reports it takes until an entry without
	// packets is reported too.
	repairRounds = 4

	// payloadDefault is the longest control datagram's payload in bytes until
	// SetPayloadMax: that of the smallest underlay.
	payloadDefault = 1280 - packet.TunnelOverhead

	// messagesPerBatchMax is the number of messages in one datagram at most,
	// chunksPerTurnMax the number of such datagrams in one turn, openBatchesMax the
	// number of nodes that they go to. What finds no room is not sent (Signals.Lost)
	// and said again at the constant pace.
	messagesPerBatchMax = 128
	chunksPerTurnMax    = 128
	openBatchesMax      = 64

	// hellosPerTurn is the number of hellos that stay readable during a turn in
	// memory; a power of two.
	hellosPerTurn = 8

	// optionsPerTurn is the number of chain options that stay readable while a turn
	// lasts: as many packets as wait at the port of a wire.Exchange.
	optionsPerTurn = 4096
)
