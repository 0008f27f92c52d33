package cellstate

import (
	"slices"
	"time"

	"hyperplane/packet"
)

// NATGateway lets the instances of one VPC reach the internet from its public
// addresses.
type NATGateway struct {
	Name    string
	Service uint32 // >= 1, unique in the cell: what tunnel headers carry
	VPC     *VPC
	Private packet.Addr4   // inside a subnet of the VPC; the source of the gateway's own ICMP
	Public  []packet.Addr4 // 1..8, in the order of the file

	// Draining are those of Public that no new flow gets; the flows that are there go on.
	Draining []packet.Addr4

	Mapping             Mapping
	Filtering           Filtering
	Timeouts            Timeouts
	FlowsPerDestination int  // per public address, protocol, remote address and port; see Mapping
	FlowsPerInstance    int  // that one node holds of one instance; 0: no limit
	ResetOnExpiry       bool // a TCP connection that is forgotten is reset, at both ends
	PortParity          bool // a public port is even where the inside port is, and odd where that is

	PortBlocks *PortBlocks // nil: instances share all ports

	byPublic, byInside map[end]*PortForward
}

// Gives reports whether new flows may get a public address.
func (g *NATGateway) Gives(public packet.Addr4) bool { return !slices.Contains(g.Draining, public) }

// Mapping says what the public port of a packet from inside depends on, besides its
// inside address and port (RFC 4787, section 4.1). It cannot change while the gateway
// lives: flows are found by it.
type Mapping uint8

const (
	// MapByRemote: on the remote address and port too, so that each destination has
	// all ports (address- and port-dependent mapping). It is AWS's.
	MapByRemote Mapping = iota
	// MapIndependent: on nothing else, so that a peer told of the port may answer
	// there (endpoint-independent mapping). FlowsPerDestination then bounds the
	// inside endpoints of one public address and protocol.
	MapIndependent
)

// Filtering says which packets from outside may begin a flow to an inside address and
// port that has a public port (RFC 4787, section 5). All but FilterByRemote need
// MapIndependent.
type Filtering uint8

const (
	// FilterByRemote: none (address- and port-dependent filtering). It is AWS's.
	FilterByRemote Filtering = iota
	// FilterByAddress: those from an address that it has a flow to (address-dependent).
	FilterByAddress
	// FilterNothing: all (endpoint-independent).
	FilterNothing
)

// Profile is a set of defaults.
type Profile uint8

const (
	// ProfileAWS is as AWS's NAT gateway.
	ProfileAWS Profile = iota
	// ProfileRFC is as RFC 4787, 5382, 5508, 6888 and 7857 ask.
	ProfileRFC
)

// Timeouts says how long a flow may be silent before it is forgotten.
type Timeouts struct {
	TCPIdle    time.Duration // both directions open
	TCPOpening time.Duration // no answer seen yet
	TCPClosing time.Duration // FIN both ways, or RST
	UDPIdle    time.Duration
	ICMPIdle   time.Duration
	PortRest   time.Duration // how long a freed public port is not given out again (I6)
}

// Timeouts are those of a gateway that names none.
func (p Profile) Timeouts() Timeouts {
	if p == ProfileRFC {
		return Timeouts{
			TCPIdle:    2*time.Hour + 4*time.Minute, // RFC 5382, REQ-5
			TCPOpening: 4 * time.Minute,             // RFC 5382, REQ-5
			TCPClosing: 4 * time.Minute,             // RFC 5382, REQ-5; RFC 7857, section 2.2
			UDPIdle:    5 * time.Minute,             // RFC 4787, REQ-5
			ICMPIdle:   60 * time.Second,            // RFC 5508, REQ-2
			PortRest:   120 * time.Second,           // RFC 6888, REQ-8
		}
	}
	return Timeouts{
		TCPIdle:    350 * time.Second,
		TCPOpening: 30 * time.Second,
		TCPClosing: 10 * time.Second,
		UDPIdle:    120 * time.Second,
		ICMPIdle:   60 * time.Second,
		PortRest:   5 * time.Second,
	}
}

func (p Profile) mapping() Mapping {
	if p == ProfileRFC {
		return MapIndependent
	}
	return MapByRemote
}

func (p Profile) filtering() Filtering {
	if p == ProfileRFC {
		return FilterNothing
	}
	return FilterByRemote
}
