package sim

// Counter is something rare that the seeds must reach, or they prove little.
type Counter uint8

// What happens sometimes.
const (
	Crashed Counter = iota
	CrashLooped
	Stopped
	Slowed
	Isolated
	Partitioned
	OneWayed
	NonTransitived
	Lossed
	Bursted
	Swizzled
	Congesteds
	Lated
	Copied
	Drained
	Left
	EdgePaused
	HostPaused
	DoubleFailure
	ZombieResumed
	Views // the highest that any node has seen
	DegradedSeen
	StaleRefused
	Exhausted
	InboxFull
	TupleReused
	PortReused
	HalfOpen
	IdleTooLong
	MappingShared
	counters
)

var counterNames = [counters]string{
	"crash", "crash loop", "pause", "slow node", "isolation", "partition", "one-way partition", "non-transitive partition",
	"loss", "burst loss", "swizzle-clog", "congestion", "late links", "duplication", "drain", "leave", "edge paused", "host paused",
	"double failure", "zombie resumed", "views", "degraded seen", "stale message refused", "ports exhausted",
	"inbox full", "tuple reused", "port reused by another", "half-open connection", "idle too long",
	"mapping shared",
}

func (c Counter) String() string { return counterNames[c] }

// counterOf is the counter of each kind of fault.
var counterOf = [kinds]Counter{
	Crashed, CrashLooped, Stopped, Slowed, Isolated, Partitioned, OneWayed, NonTransitived, Lossed, Bursted,
	Swizzled, Congesteds, Lated, Copied, Drained, Left, EdgePaused, HostPaused,
}
