package shard

import "hyperplane/packet"

// Slots is the number of slots of a service. A slot is the unit of ownership:
// all flows in it have the same primary, secondary and witness. It bounds what a
// node must say about its promises and may never change.
const Slots = 1024

// Slot returns the slot of a flow, in 0..Slots-1. Remote is the end that is not
// translated (NAT: the internet peer; load balancer: the client). Both
// directions carry it in clear, so both find the same owner.
func Slot(service uint32, proto uint8, remote packet.Addr4, remotePort uint16) uint32 {
	h := hashWords(Placement, uint64(service)<<32|uint64(remote), uint64(proto)<<16|uint64(remotePort))
	return uint32(h % Slots)
}

// OwnerKey is the key under which Rank orders the owners of a service's slot.
func OwnerKey(service, slot uint32) uint64 { return uint64(service)<<32 | uint64(slot) }
