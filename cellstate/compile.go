package cellstate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gaissmai/bart"

	"hyperplane/packet"
	"hyperplane/shard"
)

// compiler turns a Spec into a State. Its steps go from what stands alone to
// what refers to it:
//
//	header → peers → roles → VPCs (CIDRs, subnets) → gateways → routes → instances → finish
//
// A step that finds a problem reports it and goes on, so that one run finds them
// all; the State is dropped at the end if there was any.
type compiler struct {
	*report
	spec  Spec // its lists cut to the limits
	state *State

	peerAt  map[packet.Addr4]string // path of who holds the underlay address
	vpc     map[string]*vpcScope
	gateway map[string]*NATGateway
	cidrs   bart.Table[string] // every VPC's CIDR → its path
}

func compile(r *report, spec *Spec) (*State, error) {
	c := &compiler{
		report: r, spec: *spec, state: &State{ranges6: new(bart.Table[*VPC]), instance6: map[packet.Addr6]*Instance{}},
		peerAt:  map[packet.Addr4]string{},
		vpc:     map[string]*vpcScope{},
		gateway: map[string]*NATGateway{},
	}
	s := &c.spec
	s.Nodes, s.Edges, s.Hosts = within(c, "nodes", s.Nodes, nodesMax), within(c, "edges", s.Edges, edgesMax), within(c, "hosts", s.Hosts, hostsMax)
	s.VPCs, s.NATGateways = within(c, "vpcs", s.VPCs, vpcsMax), within(c, "nat_gateways", s.NATGateways, gatewaysMax)
	s.Instances = within(c, "instances", s.Instances, instancesMax)
	c.header()
	c.peers()
	c.roles()
	c.vpcs()
	c.gateways()
	c.routes()
	c.instances()
	c.forwards()
	c.blockHolders()
	c.resolver()
	if err := c.err(); err != nil {
		return nil, err
	}
	c.finish()
	return c.state, nil
}

func (c *compiler) header() {
	s := c.state
	if s.Version = c.spec.Version; s.Version == 0 {
		if c.given("version") {
			c.at("version", "is 0; versions begin at 1")
		} else {
			c.at("version", "is missing; write version: 1 and count up with every change")
		}
	}
	s.Cell, s.CellID = c.spec.Cell, uint32(shard.NodeID(c.spec.Cell))
	c.name("cell", s.Cell)
	s.Copies = or(c.spec.Copies, copiesDefault)
	c.number("copies", s.Copies, copiesMin, copiesMax)
	s.UnderlayMTU, s.InternetMTU = underlayMTUDefault, internetMTUDefault
	if u := c.spec.Underlay; u != nil {
		s.UnderlayMTU = u.MTU
		c.number("underlay.mtu", u.MTU, underlayMTUMin, underlayMTUMax)
	}
	if i := c.spec.Internet; i != nil {
		s.InternetMTU = i.MTU
		c.number("internet.mtu", i.MTU, internetMTUMin, internetMTUMax)
	}
}

func (c *compiler) peers() {
	var nodes []PeerSpec // what they have in common with the others
	for _, n := range c.spec.Nodes {
		nodes = append(nodes, PeerSpec{n.Name, n.Address})
	}
	names, ids := map[string]string{}, map[uint64]string{}
	for _, list := range []struct {
		path string
		kind PeerKind
		spec []PeerSpec
		out  *[]Peer
	}{
		{"nodes", PeerNode, nodes, &c.state.Nodes},
		{"edges", PeerEdge, c.spec.Edges, &c.state.Edges},
		{"hosts", PeerHost, c.spec.Hosts, &c.state.Hosts},
	} {
		for i, p := range list.spec {
			path := elem(list.path, i)
			peer := Peer{Name: p.Name, Kind: list.kind, ID: shard.NodeID(p.Name)}
			if c.name(path+".name", p.Name) && c.unique(names, p.Name, path+".name", "the name of") {
				if other, ok := ids[peer.ID]; ok {
					c.at(path+".name", "hashes to the same id as the name of %s; choose another name", other)
				}
				ids[peer.ID] = path
			}
			var ok bool
			if peer.Addr, ok = c.addr(path+".address", p.Address); ok {
				if other, taken := c.peerAt[peer.Addr]; taken {
					c.at(path+".address", "%s is already the address of %s; every peer needs its own", peer.Addr, other)
				} else {
					c.peerAt[peer.Addr] = path
				}
			}
			*list.out = append(*list.out, peer)
		}
	}
}

