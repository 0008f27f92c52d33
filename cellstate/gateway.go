package cellstate

import (
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

	Timeouts            Timeouts
	FlowsPerDestination int // per public address, protocol, remote address and port
}

// Timeouts says how long a flow may be silent before it is forgotten.
type Timeouts struct {
	TCPIdle    time.Duration // both directions open
	TCPOpening time.Duration // no answer seen yet
	TCPClosing time.Duration // FIN both ways, or RST
	UDPIdle    time.Duration
	ICMPIdle   time.Duration
	PortRest   time.Duration // how long a freed public port is not given out again (I6)
}

// DefaultTimeouts are those of a gateway that names none.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		TCPIdle:    350 * time.Second,
		TCPOpening: 30 * time.Second,
		TCPClosing: 10 * time.Second,
		UDPIdle:    120 * time.Second,
		ICMPIdle:   60 * time.Second,
		PortRest:   5 * time.Second,
	}
}
