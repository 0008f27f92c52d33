package liveness

import "time"

const (
	// probePeriod is the time between two probes to a node: loop.Tick. Five of
	// them fit into downAfter, so that one lost datagram takes no node down.
	probePeriod = 20 * time.Millisecond

	// downAfter is how old the newest answered request may become. At the limit
	// the node is down. It is also the longest round trip of a node in use.
	downAfter = 100 * time.Millisecond

	// holdDownMin is how long a node must be good after its first fall before it
	// is used again. Each further fall within forgiveAfter of the one before
	// doubles it, up to holdDownMax; later ones begin anew.
	holdDownMin  = 200 * time.Millisecond
	holdDownMax  = 10 * time.Second
	forgiveAfter = time.Minute

	// pauseMin is the time between two Ticks beyond which the sender stood still
	// itself; all of it but one probePeriod is then not held against anyone.
	// Nothing shorter is forgiven, because it would delay every detection.
	pauseMin = 2 * probePeriod

	// askedMax is how many of the last requests may be answered, 1.28 s; a later
	// answer is refused as one to nothing that was asked.
	askedMax = 64
)
