package shard

import "hyperplane/packet"

// EndpointClasses is the number of classes of inside endpoints whose public port is the
// same towards every remote end (RFC 4787, section 4.1). A packet from outside tells
// nothing of the inside endpoint but that port, so the port has to tell the owner: each
// class has ports of its own (package chain), and a slot. 42 divides the 252 blocks of
// ports, so each class has six; more classes would have fewer ports, and the fullest be
// full the sooner. It may never change.
const EndpointClasses = 42

// EndpointClass is the class of an inside endpoint, in 0..EndpointClasses-1.
func EndpointClass(vni uint32, proto uint8, inside packet.Addr4, port uint16) uint32 {
	return uint32(hashWords(Placement, uint64(vni)<<32|uint64(inside), endpointDomain|uint64(proto)<<16|uint64(port)) % EndpointClasses)
}

// endpointDomain keeps these hashes apart from those of Slot, whose second word is below.
const endpointDomain = 1 << 32

// EndpointSlot is the slot of all flows of a class of endpoints.
func EndpointSlot(service uint32, proto uint8, class uint32) uint32 {
	return uint32(hashWords(Placement, uint64(service)<<32|uint64(class), endpointDomain|uint64(proto)) % Slots)
}
