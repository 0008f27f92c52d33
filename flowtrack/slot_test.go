package flowtrack

import (
	"hyperplane/chain"
	"hyperplane/packet"
)

// slotOf is the slot of a flow whose port depends on the remote end.
func slotOf(service uint32, flow packet.Tuple) uint32 {
	return (&chain.Message{Service: service, Flow: flow}).Slot()
}