// finish places what the checks have proved right: look-up tables and edges.
func (c *compiler) finish() {
	s := c.state
	s.byName, s.byHost = map[string]*Peer{}, map[string][]*Instance{}
	var peers []*Peer
	for _, list := range [][]Peer{s.Nodes, s.Edges, s.Hosts} {
		for i := range list {
			peers = append(peers, &list[i])
			s.byName[list[i].Name] = &list[i]
		}
	}
	s.peers.build(peers, func(p *Peer) uint32 { return uint32(p.Addr) })
	s.vpcs.build(s.VPCs, func(v *VPC) uint32 { return v.VNI })
	for _, v := range s.VPCs {
		v.instances.build(v.addressed(), func(i *Instance) uint32 { return uint32(i.Addr) })
	}
	for _, i := range s.Instances {
		s.byHost[i.Host.Name] = append(s.byHost[i.Host.Name], i)
	}
	s.services.build(s.Gateways, func(g *NATGateway) uint32 { return g.Service })
	var publics []*NATGateway
	var addrs []uint32
	for _, g := range s.Gateways {
		for _, a := range g.Public {
			publics, addrs = append(publics, g), append(addrs, uint32(a))
		}
	}
	s.publics.buildKeys(publics, addrs)
	var edges []uint64
	for i := range s.Edges {
		edges = append(edges, s.Edges[i].ID)
	}
	s.edgeTable = shard.Maglev(edges, edgeTableSize)
}

// name checks a required name.
func (c *compiler) name(path, s string) bool {
	if s == "" {
		c.at(path, "is missing; write a name of 1 to %d of the characters a-z, 0-9 and -", nameLenMax)
		return false
	}
	return c.optionalName(path, s, nameLenMax)
}

// optionalName checks a name that may be left out.
func (c *compiler) optionalName(path, s string, most int) bool {
	good := len(s) <= most
	for i := 0; good && i < len(s); i++ {
		good = s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-'
	}
	if !good {
		c.at(path, "is %s; allowed are 1 to %d of the characters a-z, 0-9 and -", quote(s), most)
	}
	return good
}

// within checks the length of a list and returns what is looked at: work is
// bounded by the limits, not by the file.
func within[T any](c *compiler, path string, list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	c.at(path, "has %d entries; at most %d are allowed", len(list), most)
	return list[:most]
}

// unique notes that the thing at path uses value, or reports who already does.
func (c *compiler) unique(seen map[string]string, value, path, what string) bool {
	owner := path[:max(0, strings.LastIndexByte(path, '.'))]
	if other, taken := seen[value]; taken {
		c.at(path, "%q is already %s %s; choose another", value, what, other)
		return false
	}
	seen[value] = owner
	return true
}

// number checks a required number; bounds are included.
func (c *compiler) number(path string, n, least, most int) bool {
	if n >= least && n <= most {
		return true
	}
	if n == 0 && !c.given(path) {
		c.at(path, "is missing; write a number from %d to %d", least, most)
	} else {
		c.at(path, "is %d; allowed are %d to %d", n, least, most)
	}
	return false
}

// refer reports a reference that is missing or leads nowhere.
func refer[T any](c *compiler, path, name, what string, declared []T, nameOf func(T) string) {
	var known []string
	for _, d := range declared {
		if n := nameOf(d); n != "" {
			known = append(known, n)
		}
	}
	list := "none is declared"
	if len(known) > namesShownMax {
		list = fmt.Sprintf("%d are declared, among them %s", len(known), strings.Join(known[:namesShownMax], ", "))
	} else if len(known) > 0 {
		list = "declared: " + strings.Join(known, ", ")
	}
	if name == "" {
		c.at(path, "is missing; write the name of a %s (%s)", what, list)
	} else {
		c.at(path, "there is no %s called %s (%s)", what, quote(name), list)
	}
}

func elem(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func or[T cmp.Ordered](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
