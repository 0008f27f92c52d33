package cellstate

import "hyperplane/packet"

// PeerKind is the role of a machine on the underlay.
type PeerKind uint8

const (
	PeerUnknown PeerKind = iota // not in the state: its datagrams are not believed
	PeerHost                    // runs Nitro for instances
	PeerNode                    // runs the cell's Top, Flow Master, Decider
	PeerEdge                    // runs Blackfoot
)

func (k PeerKind) String() string {
	switch k {
	case PeerHost:
		return "host"
	case PeerNode:
		return "node"
	case PeerEdge:
		return "edge"
	}
	return "unknown"
}

// Peer is one machine on the underlay.
type Peer struct {
	Name string
	Kind PeerKind
	Addr packet.Addr4 // unique among all peers
	ID   uint64       // shard.NodeID(Name): what placement hashes, so that order in the file and address do not matter

	Roles Roles // of a node, at least one; of others none
	Drain bool  // a node that is to give away its flows and take no new packets
}
