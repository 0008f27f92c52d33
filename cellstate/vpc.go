package cellstate

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"hyperplane/packet"
)

// VPC is one tenant's network. Its addresses mean something only together with
// its VNI: two VPCs may use the same ones and never meet (I7).
type VPC struct {
	Name      string
	VNI       uint32 // 1..1<<24-1, unique
	CIDRs     []netip.Prefix
	CIDRs6    []netip.Prefix  // apart from those of all other VPCs
	NAT64     packet.Prefix64 // under which its instances see IPv4 addresses
	Subnets   []*Subnet
	Instances []*Instance

	// Resolver is the third address of the first of CIDRs: one at which instances find
	// their resolver, as AWS's do.
	Resolver packet.Addr4

	ranges    []span          // CIDRs as masks, for Contains
	instances index[Instance] // by address
}

// Instance returns the instance that holds the address a, or the NAT64 side of one (see
// Instance.NAT64), or nil.
func (v *VPC) Instance(a packet.Addr4) *Instance { return v.instances.get(uint32(a)) }

// Contains reports whether a lies in one of the VPC's CIDRs.
func (v *VPC) Contains(a packet.Addr4) bool {
	for i := range v.ranges {
		if v.ranges[i].contains(a) {
			return true
		}
	}
	return false
}

// Subnet returns the subnet that contains a, or nil. It walks the subnets: not
// for every packet.
func (v *VPC) Subnet(a packet.Addr4) *Subnet {
	for _, s := range v.Subnets {
		if s.Contains(a) {
			return s
		}
	}
	return nil
}

// Where instances of every VPC find their resolver, besides VPC.Resolver.
// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
var (
	ResolverLinkLocal packet.Addr4 = 169<<24 | 254<<16 | 169<<8 | 253
	Resolver6                      = packet.Addr6{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x53} // fd00:ec2::253
)

// IsResolver reports whether a is an address of the VPC's resolver.
func (v *VPC) IsResolver(a packet.Addr4) bool { return a == v.Resolver || a == ResolverLinkLocal }

// IsRouter6 reports whether a is the IPv6 address of a subnet's router. It walks the
// subnets.
func (v *VPC) IsRouter6(a packet.Addr6) bool {
	for _, s := range v.Subnets {
		if s.CIDR6.IsValid() && s.Router6 == a {
			return true
		}
	}
	return false
}

// Instance is a network namespace with one NIC in a VPC.
type Instance struct {
	Name   string
	VPC    *VPC
	Subnet *Subnet
	Addr   packet.Addr4 // 0: IPv6 only
	Addr6  packet.Addr6 // unspecified: IPv4 only
	Host   *Peer
	MTU    int
	NetNS  string // namespace on the host; the instance's name by default
	Device string // the NIC's name inside it; "eth0" by default

	// NAT64 is what an instance with an IPv6 address is to the rest of the cell where it
	// speaks to IPv4: an instance with an IPv4 address that nobody else has. Of that one,
	// Of leads back.
	NAT64, Of *Instance
}

// Has6 reports whether the instance has an IPv6 address.
func (i *Instance) Has6() bool { return i.Addr6 != packet.Addr6{} }

// Subnet is a part of a VPC with one route table.
type Subnet struct {
	Name   string
	VPC    *VPC
	CIDR   netip.Prefix
	CIDR6  netip.Prefix // not valid: IPv4 only
	DNS64  bool
	Router packet.Addr4 // the first address after the network's; Nitro answers for it

	// Router6 is the same of CIDR6, the source of ICMPv6 errors.
	Router6 packet.Addr6

	span   span
	routes *bart.Table[Target] // shared by the subnets of one route table
}

// Contains reports whether a lies in the subnet.
func (s *Subnet) Contains(a packet.Addr4) bool { return s.span.contains(a) }

// Route returns where a packet for dst goes from this subnet: the most specific
// of the route table's routes and the VPC's own CIDRs (which are always local).
func (s *Subnet) Route(dst packet.Addr4) Target {
	t, _ := s.routes.Lookup(dst.Netip())
	return t
}

// Route6 is Route for IPv6.
func (s *Subnet) Route6(dst packet.Addr6) Target {
	t, _ := s.routes.Lookup(dst.Netip())
	return t
}

// RouteKind says what a route does with a packet.
type RouteKind uint8

const (
	RouteNone      RouteKind = iota // no route: unreachable
	RouteLocal                      // to an instance or router of this VPC
	RouteNAT                        // to Target.Gateway; of IPv6, by way of NAT64
	RouteEgress                     // IPv6, to the internet and only answers back
	RouteBlackhole                  // declared to be dropped
)

func (k RouteKind) String() string {
	switch k {
	case RouteLocal:
		return "local"
	case RouteNAT:
		return "nat"
	case RouteEgress:
		return "egress-only"
	case RouteBlackhole:
		return "blackhole"
	}
	return "none"
}

// Target is the answer of a route table.
type Target struct {
	Kind    RouteKind
	Gateway *NATGateway // set if and only if Kind is RouteNAT
}
