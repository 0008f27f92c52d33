package sim

import "time"

const (
	// placesMax bounds the processes of a world: places are packed in 16 bits,
	// and every pair has a link.
	placesMax = 64

	// inboxMax and inboxMin are the datagrams that wait at a process: the least
	// is small enough to overflow while it is stopped. What is beyond is dropped
	// and counted, as by a socket whose buffer is full.
	inboxMin, inboxMax = 256, 4096

	// devicePacketsMax is the packets that wait on either side of a TUN; the
	// kernel's transmit queue. What is beyond is refused.
	devicePacketsMax = 500

	// linkQueueMax is the datagrams under way on one link; what is beyond is
	// lost, as in a full queue. linkDelayMax bounds how long a narrow link holds one.
	linkQueueMax = 2000
	linkDelayMax = 2 * time.Second

	// connsMax is how many connections a world may open: a connection's number
	// is in the upper half of its sequence numbers. Beyond it none is opened.
	connsMax = 65_000

	// connBytesMax is how much one side of a connection may send, so that its
	// sequence numbers keep the connection's number. At the limit it is closed.
	connBytesMax = 28_000

	// traceMax is how many events a failure shows.
	traceMax = 50

	// traceFollowedMax is how many it shows of the connection alone.
	traceFollowedMax = 1000

	// eventsPerInstantMax stops a world in which time stands still.
	eventsPerInstantMax = 100_000
)

// Endpoints: what a TCP of today does, in the small.
const (
	rtoMin   = 200 * time.Millisecond // the first retransmission; it doubles
	rtoMax   = 6400 * time.Millisecond
	triesSYN = 6  // then a connection could not be opened: after 25 s
	triesMax = 10 // then a connection is broken: after 38 s
	timeWait = time.Second
	askAgain = 500 * time.Millisecond // UDP and echo: a request without an answer
	asksMax  = 8                      // then it has failed
)

// Bad spells of a link that a fault makes, in millionths per datagram: one in
// 200 begins one, which lasts 20 and loses nine of ten.
const (
	burstToBad  = 5_000
	burstToGood = 50_000
	burstLoss   = 900_000
)

// What is promised, in time. A world that shows more is a failure.
const (
	// repairMax is how long after the loss of one node everything is on two nodes
	// again: until then another loss may be one too many.
	repairMax = 12 * time.Second

	// rebuildMax is the same for more than the cell tolerates: owners then learn for
	// 15 s what there is, and may open no flow until then.
	rebuildMax = 18 * time.Second

	// healMax is how long after the last of any faults every flow is on two nodes
	// again, everybody is a full member and knows all it should (I18): a node that
	// flapped is held back for 10 s, and one that learns from the Tops takes 15 s.
	healMax = 30 * time.Second

	// wholeMax is how long a flow that is just opened, or whose confirmation was
	// lost, may count as being on one node only.
	wholeMax = 3 * time.Second

	// stallMax is how long a request may stay unanswered while no more than one
	// node is lost: the detection, and what TCP's own timer then adds.
	stallMax = 6 * time.Second

	// doubtMax is how long a flow may still end after it was used again when it
	// was already due: its owner hears of packets by reports, a second apart.
	doubtMax = 4 * time.Second

	// rateSlack is what clocks of different rates make of a timeout: a flow
	// silent for less than this share of it, in percent, must still live.
	rateSlack = 90
)

// Amplification (I10), in datagrams of one process.
const (
	// outputsPerInput bounds what follows from one datagram within a turn,
	// outputsPerTurn what any turn may say to each other process (a hello, when
	// something changed), and outputsPerTick what one with a tick or a new state may.
	outputsPerInput = 4
	outputsPerTurn  = 1
	outputsPerTick  = 24

	// controlsPerPair bounds the datagrams without a packet in a second of the
	// world, for each pair of a node and another process: 50 hellos or probes with
	// their answers, 50 reports, and copies while something is repaired.
	controlsPerPair = 400
)
