package chain

import (
	"hyperplane/packet"
	"hyperplane/shard"
)

// Ports are divided into classes by their place in a block of PortBlock: the
// first PortsAnyone of each block are class 0, those behind one class for each
// seat. Owners with a quorum behind them give ports of class 0. One that has
// none, or does not know all flows of a slot, gives ports of its own seat's
// class, so that two of them never give the same port towards one destination.
const (
	PortBlock   = 256
	PortsAnyone = 240
)

// PortClass is the class of a port.
func PortClass(port uint16) uint8 {
	if place := port % PortBlock; place >= PortsAnyone {
		return uint8(place-PortsAnyone) + 1
	}
	return 0
}

// The blocks in turn are divided among the classes of inside endpoints, for flows that
// are Independent: block b belongs to class b mod shard.EndpointClasses.

// EndpointClass is the class of a flow's inside endpoint.
func EndpointClass(flow packet.Tuple) uint32 {
	return shard.EndpointClass(flow.VNI(), flow.Proto(), flow.Src, flow.SrcPort)
}

// PortEndpointClass is the class whose endpoints may have a public port.
func PortEndpointClass(port uint16) uint32 {
	return uint32(port/PortBlock) % shard.EndpointClasses
}
