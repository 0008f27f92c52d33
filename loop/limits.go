package loop

import "time"

const (
	// Tick is how often timers run when nothing else does. Timing wheels
	// downstream have the same granularity.
	Tick = 100 * time.Millisecond

	// idleYields is how often an idle loop lets others run and looks again before
	// it sleeps, so that a sender finds it awake more often and need not
	// interrupt another processor. The gain is small: see docs/results.
	idleYields = 30

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
