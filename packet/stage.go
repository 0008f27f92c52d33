package packet

// What a datagram between hosts, nodes and edges is for: the values of
// [Tunnel.Stage]. The numbers are on the wire. A stage above the last is of a
// newer version: it has the form of a control datagram, and whoever receives it
// drops it (drop.BadMessage).
const (
	// StageData is a packet from or for a host or an edge.
	StageData uint8 = iota
	// StageChain is a packet on its way along the chain of tiers, with the
	// message that it caused in a second option.
	StageChain
	// StageMessages is a batch of chain messages.
	StageMessages
	// StageHello is a hello of the cell's membership.
	StageHello
	// StageProbe asks a node whether it is alive, or answers that.
	StageProbe
)

// Control reports whether the datagram carries no packet: its payload is a
// message of its own. On the wire the O bit says the same (RFC 8926, section
// 3.4), so that equipment on the path can tell without knowing our stages.
func (t *Tunnel) Control() bool { return t.Stage >= StageMessages }
