package membership

import "time"

const (
	// MembersMax is the number of flow masters of a cell: seats of port classes are
	// numbered below it (package decider). A state with more is refused.
	MembersMax = 16

	// PeersMax is the number of other nodes that a hello speaks of; the state file
	// has the same limit.
	PeersMax = 64

	// HelloMax is the longest hello, in bytes.
	HelloMax = helloHead + MembersMax*helloMember + PeersMax*helloPeer

	// helloPeriod is how often each node says hello to each other one, whatever
	// happens (constant work). A change of what it says is told at once besides.
	helloPeriod = 20 * time.Millisecond

	// suspectAfter is how old the newest echo of a peer may be before it counts as
	// down: five hellos. It bounds the stall of a flow whose node dies; beyond it
	// the peer is left out of the next view.
	suspectAfter = 100 * time.Millisecond

	// patience is how old the newest echo of a member may be while others are still
	// being told what a member lost before it had: three times suspectAfter.
	patience = 3 * suspectAfter

	// vouchMax is how long a node that owns no slots takes another's word, which does not
	// own any either, that an owner lives.
	vouchMax = 2 * time.Second

	// pauseMin is how long this process stood still for it to matter: three ticks.
	pauseMin = 60 * time.Millisecond

	// apartAfter is how long two flow masters must be up for others and not for each
	// other before one of them is left out: longer than the time between the first
	// and the last to notice that a node died. apartSettling is the same while others
	// are being told what a member lost before had.
	apartAfter    = 2 * suspectAfter
	apartSettling = 3 * apartAfter

	// joinAfter is how long a peer that was down has to be up before a view takes
	// it in, doubled at each fall within joinForgive of the last, at most joinMax:
	// a node that flaps is left out for longer and longer.
	joinAfter   = 200 * time.Millisecond
	joinMax     = 10 * time.Second
	joinForgive = time.Minute

	// calmAfter is how long after one view the next is proposed at the soonest if it leaves
	// nobody out.
	calmAfter = suspectAfter

	// gapShare is the weight, one in so many, of the latest hello in the mean time
	// between hellos: a third of a second, over which one loss in three shows.
	gapShare = 16

	// turnAfter is how long a proposer waits for each flow master before it in the
	// order of proposers, so that they do not disturb each other; retryAfter is how
	// long it waits for its own, or another's, proposal to succeed.
	turnAfter  = 30 * time.Millisecond
	retryAfter = 100 * time.Millisecond

	// ReadLease is how long after the last contact with a majority in its view a
	// member may answer from what it knows. Ports rest longer than that and the
	// lease of a Top's entry together, so what it says is still true.
	ReadLease = 3 * time.Second

	// touchMax is how old the last contact with a majority may be before a node says
	// that it is out of touch, so that senders prefer others.
	touchMax = 250 * time.Millisecond

	// reachMax is how long an owner of slots may be out of reach before a node says
	// that it is out of touch: longer than a dead one stays in the view.
	reachMax = 4 * suspectAfter

	// aloneAfter is how long a flow master that sees no majority waits before it
	// goes on alone, counted as degraded.
	aloneAfter = 2 * time.Second

	// listenFor is how long a node that was started listens before it votes, even if
	// all others are there: by then nobody counts its earlier life any more. Peers
	// that are up have said nothing older than suspectAfter, and neither has the
	// earlier life at those who count it.
	listenFor = 2 * suspectAfter

	// cleanAfter is how long after its start a node waits before it believes that nothing
	// is left of its earlier lives: as long as a port rests.
	cleanAfter = 15 * time.Second

	// jumpBits bounds how far the ballots of a node that forgot its own jump: their
	// counters, of 32 bits, last for 4,096 such jumps at least.
	jumpBits = 20

	// spread, the golden ratio's, makes incarnations differ in their upper bits.
	spread = 0x9e3779b97f4a7c15

	// freshMax is how long a node that was started waits to hear those who may
	// remember what it promised before it counts itself in without them.
	freshMax = 2 * time.Second
)
