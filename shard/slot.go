package shard

import "hyperplane/packet"

// Slots is the number of slots of a cell. A slot is the unit of ownership: all
// flows in it, of whatever service, have the same primary and secondary. It
// bounds what a node must say about its promises and may never change.
const Slots = 1024

// Slot returns the slot of a flow, in 0..Slots-1. Remote is the end that is not
// translated (NAT: the internet peer; load balancer: the client). Both
// directions carry it in clear, so both find the same owner.
func Slot(service uint32, proto uint8, remote packet.Addr4, remotePort uint16) uint32 {
	h := hashWords(Placement, uint64(service)<<32|uint64(remote), uint64(proto)<<16|uint64(remotePort))
	return uint32(h % Slots)
}

// FragmentSlot is the slot of a fragment from the internet, which has no ports:
// all pieces of a packet have one, so that one Top collects them. It need not be
// that of the packet's flow; the owner is found when the packet is whole.
func FragmentSlot(service uint32, proto uint8, src packet.Addr4, id uint16) uint32 {
	return Slot(service, proto, src, id)
}

// OwnerKey is the key under which Rank orders the owners of a service's slot.
// Service is 0 today, for all services: a cell has one map of its 1024 slots,
// which Table holds. Another number is for a service that is to have a map, and
// so shards, of its own.
func OwnerKey(service, slot uint32) uint64 { return uint64(service)<<32 | uint64(slot) }
