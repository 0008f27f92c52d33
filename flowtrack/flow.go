package flowtrack

import (
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
)

// State is where a flow is in its life.
type State uint8

// The states; package documentation draws the transitions.
const (
	// Active: UDP or ICMP echo.
	Active State = iota + 1
	// Opening: TCP, begun from inside, and the internet has not answered.
	Opening
	// Established: TCP, the internet has answered.
	Established
	// Closing: TCP, FIN seen from both sides, or RST from either.
	Closing
	// Resting: the flow has ended, and its port waits before it is free.
	Resting
	// OpeningIn: TCP, begun from outside (see Filtering), and the instance has not
	// answered.
	OpeningIn
)

var stateNames = [...]string{"none", "active", "opening", "established", "closing", "resting", "opening_in"}

// String returns the state's name in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Flow is a copy of what the Flow Master knows of a flow, for people.
type Flow struct {
	Service uint32
	// Inside is the flow as the instance sends it; its destination is the remote.
	Inside packet.Tuple
	// Public and PublicPort stand in for the inside address and port.
	Public     packet.Addr4
	PublicPort uint16
	State      State
	// Independent: they do so towards every remote end.
	Independent bool
	// Owned: this node decides about it; otherwise it holds a copy. Memory: it held
	// it once, and is not sure any more.
	Owned, Memory bool
	// Opened is when the flow, or its latest TCP connection, began; LastSeen is
	// its last packet that was reported; Deadline is when it ends if none comes.
	Opened, LastSeen, Deadline time.Duration
	// Lease is the Decider's name for the decision.
	Lease uint64
}

// Slot is the slot that the flow is in.
func (f *Flow) Slot() uint32 {
	return (&chain.Message{Service: f.Service, Flow: f.Inside, Independent: f.Independent}).Slot()
}
