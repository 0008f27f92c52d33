package cellstate

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Spec is the state file as it is written, before references are resolved. A
// pointer is an optional value: nil means the default named beside it.
type Spec struct {
	Version     uint64         `yaml:"version"`
	Cell        string         `yaml:"cell"`
	Copies      *int           `yaml:"copies,omitempty"`   // 2
	Underlay    *UnderlaySpec  `yaml:"underlay,omitempty"` // mtu 9001
	Internet    *InternetSpec  `yaml:"internet,omitempty"` // mtu 1500
	Resolver    *ResolverSpec  `yaml:"resolver,omitempty"` // none: instances are answered no DNS
	Nodes       []NodeSpec     `yaml:"nodes,omitempty"`
	Edges       []PeerSpec     `yaml:"edges,omitempty"`
	Hosts       []PeerSpec     `yaml:"hosts,omitempty"`
	VPCs        []VPCSpec      `yaml:"vpcs,omitempty"`
	NATGateways []GatewaySpec  `yaml:"nat_gateways,omitempty"`
	Instances   []InstanceSpec `yaml:"instances,omitempty"`
}

// UnderlaySpec describes the network between the peers.
type UnderlaySpec struct {
	MTU int `yaml:"mtu"`
}

// InternetSpec describes the network behind the edges.
type InternetSpec struct {
	MTU int `yaml:"mtu"`
}

// ResolverSpec says whom the VPCs' resolvers ask. Hosts reach them by their own network,
// at port 53.
type ResolverSpec struct {
	Upstreams []netip.Addr `yaml:"upstreams,flow"`
}

// NodeSpec is a node.
type NodeSpec struct {
	Name    string     `yaml:"name"`
	Address netip.Addr `yaml:"address"`
	Roles   []string   `yaml:"roles,flow,omitempty"` // nil: all three; an empty list is refused
	Drain   bool       `yaml:"drain,omitempty"`
}

// PeerSpec is an edge or a host.
type PeerSpec struct {
	Name    string     `yaml:"name"`
	Address netip.Addr `yaml:"address"`
}

// VPCSpec is a tenant's network.
type VPCSpec struct {
	Name        string           `yaml:"name"`
	VNI         uint32           `yaml:"vni"`
	CIDRs       []netip.Prefix   `yaml:"cidrs,flow"`
	IPv6CIDRs   []netip.Prefix   `yaml:"ipv6_cidrs,flow,omitempty"`
	NAT64Prefix *netip.Prefix    `yaml:"nat64_prefix,omitempty"` // 64:ff9b::/96
	RouteTables []RouteTableSpec `yaml:"route_tables,omitempty"`
	Subnets     []SubnetSpec     `yaml:"subnets,omitempty"`
}

// RouteTableSpec is a named list of routes.
type RouteTableSpec struct {
	Name   string      `yaml:"name"`
	Routes []RouteSpec `yaml:"routes,omitempty"`
}

// RouteSpec has exactly one of the three ways. Of IPv6 a NAT gateway carries what lies in
// the VPC's NAT64 prefix, and the egress-only gateway everything else.
type RouteSpec struct {
	Destination       netip.Prefix `yaml:"destination"`
	NATGateway        string       `yaml:"nat_gateway,omitempty"`
	EgressOnlyGateway bool         `yaml:"egress_only_gateway,omitempty"`
	Blackhole         bool         `yaml:"blackhole,omitempty"`
}

// SubnetSpec is a part of a VPC.
type SubnetSpec struct {
	Name       string        `yaml:"name"`
	CIDR       netip.Prefix  `yaml:"cidr"`
	IPv6CIDR   *netip.Prefix `yaml:"ipv6_cidr,omitempty"`   // a /64
	DNS64      bool          `yaml:"dns64,omitempty"`       // its resolver makes AAAA records of A records
	RouteTable string        `yaml:"route_table,omitempty"` // none: only the VPC itself is reached
}

// GatewaySpec is a NAT gateway.
type GatewaySpec struct {
	Name                string        `yaml:"name"`
	Service             uint32        `yaml:"service"`
	VPC                 string        `yaml:"vpc"`
	Address             netip.Addr    `yaml:"address"`
	PublicAddresses     []netip.Addr  `yaml:"public_addresses,flow"`
	DrainingAddresses   []netip.Addr  `yaml:"draining_addresses,flow,omitempty"`
	Profile             string        `yaml:"profile,omitempty"`               // aws
	Mapping             string        `yaml:"mapping,omitempty"`               // the profile's
	Filtering           string        `yaml:"filtering,omitempty"`             // the profile's
	Timeouts            *TimeoutsSpec `yaml:"timeouts,omitempty"`              // the profile's
	FlowsPerDestination *int          `yaml:"flows_per_destination,omitempty"` // 55000
	FlowsPerInstance    *int          `yaml:"flows_per_instance,omitempty"`    // no limit
	PortParity          bool          `yaml:"port_parity,omitempty"`
	ResetOnExpiry       bool          `yaml:"reset_on_expiry,omitempty"`
	PortBlocks          *BlocksSpec   `yaml:"port_blocks,omitempty"`
	PortForwards        []ForwardSpec `yaml:"port_forwards,omitempty"`
}

// BlocksSpec gives every address of a range ports of its own.
type BlocksSpec struct {
	Inside netip.Prefix `yaml:"inside"`
	Blocks int          `yaml:"blocks"`
}

// ForwardSpec is a port forward.
type ForwardSpec struct {
	Protocol      string      `yaml:"protocol"`
	PublicAddress *netip.Addr `yaml:"public_address,omitempty"` // the gateway's, if it has one
	PublicPort    int         `yaml:"public_port"`
	Instance      string      `yaml:"instance"`
	Port          int         `yaml:"port"`
}

// TimeoutsSpec overrides some of the profile's.
type TimeoutsSpec struct {
	TCPIdle    *Duration `yaml:"tcp_idle,omitempty"`
	TCPOpening *Duration `yaml:"tcp_opening,omitempty"`
	TCPClosing *Duration `yaml:"tcp_closing,omitempty"`
	UDPIdle    *Duration `yaml:"udp_idle,omitempty"`
	ICMPIdle   *Duration `yaml:"icmp_idle,omitempty"`
	PortRest   *Duration `yaml:"port_rest,omitempty"`
}

// InstanceSpec is one instance and where it runs. It has an IPv4 address, an IPv6
// address, or both.
type InstanceSpec struct {
	Name        string      `yaml:"name"`
	VPC         string      `yaml:"vpc"`
	Address     *netip.Addr `yaml:"address,omitempty"`
	IPv6Address *netip.Addr `yaml:"ipv6_address,omitempty"`
	Host        string      `yaml:"host"`
	MTU         *int        `yaml:"mtu,omitempty"`    // 1500
	NetNS       string      `yaml:"netns,omitempty"`  // the instance's name
	Device      string      `yaml:"device,omitempty"` // eth0
}

// Duration is a time.Duration that reads and writes as 350s or 1m30s.
type Duration time.Duration

// MarshalText writes the duration so that time.ParseDuration reads it back.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is shorter than time.Duration's: seconds below an hour, as the
// documented timeouts are named, and no parts that are zero.
func (d Duration) String() string {
	t := time.Duration(d)
	if t%time.Second == 0 && t > -time.Hour && t < time.Hour {
		return strconv.FormatInt(int64(t/time.Second), 10) + "s"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Marshal writes the file that Parse reads back to an equal Spec.
func (s *Spec) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
