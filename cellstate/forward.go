package cellstate

import "hyperplane/packet"

// PortForward gives a port of a gateway's public address to a port of an instance, for as
// long as it is declared: whoever sends there reaches it, and what it sends from there
// leaves by it.
type PortForward struct {
	Proto      uint8 // TCP or UDP
	Public     packet.Addr4
	PublicPort uint16 // any but 0; none of those below 1024 is ever given to others
	Inside     packet.Addr4
	InsidePort uint16
}

// end is one end of a forward as a key.
type end struct {
	addr  packet.Addr4
	port  uint16
	proto uint8
}

// ForwardTo returns the forward of a public port, or nil.
func (g *NATGateway) ForwardTo(proto uint8, public packet.Addr4, port uint16) *PortForward {
	return g.byPublic[end{public, port, proto}]
}

// ForwardFrom returns the forward of an inside address and port, or nil.
func (g *NATGateway) ForwardFrom(proto uint8, inside packet.Addr4, port uint16) *PortForward {
	return g.byInside[end{inside, port, proto}]
}

// Independent reports whether a flow, as its instance sends it, is found by its inside
// endpoint. One of a forward is not: both its ends are declared, so every node knows them.
func (g *NATGateway) Independent(flow packet.Tuple) bool {
	return g.Mapping == MapIndependent && g.ForwardFrom(flow.Proto(), flow.Src, flow.SrcPort) == nil
}

// IndependentReply is Independent of a packet from outside, as it came.
func (g *NATGateway) IndependentReply(t packet.Tuple) bool {
	return g.Mapping == MapIndependent && g.ForwardTo(t.Proto(), t.Dst, t.DstPort) == nil
}
