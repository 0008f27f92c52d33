package bench

import (
	"time"

	"hyperplane/packet"
)

const (
	// roundsMin rounds are the fewest that a median says something about;
	// fewer are allowed (for a first look) and the report says so.
	roundsMin = 5

	// roundsMax and secondsMax bound how long one run can be asked to take;
	// more is wrong use.
	roundsMax  = 1000
	secondsMax = 300
)

// The load's shape. They are part of what a figure means: change them and
// earlier figures cannot be compared.
const (
	streamsMany      = 4  // TCP streams of the "four streams" load
	packetBytes      = 64 // UDP payload of small packets and round trips
	connectsInFlight = 64
	pingEvery        = time.Millisecond // idle between two round trips
)

// Ports at the server.
const (
	portTCP    = 5201
	portCount  = 9000
	portAnswer = 9001
)

const (
	// idleWindow is how long the CPUs are watched before each load.
	idleWindow = 200 * time.Millisecond

	// idleShareMax is how much of all CPUs others may use (or the hypervisor
	// steal) for the machine to count as idle. Our own processes sleep then.
	idleShareMax = 0.08

	// stealShareMax is how much of all CPUs the hypervisor may steal while a
	// load runs; beyond it the reading is marked noisy.
	stealShareMax = 0.02

	// idleWaitDefault and idleWaitMax are how long one round waits in total
	// for an idle machine, unless told otherwise and at most.
	idleWaitDefault = time.Minute
	idleWaitMax     = time.Hour

	// endGraceMax is how much longer than asked a load may run; then it is
	// killed and the reading is missing.
	endGraceMax = 15 * time.Second

	// checkFor is how long a new path is tried with round trips, and
	// checkTries how often, before it counts as not working.
	checkFor   = 50 * time.Millisecond
	checkTries = 20

	// failuresMax is how many readings of one subject may fail in a row
	// before it is left out of the rest of the run.
	failuresMax = 3
)

// Sizes a path's MTU may have, in bytes.
const (
	mtuMin = 576   // every IPv4 host accepts this much
	mtuMax = 65535 // the largest IPv4 packet

	// encapsulation is GENEVE's with one option; VXLAN's is 50 bytes, so what
	// has room for this has room for that.
	encapsulation = packet.TunnelOverhead
)
