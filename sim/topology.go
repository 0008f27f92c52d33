package sim

import (
	"fmt"
	"net/netip"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
)

// Numbering. Places are the nodes, then the edges, then the hosts.
func (p *Plan) places() int { return len(p.nodes) + p.edges + p.hosts }

func placeAddr(i int) packet.Addr4 { return packet.Addr4(172<<24 | 31<<16 | 1<<8 | (i + 1)) }

const (
	instanceBase = packet.Addr4(10<<24 | 1<<8 | 10) // the same in every tenant
	publicBase   = packet.Addr4(198<<24 | 51<<16 | 100<<8 | 1)
	serverBase   = packet.Addr4(203<<24 | 113<<8 | 10)
	vniBase      = 100
)

// Few remotes, so that slots and ports are contended for.
const (
	servers         = 2
	instancesOfEach = 3 // of each tenant
)

// spec is the state at a version, with the nodes that are declared and those
// of them that drain.
func (p *Plan) spec(version uint64, gone, draining map[int]bool) *cellstate.Spec {
	s := &cellstate.Spec{
		Version: version, Cell: "sim",
		Underlay: &cellstate.UnderlaySpec{MTU: 9001}, Internet: &cellstate.InternetSpec{MTU: 1500},
	}
	i := 0
	for n := range p.nodes {
		if !gone[n] {
			s.Nodes = append(s.Nodes, nodeSpec(p.nodes[n].name, placeAddr(i).Netip(), p.nodes[n].roles, draining[n]))
		}
		i++
	}
	for e := range p.edges {
		s.Edges = append(s.Edges, cellstate.PeerSpec{Name: fmt.Sprintf("edge-%d", e+1), Address: placeAddr(i).Netip()})
		i++
	}
	for h := range p.hosts {
		s.Hosts = append(s.Hosts, cellstate.PeerSpec{Name: fmt.Sprintf("host-%d", h+1), Address: placeAddr(i).Netip()})
		i++
	}
	for t := range p.tenants {
		p.tenantSpec(s, t)
	}
	return s
}

func (p *Plan) tenantSpec(s *cellstate.Spec, t int) {
	name := fmt.Sprintf("tenant-%d", t+1)
	gw := "nat-" + name
	s.VPCs = append(s.VPCs, cellstate.VPCSpec{
		Name: name, VNI: vniBase + uint32(t), CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
		RouteTables: []cellstate.RouteTableSpec{{Name: "main", Routes: []cellstate.RouteSpec{
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), NATGateway: gw}}}},
		Subnets: []cellstate.SubnetSpec{
			{Name: "public", CIDR: netip.MustParsePrefix("10.0.0.0/24")},
			{Name: "private", CIDR: netip.MustParsePrefix("10.0.1.0/24"), RouteTable: "main"},
		},
	})
	d := func(t time.Duration) *cellstate.Duration { v := cellstate.Duration(t); return &v }
	o := p.timeouts
	mapping := "address-and-port-dependent"
	if p.isIndependent(t) {
		mapping = "endpoint-independent"
	}
	s.NATGateways = append(s.NATGateways, cellstate.GatewaySpec{
		Name: gw, Service: uint32(t + 1), VPC: name, Address: netip.MustParseAddr("10.0.0.5"),
		PublicAddresses: []netip.Addr{(publicBase + packet.Addr4(t)).Netip()},
		Mapping:         mapping,
		Timeouts: &cellstate.TimeoutsSpec{
			TCPIdle: d(o.tcpIdle), TCPOpening: d(o.tcpOpening), TCPClosing: d(o.tcpClosing),
			UDPIdle: d(o.udpIdle), ICMPIdle: d(o.icmpIdle), PortRest: d(o.portRest),
		},
		FlowsPerDestination: &p.flowsPerDestination,
	})
	for i := range instancesOfEach {
		s.Instances = append(s.Instances, cellstate.InstanceSpec{
			Name: fmt.Sprintf("%s-%d", name, i+1), VPC: name,
			Address: new((instanceBase + packet.Addr4(i)).Netip()), Host: fmt.Sprintf("host-%d", (t+i)%p.hosts+1),
		})
	}
}
