package liveness

import (
	"hyperplane/packet"
	"hyperplane/shard"
)

// Slot returns the slot of a flow, given as the instance sends it: inside →
// remote. Senders on both sides use it, so that the packets of both directions
// reach the same Top. View.Tuple of an ICMP error is the flow that it is about,
// so errors reach the Top that has the flow's entry. ICMP's identifier is
// translated like a port, so only the remote address of an echo is the same on
// both sides.
func Slot(service uint32, flow packet.Tuple) uint32 {
	port := flow.DstPort
	if flow.Proto() == packet.ProtoICMP {
		port = 0
	}
	return shard.Slot(service, flow.Proto(), flow.Dst, port)
}
