package cellstate

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"hyperplane/packet"
)

// State is everything a role knows about its cell. It is built once, never
// changed, and safe for any number of readers; a reload makes a new one. The
// slices are in the order of the file and must not be modified.
type State struct {
	Version     uint64
	Cell        string
	CellID      uint32 // low half of shard.NodeID(Cell): what datagrams carry, so that two cells on one underlay do not mix
	Copies      int    // 1 or 2: on how many flow masters each flow is
	UnderlayMTU int    // of the paths between peers: the outer packet fits in it
	InternetMTU int    // of the links behind the edges

	Nodes []Peer // Kind is PeerNode
	Edges []Peer // Kind is PeerEdge
	Hosts []Peer // Kind is PeerHost

	// The nodes of each role, those that drain included. Where there is a NAT
	// gateway, each has at least one, and a top and a flow master do not drain.
	Tops        []*Peer
	FlowMasters []*Peer // at most flowMastersMax
	Deciders    []*Peer

	VPCs      []*VPC
	Gateways  []*NATGateway
	Instances []*Instance

	// Resolvers are whom the VPCs' resolvers ask, in this order; none: there is no DNS.
	Resolvers []netip.Addr

	peers     index[Peer]            // by underlay address
	vpcs      index[VPC]             // by VNI
	services  index[NATGateway]      // by service
	publics   index[NATGateway]      // by public address
	edgeTable []uint16               // maglev: slot → index into Edges, or empty
	byName    map[string]*Peer       // slow path
	byHost    map[string][]*Instance // slow path
	instance6 map[packet.Addr6]*Instance
	ranges6   *bart.Table[*VPC]
}

// MayFollow says why s cannot take the place of the state before it where flows live, or
// nil: a gateway's mapping decides where its flows are found.
func (s *State) MayFollow(before *State) error {
	for _, g := range s.Gateways {
		if was := before.Gateway(g.Service); was != nil && was.Mapping != g.Mapping {
			return fmt.Errorf("the mapping of NAT gateway %q (service %d) was %s and is %s; take another service number for it, which ends its flows", g.Name, g.Service, mappings[was.Mapping], mappings[g.Mapping])
		}
	}
	return nil
}

// Peer returns who holds the underlay address a, or PeerUnknown and nil.
func (s *State) Peer(a packet.Addr4) (PeerKind, *Peer) {
	p := s.peers.get(uint32(a))
	if p == nil {
		return PeerUnknown, nil
	}
	return p.Kind, p
}

// PeerByName returns the node, edge or host of that name, or nil. For starting
// a role and for tools; it hashes a string.
func (s *State) PeerByName(name string) *Peer { return s.byName[name] }

// VPC returns the VPC of a network identifier, or nil.
func (s *State) VPC(vni uint32) *VPC { return s.vpcs.get(vni) }

// Gateway returns the NAT gateway of a service number, or nil.
func (s *State) Gateway(service uint32) *NATGateway { return s.services.get(service) }

// GatewayByPublic returns the NAT gateway that owns the public address a, or nil.
func (s *State) GatewayByPublic(a packet.Addr4) *NATGateway { return s.publics.get(uint32(a)) }

// Instance6 returns the instance that holds the IPv6 address a, or nil: of IPv6, VPCs
// have no two addresses alike.
func (s *State) Instance6(a packet.Addr6) *Instance { return s.instance6[a] }

// Contains6 reports whether a lies in an IPv6 range of one of the VPCs.
func (s *State) Contains6(a packet.Addr6) bool {
	_, ok := s.ranges6.Lookup(a.Netip())
	return ok
}

// Edge returns the edge for a flow's hash, or nil when the cell has none. Every
// node with this state picks the same edge for the same hash (I15), and an edge
// that comes or goes moves few other flows.
func (s *State) Edge(hash uint64) *Peer {
	if len(s.edgeTable) != edgeTableSize {
		return nil
	}
	return &s.Edges[s.edgeTable[hash%edgeTableSize]]
}

// InstancesOn returns the instances whose NICs the named host holds.
func (s *State) InstancesOn(host string) []*Instance { return s.byHost[host] }
