package loop

import "time"

const (
	// Tick is how often timers run when nothing else does. Probes and hellos are
	// sent at this pace, and five of them have to fit into the 100 ms after which
	// a silent peer is down, so that a single lost datagram takes nobody down. An
	// idle role pays for it with 50 wake-ups a second.
	Tick = 20 * time.Millisecond

	// idleYields is how often an idle loop lets others run and looks again before
	// it sleeps, so that a sender finds it awake more often and need not
	// interrupt another processor. The gain is small: see docs/results.
	idleYields = 30

	// yieldMax is how long one yield takes at most when no other thread wants the
	// processor. After a longer one, for contendedFor, the loop sleeps at once when it
	// is idle: to stay awake is then no gain but a loss, since the kernel takes
	// a yield for time that this thread has had.
	yieldMax     = 20 * time.Microsecond
	contendedFor = 100 * time.Millisecond

	// turnEvery is the pace of turns while others want the processor and small packets
	// stream in: streamPackets or more in a turn, but not fullPackets, of less than
	// smallBytes on average. turnsSaved is the time for which turns are saved up that
	// did not happen, to be taken at once. A turn, and each message that it sends, has a
	// cost of its own whatever is in it; a loop that turns for every few packets of a
	// flood takes processor time for which all others then wait. See docs/adr/0017.
	turnEvery     = 250 * time.Microsecond
	turnsSaved    = 40 * turnEvery
	streamPackets = 2
	fullPackets   = 32
	smallBytes    = 512

	// slice is how long the loop's thread wants to run at a time; the kernel's own
	// value is 1.4 to 5 ms. When the processors are all busy, a thread that needs
	// less than its share waits about as long as it wants to run, and a packet
	// passes half a dozen roles, each of which needs some microseconds. It is the
	// least that the kernel accepts.
	slice = 100 * time.Microsecond

	// readyMax is how many ready descriptors one poll returns; the rest come
	// with the next one, since the poll is level-triggered.
	readyMax = 64

	// roundsPerTurnMax bounds the in-memory readers' rounds in one turn. A
	// packet makes at most as many rounds as its hop budget has hops.
	roundsPerTurnMax = 64

	// jobsMax is how many functions may wait for the end of the turn. A
	// further caller of Do waits for a place or for its context's end.
	jobsMax = 16
)
